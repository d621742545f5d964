import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { awaitRun } from '../../src/activities/await-run.js';
import { atActivityEdge } from '../../src/activities/failure.js';
import { resultOfFailure } from '../../src/contracts/failure-details.js';
import { backfillWorkflowId, PROGRESS_QUERY, resourceWorkflowId } from '../../src/contracts/names.js';
import type { Progress } from '../../src/contracts/types.js';
import { startBackfill } from '../../src/temporal/backfill-run.js';
import { cancelChosen, controlChosen, findRuns } from '../../src/temporal/control.js';
import { fakeTenant, gate, held, pagesOf } from './fake-activities.js';
import { endOf, eventsOf, useLab, valueOf } from './lab.js';

const file = useLab();

const WINDOW = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-05T00:00:00.000Z' };
const LATER = { ...WINDOW, to: '2026-01-06T12:00:00.000Z' };

/** A backfill of four pages; pages behind the first wait for `go`. The interval's first day lies on the first page. */
function slowTenant() {
  const go = gate();
  const fake = fakeTenant({
    awaitRun: (input: { workflowId: string }) => atActivityEdge(() => awaitRun(input)),
    async fetchPages(input) {
      if (input.block > 0) await held(go);
      return pagesOf(4)(input);
    },
  });
  return { go, fake, workflowId: backfillWorkflowId(fake.tenant, WINDOW) };
}

it('runs beside the live run with a position of its own, and says how far it is', async () => {
  const { go, fake, workflowId } = slowTenant();
  expect(workflowId).toBe(`auth0/${fake.tenant}/backfill/logs/2026-01-01..2026-01-05`);
  await file.lab.withWorker(fake.activities, async ({ client, start, taskQueue }) => {
    const live = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    const run = await startBackfill(client, taskQueue, fake.tenant, { window: WINDOW, available: true });
    expect(run).toMatchObject({ workflowId, joined: false });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(4);
    expect(await client.workflow.getHandle(workflowId).query<Progress>(PROGRESS_QUERY)).toMatchObject({
      resource: 'logs',
      mode: 'logs-backfill',
      percent: 25,
      window: WINDOW,
      rows: 100,
      held: 50,
    });
    go.open();
    expect(await run.end()).toMatchObject({
      kind: 'result',
      result: { status: 'completed', rows: 400, held: 200, window: WINDOW, mode: 'logs-backfill' },
    });
    expect(await live.result()).toMatchObject({ status: 'completed', rows: 400, mode: 'logs' });
    const summary = (await eventsOf(file.lab, workflowId)).flatMap((event) =>
      event.activityTaskScheduledEventAttributes?.activityType?.name === 'fetchPages'
        ? [valueOf(event.userMetadata?.summary)]
        : [],
    );
    expect(summary[1]).toBe('logs 2026-01-01..2026-01-05, page 2 on: 100 rows so far');
  });
  expect(fake.inputs('openRun')).toContainEqual(
    expect.objectContaining({ workflowId, backfill: { ...WINDOW, available: true } }),
  );
});

it('is joined by a second one of the same interval, and not by one of another', async () => {
  const { go, fake, workflowId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ client, start, taskQueue }) => {
    const first = await startBackfill(client, taskQueue, fake.tenant, { window: WINDOW, available: false });
    const second = await startBackfill(client, taskQueue, fake.tenant, { window: WINDOW, available: false });
    expect(second).toMatchObject({ workflowId, runId: first.runId, joined: true });
    const other = await startBackfill(client, taskQueue, fake.tenant, { window: LATER, available: false });
    expect(other.joined).toBe(false);
    // From the UI, under a free workflow id.
    const foreign = await start('backfillLogs', `${fake.tenant}-by-hand`, WINDOW);
    await expect.poll(() => fake.inputs('awaitRun')).toEqual([{ workflowId }]);
    go.open();
    const [a, b] = await Promise.all([first.end(), second.end()]);
    expect(b).toEqual({ ...a, result: { ...(a.kind === 'result' ? a.result : null), joined: true } });
    expect(await foreign.result()).toMatchObject({ status: 'completed', rows: 400, joined: true });
    expect(await other.end()).toMatchObject({ kind: 'result', result: { status: 'completed', window: LATER } });
  });
  expect(fake.inputs('closeRun')).toHaveLength(2);
});

it('is paused, resumed and cancelled, alone or with the logs', async () => {
  const { go, fake, workflowId } = slowTenant();
  const { tenant } = fake;
  const backfills = { tenant, resources: ['logs' as const], backfillsOnly: true, everything: false };
  await file.lab.withWorker(fake.activities, async ({ client, start, taskQueue }) => {
    const live = await start('extractLogs', resourceWorkflowId(tenant, 'logs'));
    const run = await startBackfill(client, taskQueue, tenant, { window: WINDOW, available: false });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(4);
    // The server's list of what runs is a moment late.
    await expect.poll(() => findRuns(client, backfills)).toEqual([workflowId]);
    expect(await findRuns(client, { ...backfills, backfillsOnly: false })).toEqual([live.workflowId, workflowId]);
    expect(await findRuns(client, { ...backfills, resources: ['users'], backfillsOnly: false })).toEqual([]);
    const pausing = controlChosen(client, backfills, 'pause', 'too much at once');
    await expect
      .poll(async () => (await client.workflow.getHandle(workflowId).query<Progress>(PROGRESS_QUERY)).paused)
      .not.toBeNull();
    go.open();
    expect(await pausing).toMatchObject([{ workflowId, status: 'paused', rows: 200 }]);
    expect(await live.result()).toMatchObject({ status: 'completed', rows: 400 });
    expect(await cancelChosen(client, backfills, 10_000)).toMatchObject([
      { workflowId, status: 'cancelled', rows: 200 },
    ]);
    expect(await run.end()).toMatchObject({ kind: 'lost' });
  });
});

it('continues as new with its interval and position', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(4) });
  const workflowId = backfillWorkflowId(fake.tenant, WINDOW);
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('backfillLogs', workflowId, { ...WINDOW, activitiesPerRun: 1 });
    expect(await handle.result()).toMatchObject({ status: 'completed', rows: 400, held: 200, window: WINDOW });
  });
  expect(fake.inputs('openRun')).toHaveLength(1);
  expect(fake.inputs('closeRun')).toMatchObject([{ state: { backfill: { ...WINDOW, available: false } } }]);
});

it('fails with the name of what refuses it', async () => {
  const fake = fakeTenant({
    async openRun() {
      throw ApplicationFailure.nonRetryable('The tenant keeps logs from 2026-01-03 on', 'RetentionPassed');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const error = await endOf(await start('backfillLogs', backfillWorkflowId(fake.tenant, WINDOW), WINDOW));
    expect(resultOfFailure(error.cause)).toMatchObject({ status: 'failed', error: { kind: 'RetentionPassed' } });
  });
});

it('tells one who has joined it of its bad end, too', async () => {
  const go = gate();
  const fake = fakeTenant({
    async fetchPages(input) {
      await held(go);
      if (input.block > 0) throw ApplicationFailure.nonRetryable('no such table', 'DestinationRefused');
      return pagesOf(4)(input);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    const first = await startBackfill(client, taskQueue, fake.tenant, { window: WINDOW, available: false });
    const second = await startBackfill(client, taskQueue, fake.tenant, { window: WINDOW, available: false });
    go.open();
    const [a, b] = await Promise.all([first.end(), second.end()]);
    expect(a).toMatchObject({ kind: 'result', result: { status: 'failed', rows: 100 } });
    expect(b).toEqual({ ...a, result: { ...(a.kind === 'result' ? a.result : null), joined: true } });
  });
});
