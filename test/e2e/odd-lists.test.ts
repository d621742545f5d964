import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../src/emulator/faults.js';
import type { EmulatorOptions } from '../../src/emulator/main.js';
import { emulatedTenants } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

// Tenants that are odd: what can be proven is stored and the run completes; only deletes wait for a proof.

const TENANTS: Record<string, EmulatorOptions> = {
  'slow-search': { users: 150 },
  'no-export': { users: 120 },
  'no-way': { users: 20 },
  repeats: { users: 101, clients: 201, repeatAtBorder: true },
  'repeats-without-export': { users: 101 },
  'high-users': { users: 150, wrongTotal: { plus: 1 } },
  'high-clients': { clients: 150, wrongTotal: { plus: 1 } },
  'high-and-busy': { users: 150, wrongTotal: { plus: 1 } },
  'low-full': { users: 150, clients: 150 },
  'low-few': { users: 150, clients: 150 },
  'low-negative': { users: 150, clients: 150 },
  'low-text': { users: 150, clients: 150 },
  'low-none': { users: 150, clients: 150 },
  'seen-before': { users: 80 },
  'non-records': { users: 30 },
  'non-lines': { users: 1_050 },
};

let lab: Lab;
const tenants = emulatedTenants();

beforeAll(async () => {
  lab = await startLab();
  for (const [name, options] of Object.entries(TENANTS))
    await tenants.add(name, { seed: 5, logs: 0, users: 0, clients: 0, ...options });
  await lab.startWorker(tenants.byName);
}, 120_000);
afterAll(async () => {
  await lab.close();
  await tenants.close();
});

const KEY = { users: 'user_id', clients: 'client_id' } as const;
type Resource = keyof typeof KEY;

const held = (name: string, resource: Resource) =>
  lab.column(`SELECT ${KEY[resource]} FROM ${resource} WHERE tenant = '${name}'`);

async function snapshotOf(name: string, resource: Resource) {
  const result = await lab.sync(name, { resources: [resource], full: true });
  return result.resources[resource];
}

const QUERY_TIMEOUT: FaultRule['action'] = {
  status: 503,
  body: {
    statusCode: 503,
    error: 'Service Unavailable',
    message: 'The query exceeded the timeout. Please try refining your search criteria.',
    errorCode: 'query_timeout',
  },
};

describe('a way of reading that the tenant cannot serve', () => {
  it('is left for the export job: every search takes too long', async () => {
    const name = 'slow-search';
    const tenant = tenants.of(name);
    await tenant.admin('faults', [{ route: 'users', every: 1, action: QUERY_TIMEOUT }]);
    const result = await snapshotOf(name, 'users');
    expect(result).toMatchObject({ status: 'completed', mode: 'users-export', rows: 150, visible: 150 });
    expect(result?.warnings.join()).toContain('query_timeout');
    expect(await held(name, 'users')).toEqual(await tenant.ids('users'));

    await tenant.admin('users', { add: 3 });
    const changed = (await lab.sync(name, { resources: ['users'] })).resources.users;
    expect(changed).toMatchObject({ status: 'completed', mode: 'users-export' });
    expect(await held(name, 'users')).toEqual(await tenant.ids('users'));
  }, 60_000);

  it('is left for pages: the export cannot be had, and the search says that too many have changed', async () => {
    const name = 'no-export';
    const tenant = tenants.of(name);
    await snapshotOf(name, 'users');
    const wall = { statusCode: 400, error: 'Bad Request', message: 'm', errorCode: 'invalid_paging' };
    await tenant.admin('faults', [
      { route: 'users', nth: 1, action: { status: 400, body: wall } },
      { route: 'users-exports', every: 1, action: { status: 403, body: { statusCode: 403, message: 'no' } } },
    ]);
    await tenant.admin('users', { add: 2 });
    const result = (await lab.sync(name, { resources: ['users'] })).resources.users;
    expect(result).toMatchObject({ status: 'completed', mode: 'users-pages', visible: 122 });
    expect(result?.warnings.join()).toContain('export cannot be had');
  }, 60_000);

  it('ends the run with the reason where the other way is refused as well', async () => {
    const name = 'no-way';
    const tenant = tenants.of(name);
    await tenant.admin('faults', [
      { route: 'users', every: 1, action: QUERY_TIMEOUT },
      { route: 'users-exports', every: 1, action: { status: 403, body: { statusCode: 403, message: 'no' } } },
    ]);
    const result = await snapshotOf(name, 'users');
    expect(result).toMatchObject({ status: 'unavailable', error: { kind: 'InsufficientScope' } });
    expect(tenant.requests()['users-exports']).toBeLessThan(5);
  }, 60_000);
});

describe('a user that the export shows after the list did', () => {
  it('is as the later look has it, with what an export line cannot hold', async () => {
    const name = 'seen-before';
    const tenant = tenants.of(name);
    await snapshotOf(name, 'users');
    const before = await tenant.raw('users');
    const own = [...before].filter(([, raw]) => raw.includes('"locale"')).map(([id]) => id);
    expect(own.length).toBeGreaterThan(3);
    // The same versions, other texts: as if the tenant had changed them back without moving updated_at.
    await lab.clickhouse.command({
      query: `INSERT INTO users_raw SELECT * REPLACE ('changed' AS name, replaceOne(raw, '"name":', '"name":"changed","was":') AS raw)
        FROM users_raw FINAL WHERE tenant = '${name}'`,
    });
    expect(await lab.column(`SELECT uniqExact(name) FROM users WHERE tenant = '${name}'`)).toEqual(['1']);
    await tenant.admin('faults', [{ route: 'users', every: 1, action: QUERY_TIMEOUT }]);
    expect(await snapshotOf(name, 'users')).toMatchObject({ status: 'completed', mode: 'users-export', visible: 80 });
    const rows = await lab.rows(`SELECT user_id, raw, name FROM users WHERE tenant = '${name}'`);
    expect(rows).toHaveLength(80);
    expect(rows.filter((row) => row['name'] === 'changed')).toEqual([]);
    const withLocale = rows.filter((row) => row['raw']?.includes('"locale"'));
    expect(new Set(withLocale.map((row) => row['user_id']))).toEqual(new Set(own));
  }, 60_000);
});

describe('pages that repeat a row and leave another out', () => {
  it('are read by the export in the same run', async () => {
    const name = 'repeats';
    const tenant = tenants.of(name);
    expect(await snapshotOf(name, 'users')).toMatchObject({ status: 'completed', mode: 'users-export', visible: 101 });
    expect(await held(name, 'users')).toEqual(await tenant.ids('users'));
    expect(await snapshotOf(name, 'clients')).toMatchObject({ status: 'completed', visible: 201 });
    expect(await held(name, 'clients')).toEqual(await tenant.ids('clients'));
  }, 60_000);

  it('stand where the export cannot be had, and nothing is deleted by them', async () => {
    const name = 'repeats-without-export';
    const tenant = tenants.of(name);
    await snapshotOf(name, 'users');
    await tenant.admin('config', { repeatAtBorder: true });
    await tenant.admin('faults', [
      { route: 'users-exports', every: 1, action: { status: 403, body: { statusCode: 403, message: 'no' } } },
    ]);
    for (let run = 0; run < 3; run++) {
      const result = await snapshotOf(name, 'users');
      expect(result).toMatchObject({ status: 'completed', mode: 'users-pages', deleted: 0 });
      expect(result?.warnings.join()).toContain('export cannot be had');
    }
    expect(await held(name, 'users')).toEqual(await tenant.ids('users'));
  }, 60_000);
});

describe('a total that is one too high for ever', () => {
  it.each<Resource>(['users', 'clients'])(
    'holds back deletes of %s until a second reading agrees, and costs nothing else',
    async (resource) => {
      const name = `high-${resource}`;
      const tenant = tenants.of(name);
      const first = await snapshotOf(name, resource);
      expect(first).toMatchObject({ status: 'completed', rows: expect.any(Number), visible: 150, deleted: 0 });
      expect(first?.warnings.join()).toContain('the tenant counts 151, and lists 150');
      const checkpoints = `SELECT count() AS n FROM pipeline_checkpoints WHERE tenant = '${name}'`;
      expect(await lab.rows(checkpoints)).toEqual([{ n: '1' }]);

      const gone = (await tenant.ids(resource)).slice(10, 15);
      await tenant.admin(resource, { remove: gone });
      const second = await snapshotOf(name, resource);
      expect(second).toMatchObject({ status: 'completed', deleted: 0 });
      expect(second?.warnings.join()).toContain('not marked as deleted');
      const exports = tenant.emulator.stats().exportsCreated;
      const third = await snapshotOf(name, resource);
      expect(third).toMatchObject({ status: 'completed', deleted: 5 });
      expect(await held(name, resource)).toEqual(await tenant.ids(resource));
      // The list is the one of before, so nobody has to be asked for more.
      expect(tenant.emulator.stats().exportsCreated).toBe(exports);
    },
    60_000,
  );

  it('is believed in a busy tenant too, where no two readings are the same', async () => {
    const name = 'high-and-busy';
    const tenant = tenants.of(name);
    const all = await tenant.ids('users');
    const deleted: (number | undefined)[] = [];
    for (let run = 0; run < 4; run++) {
      deleted.push((await snapshotOf(name, 'users'))?.deleted);
      await tenant.admin('users', { add: 2, remove: [all[run] ?? ''] });
    }
    expect(deleted).toEqual([0, 0, 1, 1]);
  }, 60_000);
});

describe('a total that is lower than its own pages', () => {
  it.each<[string, unknown]>([
    ['full', 100],
    ['few', 3],
    ['negative', -7],
    ['text', '100'],
    ['none', null],
  ])('deletes nobody, and leaves nobody out (%s)', async (what, instead) => {
    const name = `low-${what}`;
    const tenant = tenants.of(name);
    await lab.sync(name, { resources: ['users', 'clients'] });
    await tenant.admin('users', { add: 100 });
    await tenant.admin('clients', { add: 100 });
    await tenant.admin('config', { wrongTotal: { instead } });
    for (const resource of ['users', 'clients'] as const) {
      expect(await snapshotOf(name, resource)).toMatchObject({ status: 'completed', visible: 250, deleted: 0 });
      expect(await held(name, resource)).toEqual(await tenant.ids(resource));
    }
    await tenant.admin('users', { add: 130 });
    expect((await lab.sync(name, { resources: ['users'] })).resources.users?.status).toBe('completed');
    expect(await held(name, 'users')).toEqual(await tenant.ids('users'));
  });
});

describe('what is no record', () => {
  it('costs its page nothing, and hides nobody who is held', async () => {
    const name = 'non-records';
    const tenant = tenants.of(name);
    await snapshotOf(name, 'users');
    const records = [...(await tenant.raw('users')).values()];
    const users = ['null', '"text"', '7', '[]', ...records.slice(4)];
    const body = `{"start":0,"limit":100,"length":30,"total":30,"users":[${users.join(',')}]}`;
    await tenant.admin('faults', [{ route: 'users', every: 1, action: { status: 200, body } }]);
    for (let run = 0; run < 2; run++) {
      const result = await snapshotOf(name, 'users');
      expect(result).toMatchObject({ status: 'completed', visible: 26, malformed: 4, deleted: 0 });
      expect(result?.warnings.join()).toContain('no record');
    }
    expect(await held(name, 'users')).toEqual(await tenant.ids('users'));
  }, 60_000);

  it('costs an export nothing', async () => {
    const name = 'non-lines';
    const tenant = tenants.of(name);
    const records = [...(await tenant.raw('users')).values()];
    const lines = [...records.slice(0, 500), 'null', '{"user_id":', ...records.slice(502)];
    await tenant.admin('faults', [
      { route: 'download', every: 1, action: { status: 200, body: `${lines.join('\n')}\n` } },
    ]);
    const result = await snapshotOf(name, 'users');
    expect(result).toMatchObject({ status: 'completed', mode: 'users-export', rows: 1_048, malformed: 2 });
    expect(result?.warnings.join()).toContain('no user');
  }, 60_000);
});
