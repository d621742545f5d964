import { expect, it } from 'vitest';
import { RESOURCES, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { fakeTenant, gate, held, onePage, pageOf, pagesOf } from './fake-activities.js';
import { courseOf, eventsOf, useLab } from './lab.js';

const file = useLab();

it('carries counts, cursor, block and the ids of the run over, and opens and closes it once', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(5) });
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const handle = await start('extractLogs', workflowId, { activitiesPerRun: 2 });
    const result = await handle.result();
    expect(result).toMatchObject({ status: 'completed', pages: 5, rows: 500, requests: 5, cursor: 'log-5' });
    const [open, ...more] = fake.inputs('openRun');
    expect(more).toEqual([]);
    expect(result.runId).toBe(open?.runId);
    expect(fake.inputs('fetchPages').map(({ cursor, block }) => [pageOf(cursor), block])).toEqual(
      [0, 1, 2, 3, 4].map((page) => [page, page]),
    );
    const runs = new Set(fake.inputs('fetchPages').map(({ runId, epoch }) => `${runId} ${epoch}`));
    expect([...runs]).toEqual([`${open?.runId} ${open?.epoch}`]);
    expect(fake.inputs('closeRun').map(({ state }) => [state.runId, state.block, state.firstCursor])).toEqual([
      [open?.runId, 5, 'log-1'],
    ]);

    // The last run in the chain answers for the whole.
    const progress = await handle.query('progress');
    expect(progress).toMatchObject({ phase: 'done', pages: 5, startedAt: new Date(open?.epoch ?? 0).toISOString() });
    const ids = [open?.runId];
    for (let runId: string | null | undefined = open?.runId; runId;) {
      const events = await eventsOf({ client }, workflowId, runId);
      runId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      if (runId) ids.push(runId);
    }
    expect(ids).toHaveLength(3);
    const page = ['fetchPages scheduled', 'fetchPages completed'];
    const second = courseOf(await eventsOf({ client }, workflowId, ids[1]));
    expect(second).toEqual([...page, ...page, 'run continued as new']);
    const third = courseOf(await eventsOf({ client }, workflowId, ids[2]));
    expect(third).toEqual([...page, 'closeRun scheduled', 'closeRun completed', 'run completed']);
  });
});

it('does not begin another run when the last page was the last activity of one', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(2) });
  const workflowId = resourceWorkflowId(fake.tenant, 'clients');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractClients', workflowId, { activitiesPerRun: 2 });
    expect(await handle.result()).toMatchObject({ status: 'completed', pages: 2 });
    expect((await handle.describe()).runId).toBe(fake.inputs('openRun')[0]?.runId);
  });
});

it('gives a parent the result of the last run in each chain', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(3) });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const input = { activitiesPerRun: 1 };
    const { resources } = await (await start('extractTenant', tenantWorkflowId(fake.tenant), input)).result();
    expect(RESOURCES.map((resource) => resources[resource]?.pages)).toEqual([3, 3, 3]);
  });
  expect(fake.inputs('openRun')).toHaveLength(3);
  expect(fake.inputs('closeRun')).toHaveLength(3);
});

it('keeps the export job and the lines that were loaded', async () => {
  const waits = ['pending', 'completed'] as const;
  let waited = 0;
  const fake = fakeTenant({
    fetchPages: async ({ cursor, block }) => ({ ...onePage(cursor, block, 10), switchTo: 'users-export' }),
    awaitUsersExport: async () => ({ outcome: waits[waited++] ?? 'gone', requests: 1 }),
  });
  const workflowId = resourceWorkflowId(fake.tenant, 'users');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractUsers', workflowId, { activitiesPerRun: 1 });
    const result = await handle.result();
    const [open] = fake.inputs('openRun');
    expect(result).toMatchObject({ status: 'completed', mode: 'users-export', rows: 1_300, runId: open?.runId });
    // It is another run that goes on with the job.
    expect((await handle.describe()).runId).not.toBe(open?.runId);
  });
  expect(fake.inputs('startUsersExport')).toHaveLength(1);
  expect(fake.inputs('awaitUsersExport').map(({ jobId }) => jobId)).toEqual(['job-1', 'job-1']);
  expect(fake.inputs('loadUsersExport').map(({ block, skipLines }) => [block, skipLines])).toEqual([[1, 0]]);
});

it('can be cancelled in a later run of the chain', async () => {
  const fake = fakeTenant({
    async fetchPages({ cursor, block }) {
      if (block === 3) await held(gate());
      return onePage(cursor, block, 10);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'), { activitiesPerRun: 2 });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(4);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
  });
  expect(fake.inputs('closeRun').map(({ result }) => [result.status, result.pages, result.cursor])).toEqual([
    ['cancelled', 3, 'log-3'],
  ]);
});
