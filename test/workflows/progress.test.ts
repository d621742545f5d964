import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { PROGRESS_QUERY, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import type { Progress } from '../../src/contracts/types.js';
import { readProgress } from '../../src/temporal/sync-run.js';
import { fakeTenant, firstState, gate, held, onePage } from './fake-activities.js';
import { type Bench, endOf, eventsOf, useLab, valueOf } from './lab.js';

const file = useLab();

it('answers the progress query before, during and after the run', async () => {
  const opened = gate();
  const page = [gate(), gate()];
  const fake = fakeTenant({
    async openRun(input) {
      await opened.passed;
      return { kind: 'run', state: { ...firstState(fake.tenant, input), warnings: ['the table was empty'] } };
    },
    async fetchPages({ cursor, block }) {
      await page[block]?.passed;
      return onePage(cursor, block, 2, true);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractClients', resourceWorkflowId(fake.tenant, 'clients'), { tenant: fake.tenant });
    const { startTime } = await handle.describe();
    const ask = () => handle.query<Progress>(PROGRESS_QUERY);
    const counts = { pages: 0, rows: 0, requests: 0, malformed: 0, redacted: 0, gaps: 0 };
    const nothing = { ...counts, oldestDate: null, paused: null, percent: null, window: null, held: null };
    const common = { version: 1, tenant: fake.tenant, resource: 'clients', startedAt: startTime.toISOString() };
    const starting = { ...common, ...nothing, mode: null, phase: 'starting', total: null, cursor: null, warnings: [] };
    expect(await ask()).toEqual(starting);

    opened.open();
    page[0]?.open();
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    const running = {
      ...common,
      ...nothing,
      mode: 'clients',
      phase: 'extracting',
      pages: 1,
      rows: 100,
      requests: 1,
      percent: 50,
      total: 200,
      cursor: 'page 1',
      warnings: ['the table was empty'],
    };
    expect(await ask()).toEqual(running);

    page[1]?.open();
    await handle.result();
    expect(await ask()).toEqual({
      ...running,
      phase: 'done',
      pages: 2,
      rows: 200,
      requests: 2,
      percent: 100,
      cursor: 'page 2',
    });
  });
});

it('answers it for a run that has failed', async () => {
  const fake = fakeTenant({
    async fetchPages({ cursor, block }) {
      if (block === 1) throw ApplicationFailure.nonRetryable('refused', 'InvalidRequest');
      return onePage(cursor, block, 2);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ client, start }) => {
    await endOf(await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs')));
    const live = await readProgress(client, fake.tenant, 'logs');
    expect(live).toMatchObject({ running: false, retrying: null, progress: { pages: 1, cursor: 'log-1' } });
  });
});

it('tells what a run is being held up by, and nothing where there was never a run', async () => {
  const fake = fakeTenant({
    fetchPages: async () => {
      throw ApplicationFailure.create({ type: 'RateLimited', message: 'HTTP 429', nextRetryDelay: '1 hour' });
    },
  });
  await file.lab.withWorker(fake.activities, async ({ client, start }) => {
    const handle = await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect
      .poll(async () => (await readProgress(client, fake.tenant, 'logs'))?.retrying)
      .toEqual({
        attempt: 2,
        message: 'HTTP 429',
      });
    expect(await readProgress(client, fake.tenant, 'logs')).toMatchObject({ running: true, progress: { pages: 0 } });
    expect(await readProgress(client, fake.tenant, 'users')).toBeNull();
    await handle.terminate();
  });
});

it('shows in the UI what it is doing, in texts that every server takes', async () => {
  const second = gate();
  const fake = fakeTenant({
    async openRun(input) {
      const state = firstState(fake.tenant, input);
      return { kind: 'run', state: { ...state, gaps: 1, warnings: ['some logs were gone'] } };
    },
    async fetchPages({ cursor, block }) {
      if (block === 1) await held(second);
      return { ...onePage(cursor, block, 2), counts: { ...onePage(cursor, block, 2).counts, rows: 12_345 } };
    },
  });
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ client, start }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), { resources: ['logs'] });
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    expect(await detailsOf(client, workflowId)).toBe(
      [
        '**logs**: extracting (logs)',
        '',
        '- rows: 12,345',
        '- pages: 1, requests: 1',
        '- cursor: `log-1`',
        '- **gaps: 1** (table `pipeline_gaps`)',
        '- **warning**: some logs were gone',
      ].join('\n'),
    );
    second.open();
    await parent.result();
    expect(await detailsOf(client, workflowId)).toMatch(/^\*\*logs\*\*: done \(logs\)\n\n- rows: 24,690\n/);
    expect(await (await client.workflow.getHandle(workflowId).describe()).staticSummary()).toBe(
      `logs of ${fake.tenant}`,
    );
  });
  expect(await summariesOf(workflowId)).toEqual([
    ['openRun', undefined],
    ['fetchPages', 'logs, page 1 on: 0 rows so far'],
    ['fetchPages', 'logs, page 2 on: 12,345 rows so far'],
    ['closeRun', undefined],
  ]);
});

it('names the export job and the line in the summaries of an export', async () => {
  let loads = 0;
  const fake = fakeTenant({
    fetchPages: async ({ cursor, block }) => ({ ...onePage(cursor, block, 10), switchTo: 'users-export' }),
    startUsersExport: async () => ({ jobId: 'job_0123456789abcdef', requests: 1, serverTime: 1 }),
    loadUsersExport: async ({ block }) => ({
      outcome: loads++ === 0 ? 'partial' : 'loaded',
      lines: 10_000,
      block: block + 1,
      counts: onePage({ kind: 'users-changed', since: '', page: 0, perPage: 100 }, 0, 1).counts,
      total: null,
    }),
  });
  const workflowId = resourceWorkflowId(fake.tenant, 'users');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractUsers', workflowId)).result();
  });
  const summaries = await summariesOf(workflowId);
  expect(summaries).toEqual([
    ['openRun', undefined],
    ['fetchPages', 'users, page 1 on: 0 rows so far'],
    ['startUsersExport', 'ask for a users export'],
    ['awaitUsersExport', 'wait for export job_0123456789abcdef'],
    ['loadUsersExport', 'load export job_0123456789abcdef from line 1'],
    ['loadUsersExport', 'load export job_0123456789abcdef from line 10,001'],
    ['closeRun', undefined],
  ]);
});

/** What the UI shows as the run's current details. */
async function detailsOf(client: Bench['client'], workflowId: string): Promise<string> {
  const metadata = await client.workflow
    .getHandle(workflowId)
    .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

async function summariesOf(workflowId: string): Promise<[activity: string, summary: unknown][]> {
  return (await eventsOf(file.lab, workflowId)).flatMap((event): [string, unknown][] => {
    const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
    return typeof name === 'string' ? [[name, valueOf(event.userMetadata?.summary)]] : [];
  });
}
