import { readFile } from 'node:fs/promises';
import { expect, inject, it } from 'vitest';
import {
  BACKFILL_WORKFLOW,
  RESOURCE_WORKFLOWS,
  RESOURCES,
  resourceWorkflowId,
  TENANT_WORKFLOW,
} from '../../src/contracts/names.js';
import * as workflows from '../../src/workflows/index.js';
import { fakeTenant, onePage, pagesOf } from './fake-activities.js';
import { eventsOf, useLab } from './lab.js';

const file = useLab();

it('exports the workflow types that starts and schedules name, and no others', () => {
  const named = [...Object.values(RESOURCE_WORKFLOWS), BACKFILL_WORKFLOW, TENANT_WORKFLOW];
  expect(Object.keys(workflows).sort()).toEqual(named.sort());
});

it('keeps everything but contracts and the SDK out of the bundle', async () => {
  const code = await readFile(inject('workflowBundle'), 'utf8');
  const modules = [...code.matchAll(/^\/\*\*\*\/ "([^"]+)"/gm)].map(([, id]) => id ?? '');
  // `?…` stands for a payload or failure converter, which this project does not have.
  const paths = modules.filter((id) => !id.startsWith('?'));
  const homes = paths.map((id) => /^(?:\.\/)?(node_modules\/(?:@[^/]+\/)?[^/]+|dist\/[^/]+)\//.exec(id)?.[1] ?? id);
  expect([...new Set(homes)].sort()).toEqual([
    'dist/contracts',
    'dist/workflows',
    'node_modules/@temporalio/common',
    'node_modules/@temporalio/workflow',
    'node_modules/long',
    'node_modules/ms',
    'node_modules/nexus-rpc',
  ]);
  expect(code).not.toMatch(/require\(["'](?:node:|zod)/);
});

it.each(RESOURCES)('copies %s when started bare', async (resource) => {
  const fake = fakeTenant();
  const workflowId = resourceWorkflowId(fake.tenant, resource);
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start(RESOURCE_WORKFLOWS[resource], workflowId);
    const result = await handle.result();
    const { runId, startTime } = await handle.describe();
    expect(result).toEqual({
      version: 1,
      tenant: fake.tenant,
      resource,
      status: 'completed',
      mode: { logs: 'logs', users: 'users-pages', clients: 'clients' }[resource],
      pages: 2,
      rows: 200,
      requests: 2,
      malformed: 0,
      redacted: 0,
      cursor: { logs: 'log-2', users: 'page 2', clients: 'page 2' }[resource],
      gaps: 0,
      warnings: [],
      visible: null,
      deleted: 0,
      durationMs: expect.any(Number),
      runId,
    });
    expect(fake.inputs('openRun')).toEqual([{ resource, workflowId, runId, epoch: startTime.getTime() }]);
    const [close, ...more] = fake.inputs('closeRun');
    expect(more).toEqual([]);
    expect(close?.result).toEqual(result);
    expect(close?.state).toMatchObject({ runId, block: 2, counts: { pages: 2, rows: 200 } });
    expect(close?.state.serverTime).toBe(1_700_000_000_000);
  });
});

it('hands the cursor and the block from one activity to the next', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(4) });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'), { pagesPerActivity: 2 })).result();
  });
  const [open] = fake.inputs('openRun');
  const cursor = expect.objectContaining({ kind: 'logs', start: 'oldest' });
  const run = { tenant: fake.tenant, resource: 'logs', mode: 'logs', runId: open?.runId, epoch: open?.epoch };
  const common = { ...run, cursor, oldestBefore: null };
  // Two full pages say that there is much to catch up: from then on one activity may fetch 50.
  expect(fake.inputs('fetchPages')).toEqual([
    { ...common, block: 0, pagesBefore: 0, rowsBefore: 0, maxPages: 2 },
    { ...common, block: 1, pagesBefore: 1, rowsBefore: 100, maxPages: 2 },
    { ...common, block: 2, pagesBefore: 2, rowsBefore: 200, maxPages: 2000 },
    { ...common, block: 3, pagesBefore: 3, rowsBefore: 300, maxPages: 2000 },
  ]);
  const froms = fake.inputs('fetchPages').map((input) => (input.cursor.kind === 'logs' ? input.cursor.from : ''));
  expect(froms).toEqual([null, 'log-1', 'log-2', 'log-3']);
});

it('hands what was asked for to the activity that decides where a run starts', async () => {
  const fake = fakeTenant();
  const asked = { tenant: fake.tenant, from: '2026-01-01T00:00:00Z', full: true, pagesPerActivity: 3 };
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractTenant', `auth0/${fake.tenant}/sync`, { ...asked, resources: ['users'] })).result();
  });
  expect(fake.inputs('describeTenant')).toEqual([{ tenant: fake.tenant }]);
  expect(fake.inputs('openRun')).toEqual([expect.objectContaining({ resource: 'users', ...asked })]);
});

it('gives each activity its time, its beat and its eight tries', async () => {
  const fake = fakeTenant({
    fetchPages: async ({ cursor, block }) => ({ ...onePage(cursor, block, 5), switchTo: 'users-export' }),
  });
  const workflowId = resourceWorkflowId(fake.tenant, 'users');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractUsers', workflowId)).result();
  });
  const seconds = (duration: { seconds?: unknown } | null | undefined): number => Number(duration?.seconds ?? 0);
  const options = (await eventsOf(file.lab, workflowId))
    .map((event) => event.activityTaskScheduledEventAttributes)
    .filter((scheduled) => scheduled !== null && scheduled !== undefined)
    .map(({ activityType, startToCloseTimeout, heartbeatTimeout, retryPolicy }) => ({
      activity: activityType?.name,
      seconds: seconds(startToCloseTimeout),
      beat: seconds(heartbeatTimeout),
      retry: [
        seconds(retryPolicy?.initialInterval),
        retryPolicy?.backoffCoefficient,
        seconds(retryPolicy?.maximumInterval),
        retryPolicy?.maximumAttempts,
      ],
    }));
  const retry = [1, 2, 60, 8];
  expect(options).toEqual([
    { activity: 'openRun', seconds: 600, beat: 10, retry },
    { activity: 'fetchPages', seconds: 1800, beat: 10, retry },
    { activity: 'startUsersExport', seconds: 1800, beat: 10, retry },
    { activity: 'awaitUsersExport', seconds: 86_400, beat: 10, retry },
    { activity: 'loadUsersExport', seconds: 86_400, beat: 10, retry },
    { activity: 'closeRun', seconds: 600, beat: 10, retry },
  ]);
});
