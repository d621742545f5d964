import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desiredSchema, readSchema } from '../../src/clickhouse/schema.js';
import { ddlFor } from '../../src/clickhouse/migrations/migration.js';
import { createPipelineStore } from '../../src/clickhouse/store.js';
import { parseState } from '../../src/state/document.js';
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
    ...lab.temporalEnv,
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

describe('gaps', () => {
  const gap = { from: 'a', to: 'b', fromDate: '2026-01-01T00:00:00.000Z', toDate: null, reason: 'test' };
  const write = (to: string) =>
    createPipelineStore(lab.clickhouse, 'auth0').writeGap('acme', 'logs', 'r', { ...gap, to });
  const shown = async () => JSON_SHAPES.status.parse((await run('status')).document).resources.logs?.gaps;
  const list = async () => JSON_SHAPES.gapsList.parse((await run('gaps')).document).gaps;

  it('count until somebody has looked at them, and go along to another cluster', async () => {
    await write('b');
    expect(await shown()).toBe(1);
    const [open] = await list();
    expect(open).toMatchObject({ tenant: 'acme', resource: 'logs', state: 'open', acknowledged: null });
    const id = open?.id ?? '';
    const acked = await run('gaps', 'ack', id, '--note', 'the log stream has them', '--by', 'ann');
    expect(JSON_SHAPES.gapsAck.parse(acked.document)).toMatchObject({
      status: 'acknowledged',
      gaps: [{ id, state: 'acknowledged', acknowledged: { by: 'ann', note: 'the log stream has them' } }],
    });
    expect(await shown()).toBe(0);
    const exported = parseState((await run('state', 'export')).stdout);
    expect(exported.tenants[0]?.gaps[0]?.acknowledged).toMatchObject({ by: 'ann' });
    // Found once more it is the same gap; a longer one is another.
    await write('b');
    expect(await shown()).toBe(0);
    await write('c');
    expect(await shown()).toBe(1);
    expect((await run('gaps', 'ack', '--all')).document).toMatchObject({ status: 'acknowledged' });
    expect(await shown()).toBe(0);
    expect((await run('gaps', 'ack', '--all', '--undo')).document).toMatchObject({ status: 'open' });
    expect(await shown()).toBe(1);
    expect(await run('gaps', 'ack', 'nope')).toMatchObject({ code: 1 });
    expect(await run('gaps', 'ack')).toMatchObject({ code: 2 });
  });
});

describe('runs', () => {
  it('are listed, and shown with what their worker has logged', async () => {
    const { runs } = JSON_SHAPES.runsList.parse((await run('runs', '--resources', 'users')).document);
    expect(runs[0]).toMatchObject({ tenant: 'acme', resource: 'users', status: 'completed' });
    const { runId = '', startedAt = '' } = runs[0] ?? {};
    const dataDir = join(lab.folder, 'data');
    mkdirSync(join(dataDir, 'logs'), { recursive: true });
    const line = (fields: object) => JSON.stringify({ level: 30, time: startedAt, ...fields });
    writeFileSync(
      join(dataDir, 'logs', 'worker.log'),
      [
        line({ runId, workflowId: 'auth0/acme/users', msg: 'run opened', mode: 'users-pages' }),
        line({ runId: 'continued', workflowId: 'auth0/acme/users', msg: 'goes on', level: 40 }),
        line({ runId: 'other', workflowId: 'auth0/acme/users', msg: 'long ago', time: '2026-01-01T00:00:00.000Z' }),
        line({ runId: 'other', workflowId: 'auth0/acme/logs', msg: 'of another' }),
        '{"event":"ready"}',
      ].join('\n'),
    );
    const ended = await run('runs', 'show', runId.slice(0, 13), '--data-dir', dataDir);
    expect(ended.code, ended.stderr).toBe(0);
    const shown = JSON_SHAPES.runsShow.parse(ended.document);
    expect(shown).toMatchObject({ runId, workflowId: 'auth0/acme/users' });
    expect(shown.log).toEqual([
      { time: startedAt, level: 'info', message: 'run opened', fields: { mode: 'users-pages' } },
      { time: startedAt, level: 'warn', message: 'goes on', fields: {} },
    ]);
    const elsewhere = await run('runs', 'show', runId, '--data-dir', join(lab.folder, 'none'));
    expect(elsewhere.document).toMatchObject({ log: null });
    expect(elsewhere.stderr).toContain(`"runId":"${runId}"`);
    expect(await run('runs', 'show', 'nope')).toMatchObject({ code: 1 });
  });
});

describe('reset', () => {
  const of = (tenant: string, table: string) => lab.column(`SELECT count() FROM ${table} WHERE tenant = '${tenant}'`);

  it('asks for a yes, and does nothing while a run is under way', async () => {
    expect(await run('reset', 'logs')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await run('reset', '--yes')).toMatchObject({ code: 2 });
    const handle = await lab.client.workflow.start('extractLogs', {
      taskQueue: 'nobody',
      workflowId: 'auth0/acme/logs',
    });
    const refused = await run('reset', 'logs', '--yes');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('auth0/acme/logs is under way') });
    expect(await of('acme', 'logs')).toEqual(['250']);
    await handle.terminate();
  });

  it('drops one resource of a tenant, which the next run copies anew', async () => {
    await command(`INSERT INTO auth0.users_raw (tenant, user_id, version) VALUES ('other', 'x', 1)`);
    const done = await run('reset', 'users', '--yes');
    expect(done.code, done.stderr).toBe(0);
    expect(JSON_SHAPES.reset.parse(done.document)).toMatchObject({
      tenant: 'acme',
      resource: 'users',
      status: 'reset',
      tables: expect.arrayContaining([{ table: 'users_raw', rows: 30 }]),
    });
    expect(await of('acme', 'users_raw')).toEqual(['0']);
    expect([await of('other', 'users_raw'), await of('acme', 'clients')]).toEqual([['1'], ['4']]);
    const { runs } = JSON_SHAPES.runsList.parse((await run('runs', '--resources', 'users')).document);
    expect(runs.map(({ status }) => status)).toEqual(['reset']);
    const { resources } = await lab.sync('acme');
    expect(resources.users).toMatchObject({ status: 'completed', rows: 30, mode: 'users-pages' });
    expect((await run('reset', '--tenant', 'other', '--yes')).document).toMatchObject({ status: 'reset' });
    await expectWhole();
  });

  it('drops a whole tenant, also one that is no longer configured', async () => {
    expect((await run('reset', '--tenant', 'acme', '--yes')).document).toMatchObject({ status: 'reset' });
    for (const table of ['logs_raw', 'users_raw', 'clients_raw', 'pipeline_checkpoints', 'pipeline_gaps'])
      expect(await of('acme', table), table).toEqual(['0']);
    expect((await run('reset', '--tenant', 'nobody', '--yes')).document).toMatchObject({ status: 'nothing' });
    expect((await lab.sync('acme')).status).toBe('completed');
    await expectWhole();
  });
});
