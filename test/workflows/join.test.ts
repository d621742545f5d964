import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { awaitRun } from '../../src/activities/await-run.js';
import { atActivityEdge } from '../../src/activities/failure.js';
import { resultOfFailure, tenantResultOfFailure } from '../../src/contracts/failure-details.js';
import { resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { startSync } from '../../src/temporal/sync-run.js';
import { fakeTenant, gate, held, onePage } from './fake-activities.js';
import { courseOf, endOf, eventsOf, useLab } from './lab.js';

const file = useLab();

/** Joining is the activity's own work, so it is the real one. */
const realAwaitRun = (input: { workflowId: string }) => atActivityEdge(() => awaitRun(input));

/** A tenant whose pages wait for `go`. */
function slowTenant() {
  const go = gate();
  const fake = fakeTenant({
    awaitRun: realAwaitRun,
    async fetchPages({ cursor, block }) {
      await held(go);
      return onePage(cursor, block, 2);
    },
  });
  return { go, fake, logsId: resourceWorkflowId(fake.tenant, 'logs') };
}

it('attaches a second sync to the one under way', async () => {
  const { fake, go } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    const input = { resources: ['logs' as const] };
    const first = await startSync(client, taskQueue, fake.tenant, input);
    const second = await startSync(client, taskQueue, fake.tenant, input);
    expect(second).toMatchObject({ workflowId: tenantWorkflowId(fake.tenant), runId: first.runId });
    go.open();
    const ends = await Promise.all([first.end(), second.end()]);
    expect(ends[0]).toMatchObject({
      kind: 'result',
      result: { status: 'completed', resources: { logs: { rows: 200 } } },
    });
    expect(ends[1]).toEqual(ends[0]);
    const third = await startSync(client, taskQueue, fake.tenant, input);
    expect(third.runId).not.toBe(first.runId);
    await third.end();
    const description = await client.workflow.getHandle(tenantWorkflowId(fake.tenant)).describe();
    expect(await description.staticSummary()).toBe(`Sync of ${fake.tenant}: logs`);
  });
  expect(fake.inputs('describeTenant')).toEqual([{ tenant: fake.tenant }, { tenant: fake.tenant }]);
});

it('tells how a sync ended that failed or was killed', async () => {
  const stop = gate();
  const fake = fakeTenant({
    async fetchPages({ resource }) {
      if (resource === 'clients') await held(stop);
      throw ApplicationFailure.nonRetryable('not in your plan', 'NotInPlan');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    const failed = await startSync(client, taskQueue, fake.tenant, { resources: ['logs'] });
    expect(await failed.end()).toMatchObject({
      kind: 'result',
      result: { status: 'failed', resources: { logs: { status: 'unavailable' } } },
    });
    const killed = await startSync(client, taskQueue, fake.tenant, { resources: ['clients'] });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    await client.workflow.getHandle(killed.workflowId).terminate('no reason');
    expect(await killed.end()).toEqual({ kind: 'lost', reason: 'no reason' });
  });
});

it('sends a run under a foreign workflow id to the own one', async () => {
  const { fake, go, logsId } = slowTenant();
  go.open();
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const input = { from: '2026-01-01', pagesPerActivity: 5 };
    const foreign = await start('extractLogs', `${fake.tenant}-by-hand`, input);
    const result = await foreign.result();
    expect(result).toMatchObject({ status: 'completed', resource: 'logs', rows: 200 });
    const own = await client.workflow.getHandle(logsId).describe();
    expect(own.parentExecution?.workflowId).toBe(foreign.workflowId);
    expect(result.runId).toBe(own.runId);
    expect(fake.inputs('openRun')).toEqual([
      expect.objectContaining({ workflowId: foreign.workflowId, ...input }),
      expect.objectContaining({ workflowId: logsId, tenant: fake.tenant, ...input }),
    ]);
  });
  expect(fake.inputs('closeRun')).toHaveLength(1);
});

it('joins the run under way when started under a foreign workflow id', async () => {
  const { fake, go, logsId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const own = await start('extractLogs', logsId);
    const foreign = await start('extractLogs', `${fake.tenant}-by-hand`);
    await expect.poll(() => fake.inputs('awaitRun')).toEqual([{ workflowId: logsId }]);
    go.open();
    expect(await foreign.result()).toEqual({ ...(await own.result()), joined: true });
  });
  expect(fake.inputs('fetchPages')).toHaveLength(2);
});

it('runs each resource once when two parents want it, and gives both its result', async () => {
  const { fake, go, logsId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const sync = await start('extractTenant', tenantWorkflowId(fake.tenant));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(3);
    const scheduled = await start('extractTenant', `${fake.tenant}-scheduled`, { resources: ['logs'] });
    await expect.poll(() => fake.inputs('awaitRun').length).toBe(1);
    go.open();
    const [all, joined] = await Promise.all([sync.result(), scheduled.result()]);
    expect(all.resources.logs?.joined).toBeUndefined();
    expect(joined.resources).toEqual({ logs: { ...all.resources.logs, joined: true } });
    const own = await client.workflow.getHandle(logsId).describe();
    expect(own.parentExecution?.workflowId).toBe(sync.workflowId);
  });
  expect(fake.inputs('fetchPages').filter(({ resource }) => resource === 'logs')).toHaveLength(2);
});

it('gives the bad result of a joined run to all who wait for it', async () => {
  const go = gate();
  const fake = fakeTenant({
    awaitRun: realAwaitRun,
    async fetchPages() {
      await held(go);
      throw ApplicationFailure.nonRetryable('The scope read:logs is missing', 'InsufficientScope');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const own = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(1);
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), { resources: ['logs'] });
    await expect.poll(() => fake.inputs('awaitRun').length).toBe(1);
    go.open();
    const result = resultOfFailure((await endOf(own)).cause);
    expect(result).toMatchObject({ status: 'unavailable', error: { kind: 'InsufficientScope' } });
    expect(tenantResultOfFailure((await endOf(parent)).cause)?.resources).toEqual({
      logs: { ...result, joined: true },
    });
  });
  expect(fake.inputs('fetchPages')).toHaveLength(1);
});

it('leaves the joined run alone when the one who waits is cancelled', async () => {
  const { fake, go, logsId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const own = await start('extractLogs', logsId);
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), { resources: ['logs'] });
    await expect.poll(() => fake.inputs('awaitRun').length).toBe(1);
    await parent.cancel();
    await endOf(parent);
    expect(courseOf(await eventsOf(file.lab, parent.workflowId)).at(-1)).toBe('run canceled');
    go.open();
    expect(await own.result()).toMatchObject({ status: 'completed', rows: 200 });
  });
});

// The activity's wait ends with a failure that is retried for two minutes, and the resource is then called failed.
it('ends at once, as cancelled, when the joined run is cancelled', async () => {
  const { fake, logsId } = slowTenant();
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const own = await start('extractLogs', logsId);
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), { resources: ['logs'] });
    await expect.poll(() => fake.inputs('awaitRun').length).toBe(1);
    await own.cancel();
    await endOf(own);
    const ended = async (): Promise<boolean> => (await parent.describe()).status.name !== 'RUNNING';
    await expect.poll(async () => fake.inputs('awaitRun').length > 1 || ended()).toBe(true);
    expect(fake.inputs('awaitRun')).toHaveLength(1);
    const result = tenantResultOfFailure((await endOf(parent)).cause);
    expect(result?.resources.logs).toMatchObject({ status: 'cancelled' });
  });
});
