import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { identify } from '../../src/clickhouse/identity.js';
import { syntheticLogId } from '../../src/auth0/log-id.js';
import { type Lab, startLab } from '../support/lab.js';
import { type OddLog, servedFrom, startOddTenant, type OddTenant } from '../support/odd-tenant.js';

vi.setConfig({ testTimeout: 60_000 });

const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const TABLES = ['logs_raw', '_pipeline_checkpoints', '_pipeline_runs'];

/** A tenant whose logs grow, and what happens in the midst of a reading. */
interface Growing {
  count: number;
  /** First log that is kept. */
  kept: number;
  /** Called once, when a page behind the log of that number is asked for. */
  at: { log: number; happens: () => Promise<unknown> } | null;
}

let lab: Lab;
const tenants: Record<string, OddTenant> = {};
const states: Record<string, Growing> = {};
const names = ['truncated', 'dropped-tail', 'middle', 'before', 'older-copy', 'killed', 'cancelled', 'no-longer-kept'];

const logs: OddLog[] = Array.from({ length: 2_500 }, (_, n) => ({
  log_id: `${syntheticLogId(START + n * 1_000).slice(0, 17)}${String(n).padStart(39, '1')}`,
  date: new Date(START + n * 1_000).toISOString(),
  type: 's',
}));
const idOf = (n: number) => String(logs[n]?.['log_id']);

beforeAll(async () => {
  lab = await startLab();
  for (const name of names) {
    const state: Growing = { count: 500, kept: 0, at: null };
    states[name] = state;
    tenants[name] = await startOddTenant(async (query) => {
      const kept = logs.slice(state.kept, state.count);
      const { from } = query;
      if (state.at !== null && from !== undefined && from >= idOf(state.at.log)) {
        const { happens } = state.at;
        state.at = null;
        await happens();
      }
      return servedFrom(kept, (first, take) => ({ logs: kept.slice(first, first + take) }))(query);
    });
  }
  await lab.startWorker(tenants);
}, 120_000);

afterAll(async () => {
  await lab.close();
  await Promise.all(Object.values(tenants).map((tenant) => tenant.close()));
});

const run = (query: string) => lab.clickhouse.command({ query });
const syncLogs = async (name: string) => (await lab.sync(name, { resources: ['logs'] })).resources.logs;
const remove = (name: string, where: string) => run(`DELETE FROM logs_raw WHERE tenant = '${name}' AND ${where}`);
const stateOf = (name: string): Growing => states[name] ?? expect.fail();
const gapsOf = (name: string) => lab.rows(`SELECT gap_from, gap_to FROM pipeline_gaps WHERE tenant = '${name}'`);

async function expectHeld(name: string, from: number, to: number): Promise<void> {
  const [row] = await lab.rows(
    `SELECT uniqExact(log_id) AS n, min(log_id) AS first, max(log_id) AS last FROM logs_raw WHERE tenant = '${name}'`,
  );
  expect(row).toEqual({ n: String(to - from), first: idOf(from), last: idOf(to - 1) });
}

/** The first copy is there, the tenant has more, and something happens when so much of it was read. */
async function disturbed(name: string, log: number, happens: () => Promise<unknown>): Promise<void> {
  expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 500 });
  Object.assign(stateOf(name), { count: 2_500, at: { log, happens } });
}

describe('rows that the destination loses while a run writes are read again', () => {
  it.each<[string, (name: string) => Promise<unknown>]>([
    ['truncated', (name) => remove(name, '1')],
    ['dropped-tail', (name) => remove(name, `log_id > '${idOf(300)}'`)],
    ['middle', (name) => remove(name, `log_id >= '${idOf(600)}' AND log_id < '${idOf(700)}'`)],
  ])('%s', async (name, happens) => {
    await disturbed(name, 1_900, () => happens(name));
    expect(await syncLogs(name)).toMatchObject({ status: 'failed', error: { kind: 'NotReconciled' } });
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', gaps: 0 });
    await expectHeld(name, 0, 2_500);
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 0 });
  });

  it('also where only those of earlier runs are lost', async () => {
    const name = 'before';
    await disturbed(name, 510, () => remove(name, '1'));
    expect(await syncLogs(name)).toMatchObject({ status: 'failed', error: { kind: 'NotReconciled' } });
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', gaps: 0 });
    await expectHeld(name, 0, 2_500);
  });

  it('also where an older copy of all tables is put back', async () => {
    const name = 'older-copy';
    stateOf(name).count = 200;
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 200 });
    for (const table of TABLES) await run(`CREATE TABLE old_${table} ENGINE = Memory AS SELECT * FROM ${table}`);
    stateOf(name).count = 500;
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', rows: 300 });
    const happens = async (): Promise<void> => {
      for (const table of TABLES) {
        const own = `tenant = '${name}'`;
        await run(`DELETE FROM ${table} WHERE ${own}`);
        const columns = await lab.column(
          `SELECT name FROM system.columns WHERE database = 'auth0' AND table = '${table}' AND default_kind != 'MATERIALIZED'`,
        );
        await run(`INSERT INTO ${table} (${columns.join()}) SELECT ${columns.join()} FROM old_${table} WHERE ${own}`);
      }
    };
    Object.assign(stateOf(name), { count: 2_500, at: { log: 1_900, happens } });
    expect(await syncLogs(name)).toMatchObject({ status: 'failed', error: { kind: 'NotReconciled' } });
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', gaps: 0 });
    await expectHeld(name, 0, 2_500);
  });

  it('also where the run is terminated before it can count', async () => {
    const name = 'killed';
    const terminate = async (): Promise<void> => {
      await remove(name, `log_id >= '${idOf(600)}' AND log_id < '${idOf(700)}'`);
      await lab.client.workflow.getHandle(`auth0/${name}/logs`).terminate();
    };
    await disturbed(name, 1_900, terminate);
    await syncLogs(name);
    const again = await syncLogs(name);
    expect(again).toMatchObject({ status: 'completed' });
    expect(again?.warnings.join()).toContain('that the last run stored');
    await expectHeld(name, 0, 2_500);
  });

  it('also where the run is cancelled', async () => {
    const name = 'cancelled';
    const cancel = async (): Promise<void> => {
      await remove(name, `log_id >= '${idOf(600)}' AND log_id < '${idOf(700)}'`);
      await lab.client.workflow.getHandle(`auth0/${name}/logs`).cancel();
    };
    await disturbed(name, 1_900, cancel);
    expect(await syncLogs(name)).toMatchObject({ status: 'cancelled' });
    expect(await syncLogs(name)).toMatchObject({ status: 'completed' });
    await expectHeld(name, 0, 2_500);
  });

  it('and what the tenant no longer keeps becomes a gap', async () => {
    const name = 'no-longer-kept';
    await disturbed(name, 1_900, () => remove(name, '1'));
    expect(await syncLogs(name)).toMatchObject({ status: 'failed', error: { kind: 'NotReconciled' } });
    stateOf(name).kept = 1_500;
    expect(await syncLogs(name)).toMatchObject({ status: 'completed', gaps: 1 });
    const [row] = await lab.rows(
      `SELECT uniqExact(log_id) AS n FROM logs_raw WHERE tenant = '${name}' AND log_id >= '${idOf(1_500)}'`,
    );
    expect(row).toEqual({ n: '1000' });
    expect(await gapsOf(name)).toEqual([{ gap_from: idOf(499), gap_to: idOf(1_500) }]);
  });
});

describe('a database', () => {
  it('has one id, which stays', async () => {
    const id = await identify(lab.clickhouse, 'auth0', null);
    expect(await identify(lab.clickhouse, 'auth0', id)).toBe(id);
    await expect(identify(lab.clickhouse, 'auth0', 'another')).rejects.toMatchObject({ kind: 'OtherDestination' });
    await run('TRUNCATE TABLE _database');
    expect(await identify(lab.clickhouse, 'auth0', id)).toBe(id);
  });

  it('that takes the place of the one that a run began with gets nothing of it', async () => {
    const name = 'truncated';
    const [before] = await lab.rows(`SELECT count() AS n FROM logs_raw WHERE tenant = '${name}'`);
    const id = await identify(lab.clickhouse, 'auth0', null);
    const other = `INSERT INTO _database (id, made_at) VALUES ('somebody-elses', '2001-01-01 00:00:00')`;
    await remove(name, `log_id > '${idOf(300)}'`);
    Object.assign(stateOf(name), { at: { log: 1_000, happens: () => run(other) } });
    expect(await syncLogs(name)).toMatchObject({ status: 'failed', error: { kind: 'OtherDestination' } });
    const [after] = await lab.rows(`SELECT count() AS n FROM logs_raw WHERE tenant = '${name}'`);
    expect(Number(after?.['n'])).toBeLessThan(Number(before?.['n']));
    await run(`ALTER TABLE _database DELETE WHERE id != '${id}' SETTINGS mutations_sync = 2`);
    expect(await syncLogs(name)).toMatchObject({ status: 'completed' });
    await expectHeld(name, 0, 2_500);
  });
});
