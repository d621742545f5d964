import { Context } from '@temporalio/activity';
import { CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { RESOURCES, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { fakeTenant, gate, held, onePage, soonRetried } from './fake-activities.js';
import { courseOf, endOf, eventsOf, useLab } from './lab.js';

const file = useLab();

/** Resources whose second page never ends by itself. */
const stuckTenant = () =>
  fakeTenant({
    async fetchPages({ cursor, block }) {
      if (block === 1) await held(gate());
      return onePage(cursor, block, 3);
    },
  });

it('cancels the children of a cancelled parent, and ends as cancelled itself', async () => {
  const fake = stuckTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(6);
    await parent.cancel();
    expect((await endOf(parent)).cause).toBeInstanceOf(CancelledFailure);
    expect(courseOf(await eventsOf(file.lab, parent.workflowId)).at(-1)).toBe('run canceled');
    for (const resource of RESOURCES) {
      const course = courseOf(await eventsOf(file.lab, resourceWorkflowId(fake.tenant, resource)));
      expect(course.at(-1)).toBe('run canceled');
    }
  });
  const ends = fake.inputs('closeRun').map(({ result }) => `${result.resource} ${result.status} ${result.rows}`);
  expect(ends.sort()).toEqual(['clients cancelled 100', 'logs cancelled 100', 'users cancelled 100']);
});

it('lets the page in flight end before it closes the run', async () => {
  const fake = stuckTenant();
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    await handle.cancel();
    await endOf(handle);
  });
  const course = courseOf(await eventsOf(file.lab, workflowId));
  expect(course.slice(course.indexOf('run cancel requested'))).toEqual([
    'run cancel requested',
    'fetchPages cancel requested',
    'fetchPages canceled',
    'closeRun scheduled',
    'closeRun completed',
    'run canceled',
  ]);
});

it('keeps the rows of a page that was finished in spite of the cancellation', async () => {
  const fake = fakeTenant({
    async fetchPages({ cursor, block }) {
      // Stores what it has instead of throwing, as a fetch does whose pages are on their way to the destination.
      await held(gate()).catch(() => {});
      return onePage(cursor, block, 5);
    },
  });
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(1);
    await handle.cancel();
    expect((await endOf(handle)).cause).toBeInstanceOf(CancelledFailure);
  });
  expect(fake.inputs('fetchPages')).toHaveLength(1);
  const [close, ...more] = fake.inputs('closeRun');
  expect(more).toEqual([]);
  expect(close?.result).toMatchObject({ status: 'cancelled', pages: 1, rows: 100, cursor: 'log-1' });
  expect(close?.state).toMatchObject({ block: 1, cursor: { from: 'log-1' } });
});

it('writes the end of a cancelled run down even when the ledger is away for a moment', async () => {
  let tried = 0;
  const fake = fakeTenant({
    fetchPages: async () => {
      await held(gate());
      throw new Error('not reached');
    },
    async closeRun({ result }) {
      if (++tried === 1) throw soonRetried('DestinationUnavailable', 'connection refused');
      return result;
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractClients', resourceWorkflowId(fake.tenant, 'clients'));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(1);
    await handle.cancel();
    expect((await endOf(handle)).cause).toBeInstanceOf(CancelledFailure);
  });
  expect(fake.inputs('closeRun').map(({ result }) => result.status)).toEqual(['cancelled', 'cancelled']);
});

it('cancels the wait for an export and leaves the job to the tenant', async () => {
  const fake = fakeTenant({
    fetchPages: async ({ cursor, block }) => ({ ...onePage(cursor, block, 10), switchTo: 'users-export' }),
    async awaitUsersExport() {
      await held(gate());
      return { outcome: 'completed', requests: 1 };
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractUsers', resourceWorkflowId(fake.tenant, 'users'));
    await expect.poll(() => fake.inputs('awaitUsersExport').length).toBe(1);
    await handle.cancel();
    await endOf(handle);
  });
  expect(fake.inputs('loadUsersExport')).toEqual([]);
  expect(fake.inputs('closeRun').map(({ result, state }) => [result.status, state.exportJobId])).toEqual([
    ['cancelled', 'job-1'],
  ]);
});

it('is cancelled too while it is being opened', async () => {
  const opened = gate();
  const fake = fakeTenant({
    async openRun(input) {
      await opened.passed;
      return { kind: 'redirect', tenant: fake.tenant, workflowId: `${input.workflowId}-own` };
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(() => fake.inputs('openRun').length).toBe(1);
    await handle.cancel();
    await expect
      .poll(async () => courseOf(await eventsOf(file.lab, handle.workflowId)))
      .toContain('openRun cancel requested');
    opened.open();
    expect((await endOf(handle)).cause).toBeInstanceOf(CancelledFailure);
  });
  expect(fake.inputs('fetchPages')).toEqual([]);
});

it('stops at once when terminated, without a word to the ledger', async () => {
  const stopped = gate();
  const fake = fakeTenant({
    async fetchPages({ cursor, block }) {
      await held(gate()).finally(stopped.open);
      return onePage(cursor, block, 2);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(1);
    await handle.terminate('no longer wanted');
    expect((await endOf(handle)).cause).toBeInstanceOf(TerminatedFailure);
    // The page in flight notices it with its next beat.
    await stopped.passed;
    expect(courseOf(await eventsOf(file.lab, handle.workflowId)).at(-1)).toBe('run terminated');
  });
  expect(fake.inputs('closeRun')).toEqual([]);
});

it('cancels the children of a terminated parent', async () => {
  const fake = fakeTenant({
    async fetchPages({ cursor, block }) {
      await held(gate());
      return onePage(cursor, block, 2);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), { resources: ['logs'] });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(1);
    await parent.terminate('no longer wanted');
    const child = client.workflow.getHandle(resourceWorkflowId(fake.tenant, 'logs'));
    expect((await endOf(child)).cause).toBeInstanceOf(CancelledFailure);
  });
  expect(fake.inputs('closeRun').map(({ result }) => result.status)).toEqual(['cancelled']);
});

it('completes when the cancellation comes too late', async () => {
  const closing = gate();
  const fake = fakeTenant({
    async closeRun({ result }) {
      await Promise.race([closing.passed, Context.current().cancelled]);
      return result;
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(() => fake.inputs('closeRun').length).toBe(1);
    await handle.cancel();
    await expect
      .poll(async () => courseOf(await eventsOf(file.lab, handle.workflowId)))
      .toContain('closeRun cancel requested');
    closing.open();
    // The ledger says that it has completed: so does the run.
    expect(await handle.result()).toMatchObject({ status: 'completed', rows: 200 });
  });
  expect(fake.inputs('closeRun')).toHaveLength(1);
});
