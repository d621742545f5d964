import { expect, it } from 'vitest';
import type { Activities, LoadUsersExportResult } from '../../src/contracts/activities.js';
import { FIRST_USERS_PAGE } from '../../src/contracts/cursor.js';
import { resultOfFailure } from '../../src/contracts/failure-details.js';
import { resourceWorkflowId } from '../../src/contracts/names.js';
import { noCounts } from '../../src/contracts/types.js';
import { fakeTenant, firstState, onePage, pagesOf } from './fake-activities.js';
import { type Bench, endOf, useLab } from './lab.js';

const file = useLab();

/** Users of whom more exist than can be paged: the second page says so. */
const tooMany: Activities['fetchPages'] = async ({ cursor, block }) => ({
  ...onePage(cursor, block, 20, true),
  ...(block === 1 && { switchTo: 'users-export' }),
});

const run = (bench: Bench, tenant: string) => bench.start('extractUsers', resourceWorkflowId(tenant, 'users'));

it('switches from pages to the export job, and copies that', async () => {
  const fake = fakeTenant({ fetchPages: tooMany });
  await file.lab.withWorker(fake.activities, async (bench) => {
    expect(await (await run(bench, fake.tenant)).result()).toMatchObject({
      status: 'completed',
      mode: 'users-export',
      pages: 2,
      rows: 1_400,
      requests: 5,
      cursor: null,
    });
  });
  expect(fake.calls.map(({ name }) => name)).toEqual([
    'openRun',
    'fetchPages',
    'fetchPages',
    'startUsersExport',
    'awaitUsersExport',
    'loadUsersExport',
    'closeRun',
  ]);
  const [open] = fake.inputs('openRun');
  const { tenant } = fake;
  expect(fake.inputs('startUsersExport')).toEqual([{ tenant }]);
  expect(fake.inputs('awaitUsersExport')).toEqual([
    { tenant, jobId: 'job-1', askedAt: expect.any(Number), total: 2_000 },
  ]);
  expect(fake.inputs('loadUsersExport')).toEqual([
    { tenant, runId: open?.runId, epoch: open?.epoch, jobId: 'job-1', block: 2, skipLines: 0 },
  ]);
  expect(fake.inputs('closeRun')[0]?.state).toMatchObject({ block: 3, exportJobId: 'job-1', exportLines: 1_200 });
});

it.each(['failed', 'gone', 'late'] as const)(
  'asks for another job when one has %s, at most three times',
  async (outcome) => {
    let jobs = 0;
    const fake = fakeTenant({
      fetchPages: tooMany,
      startUsersExport: async () => ({ jobId: `job-${++jobs}`, requests: 1, serverTime: 1 }),
      awaitUsersExport: async () => ({ outcome, requests: 2 }),
    });
    await file.lab.withWorker(fake.activities, async (bench) => {
      const { cause } = await endOf(await run(bench, fake.tenant));
      expect(resultOfFailure(cause)).toMatchObject({
        status: 'failed',
        requests: 11,
        error: {
          kind: 'ExportFailed',
          message: `The tenant could not complete a users export in 3 tries (${outcome})`,
        },
      });
    });
    expect(fake.inputs('awaitUsersExport').map(({ jobId }) => jobId)).toEqual(['job-1', 'job-2', 'job-3']);
    expect(fake.inputs('startUsersExport')).toHaveLength(3);
    expect(fake.inputs('loadUsersExport')).toEqual([]);
  },
);

it('completes with the third job', async () => {
  let jobs = 0;
  const outcomes = ['failed', 'gone', 'completed'] as const;
  const fake = fakeTenant({
    fetchPages: tooMany,
    startUsersExport: async () => ({ jobId: `job-${++jobs}`, requests: 1, serverTime: 1 }),
    awaitUsersExport: async () => ({ outcome: outcomes[jobs - 1] ?? 'gone', requests: 1 }),
  });
  await file.lab.withWorker(fake.activities, async (bench) => {
    expect(await (await run(bench, fake.tenant)).result()).toMatchObject({ status: 'completed', rows: 1_400 });
  });
  expect(fake.inputs('loadUsersExport').map(({ jobId }) => jobId)).toEqual(['job-3']);
});

it('waits on for a job after a wait that was cut short', async () => {
  const outcomes = ['pending', 'pending', 'completed'] as const;
  let waits = 0;
  const fake = fakeTenant({
    fetchPages: tooMany,
    awaitUsersExport: async () => ({ outcome: outcomes[waits++] ?? 'gone', requests: 1 }),
  });
  await file.lab.withWorker(fake.activities, async (bench) => {
    expect(await (await run(bench, fake.tenant)).result()).toMatchObject({ status: 'completed', requests: 7 });
  });
  expect(fake.inputs('awaitUsersExport').map(({ jobId }) => jobId)).toEqual(['job-1', 'job-1', 'job-1']);
  expect(fake.inputs('startUsersExport')).toHaveLength(1);
});

it('goes on behind the lines that are loaded, and from the first line of another job', async () => {
  const parts: LoadUsersExportResult[] = [
    { outcome: 'partial', lines: 500, block: 4, counts: { ...noCounts(), rows: 500 }, total: null },
    { outcome: 'gone', lines: 700, block: 5, counts: { ...noCounts(), rows: 200 }, total: null },
    { outcome: 'partial', lines: 300, block: 6, counts: { ...noCounts(), rows: 300 }, total: null },
    { outcome: 'loaded', lines: 900, block: 8, counts: { ...noCounts(), rows: 600 }, total: null },
  ];
  let jobs = 0;
  const fake = fakeTenant({
    fetchPages: tooMany,
    startUsersExport: async () => ({ jobId: `job-${++jobs}`, requests: 1, serverTime: 1 }),
    async loadUsersExport() {
      const part = parts.shift();
      if (part) return part;
      throw new Error('there are no more parts');
    },
  });
  await file.lab.withWorker(fake.activities, async (bench) => {
    expect(await (await run(bench, fake.tenant)).result()).toMatchObject({ status: 'completed', rows: 1_800 });
  });
  expect(fake.inputs('loadUsersExport').map(({ jobId, block, skipLines }) => [jobId, block, skipLines])).toEqual([
    ['job-1', 2, 0],
    ['job-1', 4, 500],
    ['job-2', 5, 0],
    ['job-2', 6, 300],
  ]);
  expect(fake.inputs('closeRun')[0]?.state).toMatchObject({ exportLines: 900, block: 8 });
});

it('starts over with a snapshot when too many have changed', async () => {
  const changed = { kind: 'users-changed', since: '2026-01-01T00:00:00.000Z', page: 0, perPage: 100 } as const;
  const fake = fakeTenant({
    async openRun(input) {
      return { kind: 'run', state: { ...firstState(fake.tenant, input), mode: 'users-changed', cursor: changed } };
    },
    async fetchPages(input) {
      if (input.mode !== 'users-changed') return pagesOf(2)(input);
      return { ...onePage(input.cursor, input.block, 9), switchTo: 'users-pages' };
    },
  });
  await file.lab.withWorker(fake.activities, async (bench) => {
    expect(await (await run(bench, fake.tenant)).result()).toMatchObject({
      status: 'completed',
      mode: 'users-pages',
      pages: 3,
      cursor: 'page 2',
    });
  });
  expect(fake.inputs('fetchPages').map(({ mode, cursor, block }) => [mode, cursor, block])).toEqual([
    ['users-changed', changed, 0],
    ['users-pages', FIRST_USERS_PAGE, 1],
    ['users-pages', { ...FIRST_USERS_PAGE, page: 1 }, 2],
  ]);
});

// The count of jobs is not part of the state, so it starts over with every run in the chain.
it('counts the jobs also across a continue-as-new', async () => {
  let jobs = 0;
  const fake = fakeTenant({
    fetchPages: tooMany,
    startUsersExport: async () => ({ jobId: `job-${++jobs}`, requests: 1, serverTime: 1 }),
    // The second job's wait is cut short, which is where the run continues as new; then no job ever completes.
    awaitUsersExport: async ({ jobId }) => {
      const waits = fake.inputs('awaitUsersExport').filter((input) => input.jobId === jobId).length;
      return { outcome: jobId === 'job-2' && waits === 1 ? 'pending' : 'failed', requests: 1 };
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const input = { activitiesPerRun: 2 };
    await endOf(await start('extractUsers', resourceWorkflowId(fake.tenant, 'users'), input));
  });
  expect(fake.inputs('startUsersExport')).toHaveLength(3);
});
