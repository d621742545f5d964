import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStateRows } from '../../src/clickhouse/state-rows.js';
import { resourceWorkflowId } from '../../src/contracts/names.js';
import { checkClickHouse } from '../../src/doctor/clickhouse.js';
import { parseState, stateOfLogId, type TenantState } from '../../src/state/document.js';
import { type ImportDeps, importState } from '../../src/state/import.js';
import { askHeld, askRuns } from '../../src/status/collect.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

const DAY = 86_400_000;

let lab: Lab;
let source: EmulatedTenant;
let deps: ImportDeps;

/** All names are the same tenant: what one has copied, the others can be told of. */
const NAMES = ['first', 'second', 'third', 'expired', 'people'];

beforeAll(async () => {
  [lab, source] = await Promise.all([
    startLab(),
    startTenant({ seed: 3, logs: 300, users: 400, clients: 2, epochMs: Date.now() - 8 * DAY, logSpanMs: DAY }),
  ]);
  await lab.startWorker(Object.fromEntries(NAMES.map((name) => [name, source])));
  deps = {
    rows: createStateRows(lab.clickhouse, 'auth0'),
    isRunning: () => Promise.resolve(false),
    now: Date.now,
  };
}, 120_000);
afterAll(async () => {
  await lab.close();
  await source.close();
});

const logsOf = (tenant: string) => lab.column(`SELECT log_id FROM logs WHERE tenant = '${tenant}'`);
const gapsOf = (tenant: string) =>
  lab.rows(`SELECT gap_from, reason, refilled FROM pipeline_gaps WHERE tenant = '${tenant}' ORDER BY gap_from`);

/** The state of a tenant as another one's, by way of the text that `state export` prints. */
async function exportAs(from: string, to: string): Promise<TenantState[]> {
  const states = (await deps.rows.read([from])).map((state) => ({ ...state, tenant: to }));
  const document = { version: 1, program: 'test', exportedAt: new Date().toISOString(), tenants: states };
  return parseState(JSON.stringify(document)).tenants;
}

describe('an exported state', () => {
  it('goes on somewhere else with exactly what is newer, and keeps its gaps', async () => {
    expect(await lab.sync('first')).toMatchObject({ status: 'completed' });
    const copied = await logsOf('first');
    expect(copied).toHaveLength(300);
    await lab.clickhouse.insert({
      table: '_pipeline_gaps',
      values: [
        { tenant: 'first', resource: 'logs', gap_from: 'a', gap_to: 'b', reason: 'why', run_id: 'r', version: 1 },
      ],
      format: 'JSONEachRow',
    });
    const [imported] = await importState(deps, await exportAs('first', 'second'), { force: false });
    expect(imported).toEqual({
      tenant: 'second',
      checkpoints: { logs: 'imported', users: 'imported', clients: 'imported' },
      gaps: 1,
    });

    // Nothing new: nothing is copied, and the checkpoint is still believed the next time.
    const quiet = await lab.sync('second', { resources: ['logs'] });
    expect(quiet.resources.logs).toMatchObject({ status: 'completed', rows: 0, gaps: 0 });
    await source.admin('logs', { count: 50 });
    const result = await lab.sync('second', { resources: ['logs'] });
    expect(result.resources.logs).toMatchObject({ status: 'completed', rows: 50, gaps: 0 });
    expect(result.resources.logs?.warnings.join()).toContain('imported');
    const newer = (await source.ids('logs')).filter((id) => !copied.includes(id));
    expect(await logsOf('second')).toEqual(newer);
    expect(await gapsOf('second')).toEqual([{ gap_from: 'a', reason: 'why', refilled: 'false' }]);

    // What it has copied itself since is read again where the table was emptied.
    await lab.clickhouse.command({
      query: "ALTER TABLE logs_raw DELETE WHERE tenant = 'second' SETTINGS mutations_sync = 2",
    });
    expect((await lab.sync('second', { resources: ['logs'] })).resources.logs).toMatchObject({ rows: 50 });
    expect(await logsOf('second')).toEqual(newer);
  }, 60_000);

  it('of users without their rows leads to a full snapshot, so that none is missing', async () => {
    const result = await lab.sync('second', { resources: ['users'] });
    expect(result.resources.users).toMatchObject({ status: 'completed', mode: 'users-pages', rows: 400 });
  }, 60_000);

  it('is refused where the destination has another checkpoint, and replaces it only by force', async () => {
    const before = await deps.rows.read(['second']);
    const state = stateOfLogId('second', (await source.ids('logs'))[9] ?? '');
    await expect(importState(deps, [state], { force: false })).rejects.toMatchObject({
      kind: 'Configuration',
      message: expect.stringMatching(/logs of second has a newer checkpoint.*--force/),
    });
    expect(await deps.rows.read(['second'])).toEqual(before);
    expect(await importState(deps, [state], { force: true })).toMatchObject([{ checkpoints: { logs: 'replaced' } }]);
    expect(await importState(deps, [state], { force: false })).toMatchObject([{ checkpoints: { logs: 'unchanged' } }]);
  }, 30_000);

  it('is refused while a run of the resource is under way', async () => {
    const state = stateOfLogId('third', (await source.ids('logs'))[9] ?? '');
    const isRunning: ImportDeps['isRunning'] = (_tenant, resource) => Promise.resolve(resource === 'logs');
    await expect(importState({ ...deps, isRunning }, [state], { force: true })).rejects.toThrow('under way');
    expect(await deps.rows.read(['third'])).toEqual([]);
  });
});

describe("another tool's position", () => {
  it('is gone on behind', async () => {
    const ids = await source.ids('logs');
    await importState(deps, [stateOfLogId('third', ids[199] ?? '')], { force: false });
    const result = await lab.sync('third', { resources: ['logs'] });
    expect(result.resources.logs).toMatchObject({ status: 'completed', rows: ids.length - 200, gaps: 0 });
    expect(await logsOf('third')).toEqual(ids.slice(200));
  }, 60_000);

  it('that the tenant no longer keeps leaves a gap, also where it is not refused', async () => {
    const oldest = (await source.ids('logs'))[0] ?? '';
    await source.admin('config', { logRetentionMs: 5 * DAY, expiredCursor: 'continue' });
    const kept = await source.ids('logs');
    expect(kept.length).toBeLessThan(100);
    await importState(deps, [stateOfLogId('expired', oldest)], { force: false });
    const result = await lab.sync('expired', { resources: ['logs'] });
    expect(result.resources.logs).toMatchObject({ status: 'completed', rows: kept.length, gaps: 1 });
    expect(await gapsOf('expired')).toMatchObject([{ gap_from: oldest }]);
    expect(await logsOf('expired')).toEqual(kept);
  }, 60_000);
});

describe('what status is made from', () => {
  it('tells of all tenants at once what is held, and what waits for a yes', async () => {
    await lab.sync('people', { resources: ['users'] });
    await source.admin('users', { remove: 250 });
    const stopped = await lab.sync('people', { resources: ['users'], full: true });
    expect(stopped.resources.users).toMatchObject({ deleted: 0, deletesWaiting: 250 });
    // A run that looks for changes only says nothing of deletes.
    expect((await lab.sync('people', { resources: ['users'] })).resources.users?.mode).toBe('users-changed');
    const held = await askHeld(lab.clickhouse, 'auth0', ['first', 'people', 'nobody']);
    expect(held.get('people users')).toMatchObject({
      rows: 400,
      deletesWaiting: 250,
      lastRun: { status: 'completed' },
      lastGoodRun: { startedAt: expect.any(Number) },
      lastError: null,
    });
    expect(held.get('first logs')).toMatchObject({ rows: 300, gaps: 1, deletesWaiting: 0 });
    expect([...held.keys()].filter((key) => !/^(first|people) /.test(key))).toEqual([]);

    await lab.sync('people', { resources: ['users'], full: true, acceptDeletes: true });
    const after = await askHeld(lab.clickhouse, 'auth0', ['people']);
    expect(after.get('people users')).toMatchObject({ rows: 150, deletesWaiting: 0 });
  }, 60_000);

  it('names the last error', async () => {
    await source.admin('config', { scopes: ['read:users'] });
    await lab.stopWorker();
    await lab.startWorker({ people: source });
    await lab.sync('people', { resources: ['clients'] });
    const held = (await askHeld(lab.clickhouse, 'auth0', ['people'])).get('people clients');
    expect(held).toMatchObject({
      lastRun: { status: 'unavailable' },
      lastGoodRun: null,
      lastError: { kind: 'InsufficientScope' },
    });
    expect(Date.now() - (held?.lastError?.at ?? 0)).toBeLessThan(60_000);
  }, 60_000);

  it('tells of runs that have been, and that there are no schedules', async () => {
    const runs = await askRuns(lab.client, ['people', 'nobody'], { ended: true });
    expect(runs.get('people')).toMatchObject({
      schedules: [],
      live: { users: { running: false, progress: { mode: 'users-pages' } } },
    });
    expect(runs.get('nobody')?.live).toEqual({ logs: null, users: null, clients: null });
    expect(await lab.client.workflow.getHandle(resourceWorkflowId('people', 'users')).describe()).toBeDefined();
  }, 30_000);

  it('says of a database without tables that a worker makes them', async () => {
    await expect(askHeld(lab.clickhouse, 'elsewhere', ['first'])).rejects.toThrow('no tables in elsewhere yet');
  });
});

describe('the doctor of ClickHouse', () => {
  const target = { database: 'auth0', cluster: null };
  const check = async (database = 'auth0') => {
    const own = {
      client: lab.clickhouse,
      url: lab.clickhouseUrl,
      target: { ...target, database },
      username: 'default',
    };
    return new Map((await checkClickHouse(own)).map((one) => [one.name, one]));
  };

  it('finds nothing wrong with a database of ours', async () => {
    const checks = await check();
    expect([...checks.values()].map(({ name, status }) => `${name} ${status}`)).toEqual(
      expect.arrayContaining(['version ok', 'rights ok', 'readonly ok', 'tables ok', 'deduplication ok']),
    );
    expect(checks.has('disk')).toBe(true);
  });

  it('finds a table that would store a repeated insert twice', async () => {
    const change = (value: number) =>
      lab.clickhouse.command({
        query: `ALTER TABLE users_raw MODIFY SETTING non_replicated_deduplication_window = ${value}`,
      });
    await change(0);
    expect((await check()).get('deduplication')).toMatchObject({
      status: 'fail',
      detail: expect.stringMatching(/^users_raw would store/),
    });
    await change(10_000);
    expect((await check()).get('deduplication')?.status).toBe('ok');
  });

  it('finds migrations that are open, and those of another version', async () => {
    const checksum = (text: string) =>
      lab.clickhouse.insert({
        table: '_migrations',
        values: [{ version: 2, name: 'x', checksum: text, applied_at: '2099-01-01 00:00:00' }],
        format: 'JSONEachRow',
      });
    await checksum('foreign');
    expect((await check()).get('tables')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('another version'),
    });
    await lab.clickhouse.command({
      query: 'ALTER TABLE _migrations DELETE WHERE version = 2 SETTINGS mutations_sync = 2',
    });
    expect((await check()).get('tables')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('migrations 2'),
    });
  });

  it('takes a database that is not there yet for what it is before the first start', async () => {
    const checks = await check('elsewhere');
    expect(checks.get('tables')).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('a worker makes them'),
    });
    expect(checks.get('deduplication')?.status).toBe('skipped');
  });
});
