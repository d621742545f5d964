import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES } from '../../src/contracts/names.js';
import type { EmulatorOptions } from '../../src/emulator/main.js';
import { emulatorDefaults } from '../../src/emulator/main.js';
import { EXPORT_FIELDS } from '../../src/resources/users.js';
import { type EmulatedTenant, emulatedTenants } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

/** Borders of paging: none, one, a full page, one more; the 1,000 users that can be paged, and one more. */
const TENANTS: Record<string, EmulatorOptions> = {
  empty: { logs: 0, users: 0, clients: 0 },
  one: { logs: 1, users: 1, clients: 1 },
  'full-page': { logs: 100, users: 100, clients: 100 },
  'page-and-one': { logs: 101, users: 101, clients: 101 },
  thousand: { logs: 350, users: 1_000, clients: 2 },
  'thousand-and-one': { logs: 50, users: 1_001, clients: 250 },
  arrays: { logs: 220, users: 130, clients: 110, shape: 'array' },
  'arrays-many': { logs: 10, users: 1_001, clients: 100, shape: 'array' },
  named: { logs: 220, users: 130, clients: 110, shape: 'named' },
  data: { logs: 220, users: 130, clients: 110, shape: 'data' },
  'data-many': { logs: 10, users: 1_200, clients: 101, shape: 'data' },
};

let lab: Lab;
const tenants = emulatedTenants();

beforeAll(async () => {
  lab = await startLab();
  for (const [name, options] of Object.entries(TENANTS)) await tenants.add(name, { seed: 7, ...options });
  await lab.startWorker(tenants.byName);
}, 120_000);

afterAll(async () => {
  await lab.close();
  await tenants.close();
});

const KEY = { logs: 'log_id', users: 'user_id', clients: 'client_id' } as const;

async function expectWholeCopy(name: string): Promise<void> {
  for (const resource of RESOURCES) {
    const wanted = await tenants.of(name).ids(resource);
    const held = await lab.column(`SELECT ${KEY[resource]} FROM ${resource} WHERE tenant = '${name}'`);
    expect(held, `${name}: ids of ${resource}`).toEqual(wanted);
  }
}

describe.each(Object.keys(TENANTS))('a tenant at the borders of paging: %s', (name) => {
  it('is copied whole, with each id once', async () => {
    const result = await lab.sync(name);
    expect(result.status).toBe('completed');
    await expectWholeCopy(name);
    const { logs, clients } = result.resources;
    expect(logs?.rows).toBe(TENANTS[name]?.logs);
    expect(clients?.rows).toBe(TENANTS[name]?.clients);
  });

  it('is not changed by a second run, which asks for at most two pages of logs', async () => {
    const before = tenants.of(name).requests()['logs'] ?? 0;
    const result = await lab.sync(name);
    expect(result.status).toBe('completed');
    expect((tenants.of(name).requests()['logs'] ?? 0) - before).toBeLessThanOrEqual(2);
    expect(result.resources.logs?.rows).toBe(0);
    await expectWholeCopy(name);
  });
});

it('leaves runs that are found by their tenant and resource', async () => {
  const found = () => lab.client.workflow.count('Auth0Tenant = "one" AND Auth0Resource = "logs"');
  await expect.poll(async () => (await found()).count, { timeout: 10_000 }).toBeGreaterThan(0);
});

describe('what lands', () => {
  it('is the text that the tenant sent, byte for byte, where nothing had to be left out', async () => {
    for (const name of ['page-and-one', 'data']) {
      for (const resource of RESOURCES) {
        const sent = await tenants.of(name).raw(resource);
        const held = await lab.rows(
          `SELECT ${KEY[resource]} AS id, raw, toString(length(redacted)) AS cut FROM ${resource} WHERE tenant = '${name}'`,
        );
        expect(held.length).toBe(sent.size);
        const whole = held.filter(({ cut }) => cut === '0');
        for (const { id, raw } of whole) expect(raw).toBe(sent.get(id ?? ''));
        if (resource === 'logs') expect(whole.length).toBe(held.length);
        if (resource === 'clients') expect(whole.length).toBe(0);
      }
    }
    const hard = await lab.column(
      `SELECT raw FROM logs WHERE match(raw, '[:,]\\\\d{24}[,}]') OR position(raw, '\\\\u') > 0 LIMIT 5`,
    );
    expect(hard.length, 'rows with 24-digit integers or escapes were among them').toBeGreaterThan(0);
  });

  it('has its typed columns also where a number is beyond 64 bits', async () => {
    const [row] = await lab.rows(
      `SELECT countIf(type = '') AS untyped, countIf(date < '2001-01-01') AS undated, countIf(match(raw, '\\\\d{22}')) AS big FROM logs`,
    );
    expect(Number(row?.['big'])).toBeGreaterThan(0);
    expect(row).toMatchObject({ untyped: '0', undated: '0' });
  });

  it('is the line of the export file where users came by export', async () => {
    const lines = await exportLines(tenants.of('thousand-and-one'));
    const held = await lab.rows(
      `SELECT user_id AS id, raw FROM users WHERE tenant = 'thousand-and-one' AND empty(redacted)`,
    );
    expect(held.length).toBeGreaterThan(300);
    for (const { id, raw } of held) expect(raw).toBe(lines.get(id ?? ''));
  });

  it('holds no secret anywhere', async () => {
    for (const table of ['logs_raw', 'users_raw', 'clients_raw', '_pipeline_runs', '_pipeline_checkpoints']) {
      const [row] = await lab.rows(
        `SELECT count() AS n FROM ${table} WHERE position(toString(tuple(*)), 's3cr3t') > 0`,
      );
      expect(row, table).toEqual({ n: '0' });
    }
    const [dropped] = await lab.rows(`SELECT count() AS n FROM clients WHERE has(redacted, 'client_secret')`);
    expect(Number(dropped?.['n'])).toBeGreaterThan(500);
  });
});

describe('what happens between two runs', () => {
  it('arrives: 500 new events take at most seven requests for logs', async () => {
    const tenant = tenants.of('full-page');
    await tenant.admin('logs', { count: 500 });
    const before = tenant.requests()['logs'] ?? 0;
    const result = await lab.sync('full-page');
    expect(result.resources.logs).toMatchObject({ status: 'completed', rows: 500 });
    expect((tenant.requests()['logs'] ?? 0) - before).toBeLessThanOrEqual(7);
    await expectWholeCopy('full-page');
  });

  it('arrives: new and changed users, without a second snapshot', async () => {
    const tenant = tenants.of('thousand-and-one');
    const exports = tenant.emulator.stats().exportsCreated;
    await tenant.admin('users', { add: 150, touch: 20 });
    const result = await lab.sync('thousand-and-one');
    expect(result.resources.users).toMatchObject({ status: 'completed', mode: 'users-changed' });
    expect(tenant.emulator.stats().exportsCreated).toBe(exports);
    await expectWholeCopy('thousand-and-one');
    const sent = await tenant.raw('users');
    const held = await lab.rows(
      `SELECT user_id AS id, updated_at FROM users WHERE tenant = 'thousand-and-one' ORDER BY updated_at DESC LIMIT 170`,
    );
    for (const { id, updated_at: at } of held)
      expect(JSON.parse(sent.get(id ?? '') ?? '{}')).toMatchObject({ updated_at: `${at?.replace(' ', 'T')}Z` });
  });

  it('is read again when the tables were emptied, checkpoints or not', async () => {
    for (const table of ['logs_raw', 'users_raw']) await lab.clickhouse.command({ query: `TRUNCATE TABLE ${table}` });
    const result = await lab.sync('page-and-one');
    expect(result.status).toBe('completed');
    expect(result.resources.logs?.warnings.join()).toMatch(/starting over|ClickHouse holds 0 of the \d+ logs/);
    await expectWholeCopy('page-and-one');
  });
});

async function exportLines(tenant: EmulatedTenant): Promise<Map<string, string>> {
  const { origin } = tenant;
  const grant = await fetch(`${origin}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: emulatorDefaults.clientId,
      client_secret: emulatorDefaults.clientSecret,
      audience: `${origin}/api/v2/`,
    }),
  });
  const { access_token: token }: { access_token: string } = JSON.parse(await grant.text());
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const created = await fetch(`${origin}/api/v2/jobs/users-exports`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ format: 'json', fields: EXPORT_FIELDS.map((name) => ({ name })) }),
  });
  const { id }: { id: string } = JSON.parse(await created.text());
  for (;;) {
    const answer = await fetch(`${origin}/api/v2/jobs/${id}`, { headers });
    const job: { status: string; location?: string } = JSON.parse(await answer.text());
    if (job.status === 'completed' && job.location !== undefined) {
      const file = await fetch(job.location);
      const text = gunzipSync(Buffer.from(await file.arrayBuffer())).toString('utf8');
      const lines = text.split('\n').filter((line) => line !== '');
      return new Map(
        lines.map((line) => {
          const user: { user_id: string } = JSON.parse(line);
          return [user.user_id, line];
        }),
      );
    }
  }
}
