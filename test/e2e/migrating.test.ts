import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResourceName } from '../../src/contracts/names.js';
import { startEngine, type TestEngine } from '../support/engine.js';
import { sqlBlocks } from '../support/sql-blocks.js';
import { storeRecords } from '../support/store-records.js';

const TENANT = 'acme.eu';
let engine: TestEngine;

const rows = (query: string) => engine.rows(query);

async function copy(name: ResourceName, records: readonly object[]): Promise<void> {
  const texts = records.map((record) => JSON.stringify(record));
  await storeRecords(engine.clickhouse, name, texts, { tenant: TENANT, runId: 'own' });
}

/** The statement below this heading; the first, unless another is asked for. */
function block(heading: string, index = 0): string {
  const found = sqlBlocks('docs/migrating.md', 'old').filter((one) => one.heading === heading)[index];
  if (!found) throw new Error(`docs/migrating.md has no statement ${index} below "${heading}"`);
  return found.sql;
}

const event = (day: number) => ({
  log_id: `9002026010${day}${'0'.repeat(46)}`,
  date: `2026-01-0${day}T03:04:05.678Z`,
  type: 's',
  ip: '192.0.2.1',
});

/** Tables as dlt makes them in ClickHouse: nullable columns, objects flattened, times to the microsecond. */
const OLD = [
  'CREATE DATABASE old',
  `CREATE TABLE old.auth0___logs (
    date Nullable(DateTime64(6, 'UTC')), type Nullable(String), description Nullable(String), connection Nullable(String),
    connection_id Nullable(String), client_id Nullable(String), client_name Nullable(String), ip Nullable(String),
    hostname Nullable(String), user_id Nullable(String), user_name Nullable(String), user_agent Nullable(String),
    audience Nullable(String), scope Nullable(String), strategy Nullable(String), strategy_type Nullable(String),
    organization_id Nullable(String), organization_name Nullable(String), is_mobile Nullable(Bool),
    location_info__country_code Nullable(String), location_info__city_name Nullable(String),
    details__request__method Nullable(String), log_id String, _dlt_load_id String, _dlt_id String
  ) ENGINE = MergeTree ORDER BY tuple()`,
  `CREATE TABLE old.auth0___users (user_id String, email Nullable(String), _dlt_load_id String, _dlt_id String)
   ENGINE = MergeTree ORDER BY tuple()`,
  `INSERT INTO old.auth0___users (user_id) VALUES ('auth0|1'), ('auth0|1'), ('auth0|gone'), ('auth0|gone'), ('auth0|away')`,
];

beforeAll(async () => {
  engine = await startEngine();
  for (const query of OLD) await engine.clickhouse.command({ query });
  // Days 1 to 5 in the old tables, day 2 twice; days 4 to 6 copied anew.
  for (const day of [1, 2, 2, 3, 4, 5]) {
    const { log_id: id, date, type } = event(day);
    await engine.clickhouse.command({
      query: `INSERT INTO old.auth0___logs (log_id, date, type, ip, is_mobile, location_info__country_code, client_name)
        VALUES ('${id}', '${date.slice(0, -1).replace('T', ' ')}', '${type}', NULL, true, 'SE', 'Old "shop"')`,
    });
  }
  await copy('logs', [4, 5, 6].map(event));
  await copy('users', [{ user_id: 'auth0|1' }, { user_id: 'auth0|2' }]);
});

afterAll(async () => {
  await engine.close();
});

describe('docs/migrating.md', () => {
  it('finds the position of the old pipeline', async () => {
    expect(await rows(block('1. Side by side'))).toEqual([{ log_id: event(5).log_id }]);
  });

  it('tells what differs before anything was carried over', async () => {
    expect(await rows(block('3. Compare'))).toEqual([
      { day: '2026-01-01', here: '0', there: '1' },
      { day: '2026-01-02', here: '0', there: '1' },
      { day: '2026-01-03', here: '0', there: '1' },
      { day: '2026-01-06', here: '1', there: '0' },
    ]);
    const missing = await rows(block('3. Compare', 1));
    expect(new Set(missing.map(({ log_id: id }) => id))).toEqual(new Set([1, 2, 3].map((day) => event(day).log_id)));
  });

  it('compares users', async () => {
    expect(await rows(block('3. Compare', 2))).toEqual([{ only_here: '1', only_there: '2' }]);
  });

  it('carries older logs over, each once, and leaves what was copied as it is', async () => {
    const before = await rows(`SELECT log_id, raw, run_id FROM auth0.logs ORDER BY log_id`);
    await engine.clickhouse.command({ query: block('2. Older logs') });
    await engine.clickhouse.command({ query: block('2. Older logs') });
    const all = await rows(`SELECT log_id, raw, run_id FROM auth0.logs_raw ORDER BY log_id`);
    expect(all.map(({ log_id: id }) => id)).toEqual([1, 2, 3, 4, 5, 6].map((day) => event(day).log_id));
    expect(all.slice(3)).toEqual(before);

    const [first] = await rows(`SELECT * FROM auth0.logs WHERE date < '2026-01-02'`);
    expect(first).toMatchObject({
      tenant: TENANT,
      date: '2026-01-01 03:04:05.678',
      type: 's',
      ip: '',
      is_mobile: 'true',
      country_code: 'SE',
      client_name: 'Old "shop"',
      run_id: 'import-dlt',
    });
    expect(JSON.parse(first?.['raw'] ?? '')).toEqual({
      log_id: event(1).log_id,
      date: '2026-01-01T03:04:05.678Z',
      type: 's',
      imported_from: 'dlt',
    });
  });

  it('tells nothing but what the old pipeline has not seen afterwards', async () => {
    expect(await rows(block('3. Compare'))).toEqual([{ day: '2026-01-06', here: '1', there: '0' }]);
    expect(await rows(block('3. Compare', 1))).toEqual([]);
  });
});
