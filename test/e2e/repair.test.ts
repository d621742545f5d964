import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desiredSchema, readSchema } from '../../src/clickhouse/schema.js';
import { ddlFor } from '../../src/clickhouse/migrations/migration.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { runHere } from '../support/in-process.js';
import { JSON_SHAPES } from '../support/json-shapes.js';
import { type Lab, startLab } from '../support/lab.js';
import { lastJson, tenantEnv } from '../support/up.js';

const TARGET = { database: 'auth0', cluster: null };
let lab: Lab;
let source: EmulatedTenant;
let env: Record<string, string>;

beforeAll(async () => {
  lab = await startLab();
  source = await startTenant({ seed: 5, logs: 250, users: 30, clients: 4 });
  await lab.startWorker({ acme: source });
  env = {
    ...tenantEnv(source.origin),
    AUTH0_TENANT: 'acme',
    CLICKHOUSE_URL: lab.clickhouseUrl,
    TEMPORAL_ADDRESS: lab.temporalAddress,
    TEMPORAL_TASK_QUEUE: 'lab',
  };
  expect((await lab.sync('acme')).status).toBe('completed');
}, 60_000);
afterAll(async () => {
  await lab.close();
  await source.close();
});

const run = async (...args: string[]) => {
  const ended = await runHere([...args, '--json'], env);
  return { ...ended, document: lastJson(ended.stdout) };
};
const command = (query: string) => lab.clickhouse.command({ query });

async function expectWhole(): Promise<void> {
  expect((await readSchema(lab.clickhouse, TARGET)).problems).toEqual([]);
  const keys = { logs: 'log_id', users: 'user_id', clients: 'client_id' } as const;
  for (const resource of ['logs', 'users', 'clients'] as const)
    expect(await lab.column(`SELECT ${keys[resource]} FROM ${resource}`), resource).toEqual(await source.ids(resource));
}

/** What `status` and `doctor` say of the tables, before and after they are repaired. */
async function sayings() {
  const status = JSON_SHAPES.status.parse((await run('status')).document);
  const doctor = JSON_SHAPES.doctor.parse((await run('doctor')).document);
  const check = doctor.groups.flatMap(({ checks }) => checks).find(({ name }) => name === 'tables');
  return { status: status.tables ?? (status.clickhouse === 'up' ? null : status.clickhouse), doctor: check };
}

describe('a table or view that somebody has dropped or changed', () => {
  it('is none at first', async () => {
    expect(await sayings()).toMatchObject({ status: null, doctor: { status: 'ok' } });
    expect((await run('repair', 'tables')).document).toEqual({ status: 'unchanged', database: 'auth0', repaired: [] });
  });

  const all = desiredSchema(ddlFor(TARGET));
  const own = all.filter(({ name, kind }) => kind === 'table' && name.startsWith('_'));
  it.each([
    { what: 'the logs', dropped: all.filter(({ name }) => name === 'logs_raw') },
    { what: 'the others', dropped: all.filter(({ name }) => ['users_raw', 'clients_raw'].includes(name)) },
    { what: 'the list of ids', dropped: all.filter(({ name }) => name === '_snapshot_ids') },
    { what: 'our own tables', dropped: own },
    { what: 'what fills the list of ids', dropped: all.filter(({ kind }) => kind === 'materialized view') },
    { what: 'the views', dropped: all.filter(({ kind }) => kind === 'view') },
  ])(
    '$what: named, made again, and read again',
    async ({ dropped }) => {
      for (const { name, kind } of dropped) await command(`DROP ${kind === 'table' ? 'TABLE' : 'VIEW'} auth0.${name}`);
      const said = await sayings();
      expect(said.doctor?.status).toBe('fail');
      for (const { name } of dropped) expect(said.doctor?.detail).toContain(name);
      if (dropped !== own) {
        for (const { name } of dropped) expect(said.status).toContain(name);
        expect(said.status).toContain('repair tables');
      }
      const repaired = await run('repair', 'tables');
      expect(repaired.code, repaired.stderr).toBe(0);
      const names = JSON_SHAPES.repairTables.parse(repaired.document).repaired.map(({ name }) => name);
      // Without the list of migrations all of them are applied again, which makes everything.
      if (dropped !== own) expect(names).toEqual(expect.arrayContaining(dropped.map(({ name }) => name)));
      const synced = await lab.sync('acme', { full: true });
      expect(Object.values(synced.resources).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
      await expectWhole();
    },
    30_000,
  );

  it('all at once, the database with them', async () => {
    await command('DROP DATABASE auth0');
    expect((await sayings()).doctor).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('none in auth0 yet'),
    });
    expect((await run('repair', 'tables')).code).toBe(0);
    expect((await lab.sync('acme')).status).toBe('completed');
    await expectWhole();
  }, 30_000);

  it('a view that shows something else, and a table that lacks a column', async () => {
    await command('CREATE OR REPLACE VIEW auth0.users AS SELECT user_id FROM auth0.users_raw');
    await command('ALTER TABLE auth0._pipeline_runs DROP COLUMN deletes_waiting');
    expect((await sayings()).doctor?.detail).toBe(
      'In auth0: users changed by somebody else; _pipeline_runs without deletes_waiting',
    );
    expect((await run('repair', 'tables')).document).toMatchObject({
      repaired: [
        { name: '_pipeline_runs', what: 'columns' },
        { name: 'users', what: 'changed' },
      ],
    });
    expect((await lab.sync('acme', { full: true })).status).toBe('completed');
    await expectWhole();
  }, 30_000);
});
