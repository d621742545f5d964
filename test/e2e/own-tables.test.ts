import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { migrate } from '../../src/clickhouse/migrate.js';
import { MIGRATIONS } from '../../src/clickhouse/migrations/index.js';
import { createStateRows } from '../../src/clickhouse/state-rows.js';
import { createPipelineStore } from '../../src/clickhouse/store.js';
import type { RunState } from '../../src/contracts/types.js';
import { startEngine, type TestEngine } from '../support/engine.js';

const DATE = '2026-01-02T03:04:05.678Z';
const NOW = Date.parse(DATE);
const GAP = { from: 'a', to: 'b', fromDate: null, toDate: null, reason: 'test' };

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine.close();
});

/**
 * What a server that is killed in an insert leaves behind: it knows the rows as stored, and they are not there. A
 * mutation takes rows away and leaves the table's deduplication log as it is.
 */
async function lose(table: string, where = '1'): Promise<void> {
  await engine.clickhouse.command({
    query: `ALTER TABLE auth0.${table} DELETE WHERE ${where} SETTINGS mutations_sync = 2`,
  });
}

const countOf = async (table: string): Promise<number> =>
  Number((await engine.rows(`SELECT count() AS n FROM auth0.${table} FINAL`))[0]?.['n']);

const writeGap = (tenant: string) => {
  const state = createStateRows(engine.clickhouse, 'auth0');
  return state.writeGaps(tenant, [{ resource: 'logs', ...GAP, runId: 'r', foundAt: DATE, refilled: false }], NOW);
};

describe('a repeated write takes effect where a killed server knows it and has lost its rows:', () => {
  it('gaps of an imported state', async () => {
    await writeGap('imported');
    await lose('_pipeline_gaps');
    expect(await countOf('_pipeline_gaps')).toBe(0);
    await writeGap('imported');
    expect(await countOf('_pipeline_gaps')).toBe(1);
  });

  it('the mark of a gap that was filled', async () => {
    // Servers before 26.2 compare what an INSERT … SELECT stores as well; this one does where it is told to.
    const like25 = createClient({
      url: engine.url,
      clickhouse_settings: { deduplicate_insert_select: 'enable_even_for_bad_queries' },
    });
    onTestFinished(() => like25.close());
    const store = createPipelineStore(like25, 'auth0');
    const gap = { from: GAP.from, to: GAP.to };
    await writeGap('filled');
    await store.markRefilled('filled', gap);
    expect(await store.openGaps('filled')).toEqual([]);
    await lose('_pipeline_gaps', 'refilled');
    expect(await store.openGaps('filled')).toEqual([gap]);
    await store.markRefilled('filled', gap);
    expect(await store.openGaps('filled')).toEqual([]);
  });

  it('the dictionary of log types, and the list of migrations', async () => {
    const before = await countOf('_log_types');
    expect(before).toBeGreaterThan(100);
    await lose('_log_types');
    await lose('_migrations');
    await migrate(engine.clickhouse, engine.target);
    expect([await countOf('_log_types'), await countOf('_migrations')]).toEqual([before, MIGRATIONS.length]);
  });

  it('the rows of a run, and the end of one that was abandoned', async () => {
    const store = createPipelineStore(engine.clickhouse, 'auth0');
    const run = (runId: string): RunState => ({
      version: 1,
      tenant: 't',
      resource: 'logs',
      runId,
      epoch: NOW,
      mode: 'logs',
      cursor: null,
      block: 0,
      counts: { pages: 0, rows: 0, requests: 0, malformed: 0, redacted: 0 },
      total: null,
      gaps: 0,
      warnings: [],
      pagesPerActivity: 10,
      firstCursor: null,
      exportJobId: null,
      exportJobs: 0,
      exportLines: 0,
      serverTime: null,
      oldestDate: null,
      acceptDeletes: false,
    });
    const statuses = () => engine.rows('SELECT run_id, status FROM auth0.pipeline_runs ORDER BY run_id');
    await store.writeRun(run('first'), null);
    await lose('_pipeline_runs');
    await store.writeRun(run('first'), null);
    expect(await statuses()).toEqual([{ run_id: 'first', status: 'running' }]);
    await store.closeAbandonedRuns(run('second'));
    expect(await statuses()).toEqual([{ run_id: 'first', status: 'terminated' }]);
  });
});

describe('a table or view that somebody has changed', () => {
  it('is named with its column, and nothing of what it holds', async () => {
    const store = createPipelineStore(engine.clickhouse, 'auth0');
    await store.writeCheckpoint({
      tenant: 't',
      resource: 'logs',
      epoch: NOW,
      block: 0,
      runId: 'r',
      cursor: 'position',
      lastId: '',
      lastDate: null,
      snapshotAt: null,
      rowsHeld: 0,
      overlapRefused: false,
    });
    expect(await store.readCheckpoint('t', 'logs')).toMatchObject({ cursor: 'position' });
    await engine.clickhouse.command({
      query: `CREATE OR REPLACE VIEW auth0.pipeline_checkpoints AS
        SELECT * REPLACE (toUInt32(length(cursor)) AS cursor) FROM auth0._pipeline_checkpoints FINAL`,
    });
    const refusal = {
      name: 'ExtractError',
      kind: 'DestinationUnreadable',
      message: 'ClickHouse answered with cursor in another form than expected (asked of auth0.pipeline_checkpoints)',
    };
    await expect(store.readCheckpoint('t', 'logs')).rejects.toMatchObject(refusal);
    await expect(createStateRows(engine.clickhouse, 'auth0').read(null)).rejects.toMatchObject(refusal);
  });
});
