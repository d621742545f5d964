import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { syntheticLogId } from '../../src/auth0/log-id.js';
import { type Lab, startLab } from '../support/lab.js';
import { type LogsAnswer, type OddLog, servedFrom, startOddTenant, type OddTenant } from '../support/odd-tenant.js';

vi.setConfig({ testTimeout: 60_000 });

const START = Date.UTC(2026, 0, 2, 3, 4, 5);

let lab: Lab;
const tenants: Record<string, OddTenant> = {};

afterAll(async () => {
  await lab.close();
  await Promise.all(Object.values(tenants).map((tenant) => tenant.close()));
});

const timed = (n: number) => `${syntheticLogId(START + n * 1_000).slice(0, 17)}${String(n).padStart(39, '1')}`;
const logsOf = (count: number, of: (n: number) => OddLog = () => ({})): OddLog[] =>
  Array.from({ length: count }, (_, n) => ({
    log_id: timed(n),
    date: new Date(START + n * 1_000).toISOString(),
    type: 's',
    ...of(n),
  }));
const plain = (logs: readonly OddLog[]) =>
  servedFrom(logs, (first, take) => ({ logs: logs.slice(first, first + take) }));

const syncLogs = async (name: string) => (await lab.sync(name, { resources: ['logs'] })).resources.logs;
async function expectHeld(name: string, logs: readonly OddLog[]): Promise<void> {
  const held = await lab.column(`SELECT log_id FROM logs_raw FINAL WHERE tenant = '${name}'`);
  expect(held).toEqual(logs.map(({ log_id: id }) => String(id)).toSorted());
}

const DATES: Record<string, unknown> = {
  'no-date': undefined,
  'an-object': { $date: 1 },
  'a-number': START,
  'another-form': '28/Nov/2026:05:00:00 +0000',
  'beyond-2299': '2300-01-01T00:00:00.000Z',
};
const FORMS: Record<string, (n: number) => unknown> = {
  uuid: (n) => {
    const hex = createHash('sha256').update(String(n)).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  },
  number: (n) => String(n + 90),
  scattered: (n) => String(((n + 1) * 7_919) % 100_003),
  short: (n) => createHash('md5').update(String(n)).digest('base64url').slice(0, 7),
};

const two = (date: unknown): OddLog[] => logsOf(2, (n) => (n === 1 ? { date } : {}));
const months = logsOf(130, (n) => ({ date: new Date(Date.UTC(2015, n, 3)).toISOString() }));
const many = logsOf(6_000);
const few = logsOf(350);
const burst = logsOf(3_000, (n) => ({
  log_id: `${syntheticLogId(START).slice(0, 17)}${String(n + 1).padStart(39, '0')}`,
  date: new Date(START).toISOString(),
}));
const ofForm = (form: string) => logsOf(1_300, (n) => ({ log_id: FORMS[form]?.(n) }));
/** Logs of the tenants with other ids that there are so far. */
let grown = 1_000;

beforeAll(async () => {
  const serves: Record<string, (query: Record<string, string>) => LogsAnswer> = {
    ...Object.fromEntries(Object.entries(DATES).map(([name, date]) => [name, plain(two(date))])),
    months: plain(months),
    burst: plain(burst),
    inclusive: servedFrom(many, (first, take) => ({ logs: many.slice(Math.max(0, first - 1)).slice(0, take) })),
    repeating: servedFrom(many, (first, take) => ({ logs: many.slice(Math.max(0, first - 20)).slice(0, take) })),
    links: servedFrom(few, (first, take, from) => {
      if (from.startsWith('9009')) return { logs: few.slice(200, 250), link: timed(330) };
      if (first === 200) return { logs: [], link: `9009${'0'.repeat(52)}` };
      return { logs: few.slice(first, Math.min(first + take, first < 200 ? 200 : 350)), link: timed(330) };
    }),
    ...Object.fromEntries(
      Object.keys(FORMS).map((form) => {
        const all = ofForm(form);
        return [form, (query: Record<string, string>) => plain(all.slice(0, grown))(query)];
      }),
    ),
  };
  for (const [name, serve] of Object.entries(serves)) tenants[name] = await startOddTenant(serve);
  lab = await startLab();
  await lab.startWorker(tenants);
}, 120_000);

describe('dates', () => {
  it.each(Object.keys(DATES))('do not decide what a run counts: %s', async (name) => {
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 2, visible: 2, malformed: 1 });
    await expectHeld(name, two(undefined));
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 0 });
  });

  it('may lie in as many months as there are logs', async () => {
    expect(await syncLogs('months')).toMatchObject({ status: 'completed', rows: 130, visible: 130 });
    await expectHeld('months', months);
  });
});

describe('pages', () => {
  it.each(['inclusive', 'repeating'])(
    'may begin with what the page before held, and end so for ever: %s',
    async (name) => {
      expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 6_000, visible: 6_000 });
      await expectHeld(name, many);
      const before = tenants[name]?.queries.length ?? 0;
      expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 0 });
      expect((tenants[name]?.queries.length ?? 0) - before).toBeLessThanOrEqual(3);
    },
  );

  it('that are empty are followed where their Link leads on, and Links that lead ahead are not', async () => {
    expect(await syncLogs('links')).toMatchObject({ status: 'completed', rows: 350 });
    await expectHeld('links', few);
    expect(await syncLogs('links')).toMatchObject({ status: 'completed', rows: 0 });
  });
});

it('a burst that is the newest of the log is read again until its window has passed, and then no longer', async () => {
  const requests = async () => {
    const before = tenants['burst']?.queries.length ?? 0;
    expect(await syncLogs('burst')).toMatchObject({ status: 'completed', rows: 0 });
    return (tenants['burst']?.queries.length ?? 0) - before;
  };
  expect(await syncLogs('burst')).toMatchObject({ status: 'completed', rows: 3_000 });
  expect(await requests()).toBe(31);
  await lab.clickhouse.command({
    query: `ALTER TABLE _pipeline_checkpoints UPDATE written_at = written_at - INTERVAL 31 SECOND, run_rows = 0
      WHERE tenant = 'burst' SETTINGS mutations_sync = 2`,
  });
  // What turned up within the window, and was not seen before.
  const late = burst.slice(1_000, 1_003).map(({ log_id: id }) => `'${String(id)}'`);
  await lab.clickhouse.command({ query: `DELETE FROM logs_raw WHERE log_id IN (${late.join()})` });
  const before = tenants['burst']?.queries.length ?? 0;
  expect(await syncLogs('burst')).toMatchObject({ status: 'completed', rows: 3 });
  expect((tenants['burst']?.queries.length ?? 0) - before).toBe(31);
  expect([await requests(), await requests()]).toEqual([1, 1]);
});

it('ids of another form are copied, and gone on from', async () => {
  for (const form of Object.keys(FORMS)) {
    expect(await syncLogs(form)).toMatchObject({ status: 'completed', rows: 1_000, visible: 1_000 });
    expect(await syncLogs(form)).toMatchObject({ status: 'completed', rows: 0 });
  }
  grown = 1_300;
  for (const form of Object.keys(FORMS)) {
    expect(await syncLogs(form)).toMatchObject({ status: 'completed', rows: 300, visible: 300 });
    await expectHeld(form, ofForm(form));
  }
});
