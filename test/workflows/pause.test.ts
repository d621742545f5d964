import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { controlRun } from '../../src/activities/control-runs.js';
import {
  type ControlAnswer,
  PAUSE_UPDATE,
  RESUME_UPDATE,
  type TenantControlAnswer,
} from '../../src/contracts/control.js';
import { PROGRESS_QUERY, RESOURCES, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import type { Progress } from '../../src/contracts/types.js';
import { cancelChosen, controlChosen, findRuns } from '../../src/temporal/control.js';
import { fakeTenant, type FakeTenant, gate, held, onePage, pageOf, pagesOf, soonRetried } from './fake-activities.js';
import { type Bench, courseOf, endOf, eventsOf, type HandleOf, useLab } from './lab.js';

const file = useLab();

type LogsHandle = HandleOf<'extractLogs'>;
const pause = (handle: LogsHandle, ...args: [] | [unknown]) =>
  args.length === 0
    ? handle.executeUpdate<ControlAnswer, []>(PAUSE_UPDATE)
    : handle.executeUpdate<ControlAnswer, [unknown]>(PAUSE_UPDATE, { args });
const resume = (handle: LogsHandle) => handle.executeUpdate<ControlAnswer, []>(RESUME_UPDATE);
const progress = (handle: LogsHandle) => handle.query<Progress>(PROGRESS_QUERY);

/** Why an update was refused. */
async function refusalOf(answer: Promise<unknown>): Promise<string> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WorkflowUpdateFailedError) return error.cause?.message ?? '';
  throw new Error('the update was expected to be refused', { cause: error });
}

/** Logs of five pages; the second waits for `go`. */
function slowTenant(): { fake: FakeTenant; go: ReturnType<typeof gate>; workflowId: string } {
  const go = gate();
  const fake = fakeTenant({
    async fetchPages(input) {
      if (input.block === 1) await held(go);
      return pagesOf(5)(input);
    },
  });
  return { fake, go, workflowId: resourceWorkflowId(fake.tenant, 'logs') };
}

/** Something that has not happened by now does not happen by itself. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 300));

it('stores the page in flight, answers what is stored, and asks for no further activity until it is resumed', async () => {
  const { fake, go, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    const answering = pause(handle, { reason: 'maintenance' });
    await expect.poll(async () => (await progress(handle)).paused).toMatchObject({ settled: false });
    go.open();
    expect(await answering).toEqual({
      status: 'paused',
      tenant: fake.tenant,
      resource: 'logs',
      workflowId,
      pages: 2,
      rows: 200,
      cursor: 'log-2',
      message: 'Paused after the pages in flight: 200 rows of logs are stored',
    });
    expect(await progress(handle)).toMatchObject({
      phase: 'extracting',
      rows: 200,
      paused: { settled: true, reason: 'maintenance', since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
    });
    await aWhile();
    expect(fake.inputs('fetchPages')).toHaveLength(2);
    expect(await resume(handle)).toMatchObject({ status: 'resumed', rows: 200 });
    const result = await handle.result();
    expect(result).toMatchObject({ status: 'completed', pages: 5, rows: 500, warnings: [] });
    expect((await progress(handle)).paused).toBeNull();
  });
  // Where the tenant has dropped what comes next, it must be noticed, however long the pause was.
  expect(fake.inputs('fetchPages').map(({ cursor }) => cursor.kind === 'logs' && cursor.phase)).toEqual([
    'find',
    'follow',
    'check',
    'follow',
    'follow',
  ]);
});

it('refuses what makes no sense, at once and without a trace in the history', async () => {
  const { fake, go, workflowId } = slowTenant();
  const closing = gate();
  const fakeClosing: FakeTenant = fakeTenant(
    {
      fetchPages: fake.activities.fetchPages,
      async closeRun({ result }) {
        await held(closing);
        return result;
      },
    },
    fake.tenant,
  );
  await file.lab.withWorker(fakeClosing.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    expect(await refusalOf(resume(handle))).toBe('It is not paused');
    expect(await refusalOf(pause(handle, 'maintenance'))).toContain('{"reason": "maintenance"}');
    expect(await refusalOf(pause(handle, { until: 'noon' }))).toBe('pause knows no until: there is reason');
    expect(await refusalOf(pause(handle, { reason: 7 }))).toContain('must be a text');
    expect(await refusalOf(pause(handle, { reason: 'x'.repeat(201) }))).toContain('200 characters');
    const paused = pause(handle);
    await expect.poll(async () => (await progress(handle)).paused).not.toBeNull();
    expect(await refusalOf(pause(handle, { reason: 'again' }))).toMatch(/^It is paused already, since /);
    go.open();
    await paused;
    await resume(handle);
    await expect.poll(() => fakeClosing.inputs('closeRun').length).toBe(1);
    expect(await refusalOf(pause(handle))).toContain('The run is ending');
    closing.open();
    await handle.result();
  });
  const updates = (await eventsOf(file.lab, workflowId)).filter(
    (event) => event.workflowExecutionUpdateAcceptedEventAttributes,
  );
  expect(updates).toHaveLength(2);
});

it('describes its messages to the UI', async () => {
  const { fake, go, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), { resources: ['logs'] });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    for (const id of [workflowId, parent.workflowId]) {
      const { definition } = await file.lab.client.workflow
        .getHandle(id)
        .query<Metadata>('__temporal_workflow_metadata');
      const described = definition.updateDefinitions.map(({ name, description = '' }) => [
        name,
        description.length > 20,
      ]);
      expect(described).toEqual([
        [PAUSE_UPDATE, true],
        [RESUME_UPDATE, true],
      ]);
    }
    go.open();
    await parent.result();
  });
});

interface Metadata {
  definition: { updateDefinitions: { name: string; description?: string }[] };
}

it('can be paused while a page is being tried again, and waits behind it', async () => {
  let isUp = false;
  const fake = fakeTenant({
    async fetchPages(input) {
      if (!isUp) throw soonRetried('TenantUnavailable', 'HTTP 503');
      return pagesOf(3)(input);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(() => fake.inputs('fetchPages').length).toBeGreaterThan(1);
    const answering = pause(handle);
    await expect.poll(async () => (await progress(handle)).paused).toMatchObject({ settled: false });
    isUp = true;
    expect(await answering).toMatchObject({ status: 'paused', pages: 1, rows: 100 });
    expect(await resume(handle)).toMatchObject({ status: 'resumed' });
    expect(await handle.result()).toMatchObject({ rows: 300 });
  });
});

it('does not wait with its answer for a page that takes long', async () => {
  const { fake, go, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    expect(await pause(handle)).toMatchObject({ status: 'pausing', rows: 100 });
    go.open();
    await expect.poll(async () => (await progress(handle)).paused).toMatchObject({ settled: true });
    expect(fake.inputs('fetchPages')).toHaveLength(2);
    await resume(handle);
    await handle.result();
  });
});

it('stays paused when the worker is another one, and goes on with exact counts', async () => {
  const { fake, go, workflowId } = slowTenant();
  const taskQueue = `test-${randomUUID()}`;
  const worker = () => file.lab.createWorker(fake.activities, taskQueue, { stickyQueueScheduleToStartTimeout: '1s' });
  const handle = await (
    await worker()
  ).runUntil(async () => {
    const started = await file.lab.bench(taskQueue).start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    const answer = pause(started, { reason: 'upgrade' });
    await expect.poll(async () => (await progress(started)).paused).not.toBeNull();
    go.open();
    await answer;
    return started;
  });
  await (
    await worker()
  ).runUntil(async () => {
    expect(await progress(handle)).toMatchObject({ rows: 200, paused: { reason: 'upgrade', settled: true } });
    await aWhile();
    expect(fake.inputs('fetchPages')).toHaveLength(2);
    await resume(handle);
    expect(await handle.result()).toMatchObject({ status: 'completed', pages: 5, rows: 500 });
  });
  expect(fake.inputs('fetchPages').map(({ cursor }) => pageOf(cursor))).toEqual([0, 1, 2, 3, 4]);
});

it('waits before it continues as new, and is the same run behind it', async () => {
  const { fake, go, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId, { activitiesPerRun: 2 });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    const answer = pause(handle);
    await expect.poll(async () => (await progress(handle)).paused).not.toBeNull();
    go.open();
    expect(await answer).toMatchObject({ status: 'paused', rows: 200 });
    await aWhile();
    expect(courseOf(await eventsOf(file.lab, workflowId))).not.toContain('run continued as new');
    await resume(handle);
    expect(await handle.result()).toMatchObject({ status: 'completed', pages: 5, rows: 500 });
  });
  expect(fake.inputs('openRun')).toHaveLength(1);
  expect(fake.inputs('closeRun').map(({ state }) => state.paused)).toEqual([null]);
});

it('carries a pause in the state over to a run that continues it', async () => {
  const fake = fakeTenant();
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const state = {
      ...(await firstStateOf(fake, start)),
      paused: { since: '2026-01-02T03:04:05.000Z', reason: 'carried' },
    };
    const handle = await start('extractLogs', workflowId, { state });
    await expect.poll(async () => (await progress(handle)).paused).toMatchObject({ reason: 'carried', settled: true });
    const before = fake.inputs('fetchPages').length;
    await aWhile();
    expect(fake.inputs('fetchPages')).toHaveLength(before);
    await resume(handle);
    expect(await handle.result()).toMatchObject({ status: 'completed', rows: 200 });
  });
});

/** The state with which a run of logs begins, taken from one that has ended. */
async function firstStateOf(fake: FakeTenant, start: Bench['start']) {
  await (await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'))).result();
  const [close] = fake.inputs('closeRun');
  const [fetch] = fake.inputs('fetchPages');
  if (!close || !fetch) throw new Error('the run did nothing');
  return { ...close.state, cursor: fetch.cursor, block: 0, counts: { ...close.state.counts, pages: 0, rows: 0 } };
}

it('ends at once, as cancelled, when it is cancelled while it is paused', async () => {
  const { fake, go, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const handle = await start('extractLogs', workflowId);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    const answer = pause(handle);
    await expect.poll(async () => (await progress(handle)).paused).not.toBeNull();
    go.open();
    await answer;
    const choice = { tenant: fake.tenant, resources: RESOURCES, backfillsOnly: false, everything: true };
    expect(await cancelChosen(client, choice, 10_000)).toEqual([
      { workflowId, status: 'cancelled', rows: 200, cursor: 'log-2' },
    ]);
    expect((await endOf(handle)).cause).toBeInstanceOf(CancelledFailure);
    expect(await cancelChosen(client, choice, 10_000)).toEqual([]);
  });
  expect(fake.inputs('fetchPages')).toHaveLength(2);
  expect(fake.inputs('closeRun').map(({ result }) => [result.status, result.rows])).toEqual([['cancelled', 200]]);
});

it('tells whoever has asked for a pause when the page fails for good instead', async () => {
  const go = gate();
  const fake = fakeTenant({
    async fetchPages() {
      await held(go);
      throw ApplicationFailure.nonRetryable('refused', 'InvalidRequest');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(async () => (await progress(handle)).phase).toBe('extracting');
    const refused = refusalOf(pause(handle));
    await expect.poll(async () => (await progress(handle)).paused).not.toBeNull();
    go.open();
    expect(await refused).toBe('The run has ended before it could pause');
    await endOf(handle);
  });
});

it('pauses and resumes all resource runs of a tenant through their parent', async () => {
  const go = gate();
  const fake = fakeTenant({
    async fetchPages(input) {
      if (input.block === 1) await held(go);
      return pagesOf(3)(input);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(6);
    const answering = parent.executeUpdate<TenantControlAnswer, [{ reason: string }]>(PAUSE_UPDATE, {
      args: [{ reason: 'maintenance' }],
    });
    await expect.poll(() => fake.inputs('controlRuns').length).toBe(1);
    await aWhile();
    go.open();
    const { runs, message } = await answering;
    const ids = RESOURCES.map((resource) => resourceWorkflowId(fake.tenant, resource));
    expect(runs.map(({ workflowId, status, rows }) => [workflowId, status, rows])).toEqual(
      ids.map((id) => [id, 'paused', 200]),
    );
    expect(message).toContain(`${ids[0]} paused`);

    // What is paused already says so, and is not taken for paused once more.
    const [logsId = ''] = ids;
    expect(await controlRun(client, logsId, 'pause')).toMatchObject({ status: 'unchanged', rows: null });
    const choice = { tenant: fake.tenant, resources: ['users' as const], backfillsOnly: false, everything: false };
    expect(await findRuns(client, choice)).toEqual([resourceWorkflowId(fake.tenant, 'users')]);
    expect(await controlChosen(client, choice, 'resume')).toMatchObject([{ status: 'resumed', rows: 200 }]);
    await client.workflow.getHandle(resourceWorkflowId(fake.tenant, 'users')).result();

    const resumed = await parent.executeUpdate<TenantControlAnswer, []>(RESUME_UPDATE);
    // Of the one that has ended the parent may not know yet.
    expect(resumed.runs.filter(({ status }) => status === 'resumed')).toHaveLength(2);
    expect(await parent.result()).toMatchObject({ status: 'completed', resources: { logs: { rows: 300 } } });
    expect(await controlRun(client, logsId, 'pause')).toMatchObject({ status: 'not running' });
  });
});

it('pauses an export between its steps', async () => {
  const go = gate();
  const fake = fakeTenant({
    fetchPages: async ({ cursor, block }) => ({ ...onePage(cursor, block, 10), switchTo: 'users-export' }),
    async awaitUsersExport() {
      await held(go);
      return { outcome: 'completed', requests: 1 };
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const workflowId = resourceWorkflowId(fake.tenant, 'users');
    const handle = await start('extractUsers', workflowId);
    await expect.poll(() => fake.inputs('awaitUsersExport').length).toBe(1);
    const answering = controlRun(client, workflowId, 'pause');
    await expect.poll(async () => (await handle.query<Progress>(PROGRESS_QUERY)).paused).not.toBeNull();
    go.open();
    expect(await answering).toMatchObject({ status: 'paused' });
    await aWhile();
    expect(fake.inputs('loadUsersExport')).toEqual([]);
    expect(await controlRun(client, workflowId, 'resume')).toMatchObject({ status: 'resumed' });
    expect(await handle.result()).toMatchObject({ status: 'completed', rows: 1_300 });
  });
});

it('sends those who pause a run that only waits to the one that copies', async () => {
  const { fake, go, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const foreign = await start('extractLogs', `${fake.tenant}-by-hand`);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    expect(await refusalOf(pause(foreign))).toBe(`This run only waits for ${workflowId}: send it there`);
    go.open();
    await foreign.result();
  });
});
