import { expect, it } from 'vitest';
import { resourceWorkflowId } from '../../src/contracts/names.js';
import { fakeTenant, gate, held, onePage } from './fake-activities.js';
import { useLab } from './lab.js';

const file = useLab();

/** Starts `extractLogs` as cron would have it, and returns once its third run has opened. */
async function cronRuns(workflowId: (tenant: string) => string) {
  const enough = gate();
  const fake = fakeTenant({
    async fetchPages({ cursor, block }) {
      const runs = new Set(fake.inputs('fetchPages').map(({ epoch }) => epoch)).size;
      if (runs > 2) await held(enough);
      return { ...onePage(cursor, block, 1), cursor: { ...cursor, from: `log-${runs}` } } as const;
    },
  });
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    const id = workflowId(fake.tenant);
    await client.workflow.start('extractLogs', { taskQueue, workflowId: id, cronSchedule: '@every 1s' });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(3);
    await client.workflow.getHandle(id).terminate();
  });
  return fake;
}

it('tells a cron run where the run before it ended', async () => {
  const fake = await cronRuns((tenant) => resourceWorkflowId(tenant, 'logs'));
  expect(fake.inputs('openRun').map(({ lastCursor }) => lastCursor)).toEqual([undefined, 'log-1', 'log-2']);
  const epochs = fake.inputs('openRun').map(({ epoch }) => epoch);
  expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
});

// The run id handed over is the first execution's, which all runs of a cron share: one ledger row is overwritten.
it('gives each cron run a ledger row of its own', async () => {
  const fake = await cronRuns((tenant) => resourceWorkflowId(tenant, 'logs'));
  expect(new Set(fake.inputs('openRun').map(({ runId }) => runId)).size).toBe(3);
});

// The run under a foreign id knows the last result, and does not tell it to the one it starts.
it('tells it also when cron uses a workflow id of its own', async () => {
  const fake = await cronRuns((tenant) => `${tenant}-cron`);
  const own = fake.inputs('openRun').filter(({ workflowId }) => workflowId === resourceWorkflowId(fake.tenant, 'logs'));
  expect(own.map(({ lastCursor }) => lastCursor)).toEqual([undefined, 'log-1', 'log-2']);
});
