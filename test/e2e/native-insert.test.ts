import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBlock } from '../../src/clickhouse/block.js';
import { insertBlock } from '../../src/clickhouse/insert.js';
import type { ResourceName } from '../../src/contracts/names.js';
import { parseRecord } from '../../src/json/page.js';
import { resources } from '../../src/resources/index.js';
import { startEngine, type TestEngine } from '../support/engine.js';

const LOG_ID = '90020260102030405678901234567890123456789012345678901234';
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(() => engine.close());

let tenants = 0;

/** Stores records as a tenant of their own; what the table holds of it then, oldest key first, and what was counted. */
async function stored(name: ResourceName, texts: readonly string[], tombstones = new Map<string, number>()) {
  const tenant = `tenant-${++tenants}`;
  const resource = resources[name];
  const block = createBlock(resource);
  block.add(
    texts.map((text) => parseRecord(text)),
    { tenant, runId: 'run', fetchedAt: 5, tombstones },
  );
  const { rows: counted, malformed, redacted, oldestDate } = block;
  const bytes = await insertBlock(engine.clickhouse, 'auth0', block, { tenant, runId: 'run', serverStart: 0 });
  const answer = await engine.clickhouse.query({
    query: `SELECT * FROM auth0.${resource.table} WHERE tenant = {tenant:String} ORDER BY ${resource.keyColumn}`,
    query_params: { tenant },
    format: 'JSONEachRow',
  });
  const rows: Record<string, unknown>[] = await answer.json();
  return { tenant, rows, counted, malformed, redacted, oldestDate, bytes };
}

it('shows a recorded log in its columns', async () => {
  const raw = `{"date":"2026-01-02T03:04:05.678Z","type":"seccft","description":null,
    "connection_id":"","client_id":"c","client_name":null,"ip":"203.0.113.7","hostname":null,

    "scope":["read:logs","read:users"],"isMobile":false,"_id":"${LOG_ID}","log_id":"${LOG_ID}",
    "location_info":{"country_code":"NO","city_name":"Tromsø"},"details":{"a":1},"unknown":1}`;
  const { tenant, rows, malformed, oldestDate } = await stored('logs', [raw]);
  expect(malformed).toBe(0);
  expect(oldestDate).toBe(Date.parse('2026-01-02T03:04:05.678Z'));
  expect(rows).toEqual([
    {
      tenant,
      run_id: 'run',
      log_id: LOG_ID,
      redacted: [],
      date: '2026-01-02 03:04:05.678',
      type: 'seccft',
      description: '',
      connection: '',
      connection_id: '',
      client_id: 'c',
      client_name: '',
      ip: '203.0.113.7',
      hostname: '',
      user_id: '',
      user_name: '',
      user_agent: '',
      audience: '',
      scope: '["read:logs","read:users"]',
      strategy: '',
      strategy_type: '',
      organization_id: '',
      organization_name: '',
      is_mobile: false,
      country_code: 'NO',
      city_name: 'Tromsø',
      raw,
      inserted_at: expect.stringMatching(/^20\d\d-/),
    },
  ]);
});

it('shows a user: nulls, numbers, lists, times, the version, and no secret', async () => {
  const raws = [
    `{"user_id":"a","identities":[{"connection":"db","user_id":5,"access_token":"secret"},{"connection":"google-oauth2"}],
      "app_metadata":{"n":1.10},"email_verified":true,"logins_count":-7,"updated_at":"2026-01-02T03:04:05.678Z"}`,
    '{"user_id":"b","blocked":false,"logins_count":9007199254740991,"last_login":"1970-01-01T00:00:00.001Z"}',
    '{"user_id":"c","identities":[]}',
  ];
  const { rows, redacted } = await stored('users', raws, new Map([['c', 77]]));
  const common = { app_metadata: '', user_metadata: '', email: '', updated_at: null, phone_verified: null };
  expect(redacted).toBe(1);
  expect(rows).toMatchObject([
    {
      user_id: 'a',
      connections: ['db', 'google-oauth2'],
      redacted: ['identities.*.access_token'],
      app_metadata: '{"n":1.10}',
      email_verified: true,
      blocked: null,
      logins_count: '-7',
      updated_at: '2026-01-02 03:04:05.678',
      version: String(Date.parse('2026-01-02T03:04:05.678Z') * 2 + 1),
      raw: raws[0]?.replace(',"access_token":"secret"', ''),
    },
    {
      ...common,
      user_id: 'b',
      connections: [],
      redacted: [],
      blocked: false,
      logins_count: '9007199254740991',
      last_login: '1970-01-01 00:00:00.001',
      version: '1',
    },
    { ...common, user_id: 'c', connections: [], logins_count: null, version: '78' },
  ]);
});

it('keeps what breaks the documented shape, under a digest where it has no key, and counts it', async () => {
  const raws = [
    '{"date":"yesterday","type":{"a":1.10}}',
    `{"log_id":"2","type":"x"}`,
    `{"log_id":"3","date":"2026-01-02T03:04:05Z","isMobile":"no","location_info":"none"}`,
    `{"log_id":"4","date":"2026-01-02T03:04:05Z"}`,
  ];
  const { rows, malformed, counted } = await stored('logs', raws);
  expect({ malformed, counted }).toEqual({ malformed: 3, counted: 4 });
  expect(rows).toMatchObject([
    { log_id: '2', date: '1970-01-01 00:00:00.000', raw: raws[1] },
    { log_id: '3', date: '2026-01-02 03:04:05.000', is_mobile: null, country_code: '', raw: raws[2] },
    { log_id: '4', raw: raws[3] },
    {
      log_id: expect.stringMatching(/^sha256:[0-9a-f]{32}$/),
      date: '1970-01-01 00:00:00.000',
      type: '{"a":1.10}',
      raw: raws[0],
    },
  ]);
});

it('keeps texts of every length and every character, and blank lines', async () => {
  const texts = [
    '',
    'x'.repeat(127),
    'é'.repeat(100),
    '東'.repeat(10_000),
    '🔒\u0000\n\n\t"\\',
    'n\n\nn'.repeat(5_000),
    'a'.repeat(200_000),
  ];
  const raws = texts.map(
    (text, i) => `{"log_id":"${i}","date":"2026-01-02T03:04:05Z",\n\n"description":${JSON.stringify(text)}}`,
  );
  const { rows, bytes } = await stored('logs', raws);
  expect(rows.map(({ description }) => description)).toEqual(texts);
  expect(rows.map(({ raw }) => raw)).toEqual(raws);
  expect(bytes).toBeGreaterThan(raws.join('').length);
});

it('shows half a character as the replacement character, and keeps its text', async () => {
  const raw = '{"log_id":"1","date":"2026-01-02T03:04:05Z","description":"a\\ud800b"}';
  expect((await stored('logs', [raw])).rows).toMatchObject([{ description: 'a\ufffdb', raw }]);
});

it('stores a log once that a block holds twice, and any number of rows in one part', async () => {
  const raws = Array.from({ length: 12_000 }, (_, i) => `{"log_id":"${i}","date":"2026-01-02T03:04:05Z"}`);
  const { tenant, counted } = await stored('logs', [...raws, ...raws.slice(0, 10)]);
  expect(counted).toBe(12_000);
  const answer = await engine.clickhouse.query({
    query: 'SELECT count() AS rows, uniqExact(_part) AS parts FROM auth0.logs_raw WHERE tenant = {tenant:String}',
    query_params: { tenant },
    format: 'JSONEachRow',
  });
  expect(await answer.json()).toEqual([{ rows: '12000', parts: '1' }]);
});

it('goes into columns whose types somebody has changed', async () => {
  const change = 'ALTER TABLE auth0.clients_raw MODIFY COLUMN name LowCardinality(String)';
  await engine.clickhouse.command({ query: `${change}, MODIFY COLUMN is_first_party Nullable(UInt8)` });
  const { rows } = await stored('clients', ['{"client_id":"a","name":"Web","is_first_party":true}']);
  expect(rows).toMatchObject([{ client_id: 'a', name: 'Web', is_first_party: 1 }]);
});

it('begins anew in the memory of a block that is stored', async () => {
  const load = { tenant: 'again', runId: 'run', fetchedAt: 5, tombstones: new Map() } as const;
  const block = createBlock(resources.users);
  for (const names of [
    ['a', 'b', 'c'],
    ['d', 'e'],
  ]) {
    block.clear();
    expect(block).toMatchObject({ rows: 0, length: 0 });
    const texts = names.map((name) => `{"user_id":"${name}","identities":[{"connection":"${name}"}]}`);
    block.add(
      texts.map((text) => parseRecord(text)),
      load,
    );
    await insertBlock(engine.clickhouse, 'auth0', block, { ...load, serverStart: 0 });
  }
  const answer = await engine.clickhouse.query({
    query: "SELECT user_id, connections FROM auth0.users_raw WHERE tenant = 'again' ORDER BY user_id",
    format: 'JSONCompactEachRow',
  });
  expect(await answer.json()).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => [name, [name]]));
});
