import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPipelineStore } from '../../src/clickhouse/store.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { ANSWERS, type TenantFacts } from '../support/expected-answers.js';
import { type Lab, startLab } from '../support/lab.js';
import { rareEvents } from '../support/rare-events.js';
import { type SqlBlock, sqlBlocks } from '../support/sql-blocks.js';
import { storeRecords } from '../support/store-records.js';
import { logFact } from '../support/tenant-facts.js';

const TENANT = 'acme.eu';
const DAY = 86_400_000;
/** How ClickHouse writes NULL where every value is text. */
const NULL = 'ᴺᵁᴸᴸ';
const QUERIES = sqlBlocks('docs/queries.md');

let lab: Lab;
let facts: TenantFacts;
const started: EmulatedTenant[] = [];

/** Stores log events as a run does. */
async function store(tenant: string, runId: string, events: readonly string[]): Promise<void> {
  await storeRecords(lab.clickhouse, 'logs', events, { tenant, runId });
}

beforeAll(async () => {
  lab = await startLab();
  const tenant = await startTenant({ seed: 11, logs: 6_000, users: 400, clients: 230, logSpanMs: 45 * DAY });
  // The same ids in another tenant: a query that forgets its tenant counts them too.
  const other = await startTenant({ seed: 11, logs: 300, users: 400, clients: 235, logSpanMs: 45 * DAY });
  started.push(tenant, other);
  await lab.startWorker({ [TENANT]: tenant, other });
  // Repeated rows stay, so that a query without FINAL counts them twice.
  await lab.clickhouse.command({ query: 'SYSTEM STOP MERGES' });
  for (const name of [TENANT, 'other']) expect(await lab.sync(name)).toMatchObject({ status: 'completed' });

  const before = await tenant.ids('users');
  await tenant.admin('users', { remove: before.filter((_, index) => index % 50 === 0), touch: 30 });
  await tenant.admin('clients', { touch: 5 });
  expect(await lab.sync(TENANT, { full: true })).toMatchObject({ status: 'completed' });

  const left = new Set(await tenant.ids('users'));
  const deletedUsers = before.filter((id) => !left.has(id));
  const clients = [...(await tenant.raw('clients')).values()];
  const logs = [...(await tenant.raw('logs')).values()];
  const used = new Set(logs.map((raw) => logFact(raw).text('client_id')));
  const ids = {
    users: [...left].slice(0, 9),
    deletedUsers: deletedUsers.slice(0, 3),
    clients: (await tenant.ids('clients')).slice(0, 4),
    idle: (await tenant.ids('clients')).filter((id) => !used.has(id)).slice(-2),
  };
  const rare = rareEvents(Date.now(), ids);
  await store(TENANT, 'rare', rare);
  await store(TENANT, 'again', [...rare, ...logs]);
  await store('other', 'rare', rareEvents(Date.now() - 60_000, ids));
  for (const [name, day] of [
    [TENANT, '04'],
    ['other', '09'],
  ] as const) {
    await createPipelineStore(lab.clickhouse, 'auth0').writeGap(name, 'logs', 'run', {
      from: '1',
      fromDate: '2026-01-01T00:00:00.000Z',
      to: '2',
      toDate: `2026-01-${day}T12:00:00.000Z`,
      reason: 'left out on request',
    });
  }
  await other.admin('users', { remove: [...left].slice(0, 5) });
  expect(await lab.sync('other', { full: true })).toMatchObject({ status: 'completed' });

  facts = {
    // Later than every row: what is deleted is stamped with the engine's own clock.
    now: Math.ceil(Date.now() / 1000) * 1000,
    logs: [...logs, ...rare].map((raw) => logFact(raw)),
    users: [...(await tenant.raw('users')).values()].map((raw): unknown => JSON.parse(raw)),
    clients: clients.map((raw): unknown => JSON.parse(raw)),
    deletedUsers,
  };
}, 180_000);

afterAll(async () => {
  await lab.close();
  await Promise.all(started.map(async (tenant) => tenant.close()));
});

/** Rows of a query as asked at the moment of the facts; NULL as ''. */
async function ask({ sql }: SqlBlock): Promise<Record<string, string>[]> {
  const at = new Date(facts.now).toISOString().slice(0, 19).replace('T', ' ');
  const rows = await lab.rows(sql.replaceAll(/\bnow\((?:'UTC')?\)/g, `toDateTime('${at}', 'UTC')`));
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === NULL ? '' : value])),
  );
}

const query = (heading: string): SqlBlock => {
  const found = QUERIES.filter((block) => block.heading === heading);
  expect(found, `blocks below "${heading}"`).toHaveLength(1);
  return found[0] ?? { heading, sql: '' };
};

describe('docs/queries.md', () => {
  it('holds rows twice in storage, so that the views have something to do', async () => {
    const [counts] = await lab.rows(
      `SELECT count() AS stored, uniqExact(log_id) AS events FROM logs_raw WHERE tenant = '${TENANT}'`,
    );
    expect(Number(counts?.['events'])).toBe(facts.logs.length);
    expect(Number(counts?.['stored'])).toBeGreaterThan(facts.logs.length * 1.9);
  });

  it('has an answer of its own for every query', () => {
    const pipeline = ['Last run of each resource', 'Intervals that are missing'];
    expect(QUERIES.map(({ heading }) => heading).toSorted()).toEqual([...Object.keys(ANSWERS), ...pipeline].toSorted());
    expect(QUERIES.length).toBeGreaterThan(10);
  });

  it.each(Object.keys(ANSWERS))('%s', async (heading) => {
    const expected = ANSWERS[heading]?.(facts) ?? [];
    expect(expected, 'the tenant has something to tell').not.toEqual([]);
    const rows = await ask(query(heading));
    if (heading === 'Deleted users') {
      const noticed = rows.map((row) => row['noticed_at'] ?? '');
      expect(noticed).toEqual(noticed.toSorted().toReversed());
      const told = rows.map(({ user_id: user = '', deletion = '' }) => ({ user_id: user, deletion }));
      expect(told.toSorted(byUser)).toEqual(expected.toSorted(byUser));
    } else {
      expect(rows).toEqual(expected);
    }
  });

  it('Last run of each resource', async () => {
    const rows = await ask(query('Last run of each resource'));
    expect(rows.map(({ resource }) => resource)).toEqual(['clients', 'logs', 'users']);
    expect(rows.find(({ resource }) => resource === 'users')).toMatchObject({
      status: 'completed',
      rows: String(facts.users.length),
      visible: String(facts.users.length),
      reconciled: 'yes',
      error: '',
    });
  });

  it('Intervals that are missing', async () => {
    const [row, ...more] = await ask(query('Intervals that are missing'));
    expect(more).toEqual([]);
    expect(row).toMatchObject({ gap_from: '1', days: '3', reason: 'left out on request' });
  });
});

const byUser = (a: Record<string, string>, b: Record<string, string>): number =>
  (a['user_id'] ?? '') < (b['user_id'] ?? '') ? -1 : 1;

describe('every query of the pages', () => {
  const pages = ['README.md', 'docs/queries.md', 'docs/tables.md', 'docs/migrating.md'];
  const all = pages.flatMap((page) => sqlBlocks(page).map((block) => ({ ...block, page })));

  it.each(all)('runs as it stands: $page, $heading', async ({ sql }) => {
    await expect(lab.rows(sql)).resolves.toBeInstanceOf(Array);
  });
});
