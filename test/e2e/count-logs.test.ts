import { afterAll, beforeAll, expect, it } from 'vitest';
import { datedSince } from '../../src/clickhouse/held-rows.js';
import { createPipelineStore } from '../../src/clickhouse/store.js';
import { startEngine, type TestEngine } from '../support/engine.js';
import { storeRecords } from '../support/store-records.js';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const log = (n: number, date: unknown) =>
  JSON.stringify({ log_id: String(n).padStart(56, '9'), ...(date !== undefined && { date }) });

it('counts the logs of a run whatever their dates, and reads neither other months nor the rest of the table for it', async () => {
  const months = Array.from({ length: 40 }, (_, n) => log(n, new Date(Date.UTC(2020, n, 3)).toISOString()));
  await storeRecords(engine.clickhouse, 'logs', months, { tenant: 't', runId: 'before' });
  const dates = ['2026-11-05T00:00:00.000Z', undefined, 5, '2300-01-01T00:00:00.000Z', { $date: 1 }];
  const texts = dates.map((date, n) => log(100 + n, date));
  await storeRecords(engine.clickhouse, 'logs', texts, { tenant: 't', runId: 'run' });
  const store = createPipelineStore(engine.clickhouse, 'auth0');
  const oldest = '2026-11-05T00:00:00.000Z';
  expect(await store.countWritten('t', 'run', 5, oldest)).toBe(5);
  const ids = [100, 101, 102, 103, 104, 999].map((n) => String(n).padStart(56, '9'));
  expect((await store.heldLogs('t', ids, oldest)).size).toBe(5);
  const others = { runId: 'another', sinceMs: 0, lastId: ids[5] ?? '', sinceDate: oldest };
  expect(await store.countWrittenByOthers('t', others)).toBe(5);

  const where = `tenant = 't' AND run_id = 'run' ${datedSince(oldest).replace('{sinceDate:String}', `'${oldest}'`)}`;
  const plan = await engine.rows(`EXPLAIN indexes = 1 SELECT count() FROM auth0.logs_raw WHERE ${where}`);
  const lines = plan.flatMap((row) => Object.values(row)).map((line) => line.trim());
  expect(lines).toContain('Parts: 2/42');
});

it('finds the newest log up to another one, by number or by date', async () => {
  const at = (day: number) => `2026-03-0${day}T00:00:00.000Z`;
  const timed = (n: number) => `900${String(n).padStart(53, '0')}`;
  const decimal = [1, 2, 3].map((n) => JSON.stringify({ log_id: timed(n * 9), date: at(n) }));
  await storeRecords(engine.clickhouse, 'logs', decimal, { tenant: 'decimal', runId: 'r' });
  const hex = ['c', 'a', 'b'].map((letter, n) => JSON.stringify({ log_id: letter.repeat(8), date: at(n + 1) }));
  await storeRecords(engine.clickhouse, 'logs', hex, { tenant: 'hex', runId: 'r' });
  const { newestLog } = createPipelineStore(engine.clickhouse, 'auth0');
  const idOf = async (tenant: string, upTo: { logId: string; date: string | null } | null) =>
    (await newestLog(tenant, upTo))?.logId;
  expect(await idOf('decimal', null)).toBe(timed(27));
  expect(await idOf('decimal', { logId: timed(20), date: null })).toBe(timed(18));
  expect(await idOf('decimal', { logId: timed(8), date: at(3) })).toBeUndefined();
  expect(await idOf('hex', null)).toBe('bbbbbbbb');
  expect(await idOf('hex', { logId: 'dddddddd', date: at(2) })).toBe('aaaaaaaa');
  expect(await idOf('hex', { logId: 'dddddddd', date: null })).toBeUndefined();
});
