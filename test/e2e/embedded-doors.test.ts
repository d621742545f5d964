import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startClickHouseServer, type ClickHouseServer } from '../../src/embedded/clickhouse/server.js';

const PASSWORD = 'kV7-password';
const SECRET = 'what-nobody-may-read';
let folder = '';
let server: ClickHouseServer;
/** Stands for every other server: whoever connects is counted. */
let other: Server;
let visits = 0;
let otherPort = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doors-'));
  await writeFile(join(folder, 'secret.csv'), `${SECRET},2\n`);
  await writeFile(join(folder, 'schema.proto'), `syntax = "proto3"; message M { string ${SECRET} = 1; }`);
  await mkdir(join(folder, 'tables'));
  other = createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  otherPort = typeof address === 'object' && address !== null ? address.port : 0;
  server = await startClickHouseServer({ path: join(folder, 'data'), port: 0, password: PASSWORD });
  for (const body of [
    'CREATE TABLE t (a String, b String) ENGINE = MergeTree ORDER BY a',
    "INSERT INTO t VALUES ('a', 'b')",
    'CREATE DATABASE auth0',
  ])
    expect((await ask(body)).text).toBe('');
});
afterAll(async () => {
  await server.stop(10_000);
  await new Promise((resolve) => other.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function ask(
  body: string,
  { query = '', headers = { 'X-ClickHouse-Key': PASSWORD } }: { query?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; code: string; text: string }> {
  const answer = await fetch(`${server.url}/${query}`, { method: 'POST', body, headers });
  return {
    status: answer.status,
    code: answer.headers.get('x-clickhouse-exception-code') ?? '',
    text: await answer.text(),
  };
}

/** The places of the statements below: FILE, DIR, NEW, HOST. */
function placed(sql: string): string {
  return sql
    .replaceAll('FILE_', join(folder, 'secret.csv'))
    .replaceAll('SCHEMA_', join(folder, 'schema.proto'))
    .replaceAll('DIR_', folder)
    .replaceAll('NEW_', join(folder, 'written'))
    .replaceAll('HOST_', `127.0.0.1:${otherPort}`);
}

const DICTIONARY = 'CREATE DICTIONARY d (a String, b String) PRIMARY KEY a LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)';

const DOORS = [
  // Files, by name and by every function and engine.
  "SELECT * FROM 'FILE_'",
  'SELECT * FROM `FILE_`',
  'SELECT * FROM default.`FILE_`',
  "SELECT * FROM file('FILE_')",
  "SELECT * FROM file('FILE_', 'CSV', 'a String, b UInt8')",
  "SELECT * FROM loop(file('FILE_'))",
  "SELECT * FROM view(SELECT * FROM file('FILE_'))",
  "DESCRIBE file('FILE_')",
  "DESCRIBE TABLE 'FILE_'",
  "EXPLAIN SELECT * FROM file('FILE_')",
  "SELECT file('FILE_')",
  'SELECT "file"(\'FILE_\')',
  "SELECT `fi\\x6ce`('FILE_')",
  "SELECT “file”('FILE_')",
  "SELECT file /* x */ ('FILE_')",
  'SELECT file($x$FILE_$x$)',
  "SELECT a$x$, file('FILE_'), b$x$ FROM (SELECT 1 AS a$x$, 2 AS b$x$)",
  "SELECT ‘a’, file('FILE_'), ‘b’",
  "SELECT arrayMap(file, ['FILE_'])",
  "SELECT arrayMap(`fi\\x6ce`, ['FILE_'])",
  "SELECT arrayMap(x -> file(x), ['FILE_'])",
  "WITH file AS f SELECT arrayMap(f, ['FILE_'])",
  "SELECT * APPLY(file) FROM (SELECT 'FILE_' AS x)",
  'CREATE FUNCTION reads AS x -> file(x)',
  "CREATE VIEW reading AS SELECT file('FILE_')",
  "ALTER TABLE t ADD COLUMN c String DEFAULT file('FILE_')",
  "INSERT INTO t SELECT file('FILE_'), ''",
  "INSERT INTO t VALUES (file('FILE_'), '')",
  "INSERT INTO t VALUES (“fi\\x6ce”('FILE_'), '')",
  "INSERT INTO t SETTINGS input_format_values_interpret_expressions = 1 VALUES (‘\\x2c, (\"fi\\x6ce\"('FILE_'), '')",
  "INSERT INTO t VALUES ((SELECT a FROM file('FILE_', 'CSV', 'a String, b String')), '')",
  "SELECT * FROM eval('SELECT file(''FILE_'')') SETTINGS allow_experimental_eval_table_function = 1",
  "SELECT * FROM url('file://FILE_')",
  "SELECT * FROM url('file://FILE_', 'CSV', 'a String, b UInt8')",
  "SELECT * FROM filesystem('DIR_')",
  "SELECT * FROM sqlite('NEW_', 't')",
  "SELECT * FROM icebergLocal('DIR_')",
  "SELECT * FROM deltaLakeLocal('DIR_')",
  "SELECT * FROM paimonLocal('DIR_')",
  "SELECT * FROM fileCluster('default', 'FILE_')",
  "SELECT * FROM merge('default', 'FILE_')",
  "CREATE DATABASE d ENGINE = Filesystem('DIR_')",
  "CREATE DATABASE d ENGINE = SQLite('NEW_')",
  "CREATE DATABASE d ENGINE = Backup('default', File('FILE_'))",
  "CREATE DATABASE d ENGINE = DataLakeCatalog('file://DIR_')",
  "CREATE TABLE x (a String) ENGINE = File(CSV, 'FILE_')",
  'CREATE TABLE x (a String) ENGINE = File(CSV)',
  "CREATE TEMPORARY TABLE x (a String) ENGINE = File(CSV, 'FILE_')",
  "CREATE TABLE x AS file('FILE_')",
  "CREATE TABLE x ENGINE = Memory AS SELECT * FROM file('FILE_')",
  "CREATE TABLE x (a String) ENGINE = FileLog('FILE_', 'CSV')",
  "CREATE TABLE x (a String) ENGINE = SQLite('NEW_', 't')",
  "CREATE TABLE x (a String) ENGINE = EmbeddedRocksDB(0, 'NEW_') PRIMARY KEY a",
  "CREATE TABLE x (a String) ENGINE = URL('file://FILE_', CSV)",
  "CREATE TABLE x (a String) ENGINE = IcebergLocal('DIR_')",
  "CREATE TABLE x (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = 'NEW_/')",
  "CREATE TABLE x (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = object_storage, object_storage_type = local, metadata_type = plain, path = 'NEW_/')",
  "ATTACH TABLE x FROM 'DIR_/tables' (a String) ENGINE = MergeTree ORDER BY a",
  "ATTACH TABLE x UUID '11111111-1111-1111-1111-111111111111' (a String) ENGINE = File(CSV, 'FILE_')",
  "INSERT INTO t FROM INFILE 'FILE_' FORMAT CSV",
  "INSERT INTO t FROM\u200bINFILE 'FILE_' FORMAT CSV",
  'INSERT INTO t FROM INFILE ‘FILE_’ FORMAT CSV',
  "INSERT INTO FUNCTION file('NEW_', 'CSV', 'a String') SELECT 'x'",
  "INSERT INTO FUNCTION file('NEW_', 'CSV', 'a String') VALUES ('x')",
  "INSERT INTO FUNCTION url('file://NEW_', 'CSV', 'a String') SELECT 'x'",
  "SELECT 1 INTO OUTFILE 'NEW_'",
  "SELECT 1 INTO\u200bOUTFILE 'NEW_' FORMAT CSV",
  "SELECT ‘it’ INTO OUTFILE 'NEW_'",
  "SELECT 1 AS a$x$ INTO OUTFILE 'NEW_' -- $x$",
  'SELECT “a”, 1 AS “a” INTO OUTFILE “NEW_”',
  "SELECT 1; SELECT 2 INTO OUTFILE 'NEW_'",
  "INSERT INTO t VALUES ('c', 'd'); SELECT 2 INTO OUTFILE 'NEW_'",
  "INSERT INTO t (a, b) FORMAT CSV\n\nc,d\n\nSELECT 2 INTO OUTFILE 'NEW_'",
  "BACKUP TABLE t TO File('NEW_')",
  "BACKUP TABLE t TO Disk('default', 'x.zip')",
  "BACKUP TABLE t TO S3('http://HOST_/x')",
  "RESTORE TABLE t FROM File('FILE_')",
  "SELECT catboostEvaluate('FILE_', 1)",
  "SELECT * FROM format(Protobuf, 'x') SETTINGS format_schema = 'SCHEMA_:M'",
  "INSERT INTO t SETTINGS format_schema = 'SCHEMA_:M' FORMAT Protobuf x",
  "SELECT 1 FORMAT Template SETTINGS format_template_row = 'FILE_'",
  "INSERT INTO t SETTINGS input_format_record_errors_file_path = 'NEW_', input_format_allow_errors_num = 1 FORMAT CSV x",
  "SELECT 1 FORMAT CapnProto SETTINGS output_format_schema = 'NEW_'",
  // Programs.
  "SELECT * FROM executable('id', TSV, 'a String')",
  "CREATE TABLE x (a String) ENGINE = Executable('id', TSV)",
  "CREATE TABLE x (a String) ENGINE = ExecutablePool('id', TSV)",
  'SELECT * FROM python(x)',
  // Other servers, our own HTTP port among them.
  "SELECT * FROM url('http://HOST_/a.csv', 'CSV', 'a String')",
  "SELECT * FROM urlCluster('default', 'http://HOST_/a.csv', 'CSV', 'a String')",
  "SELECT * FROM s3('http://HOST_/bucket/a.csv', 'CSV', 'a String')",
  "SELECT * FROM gcs('http://HOST_/bucket/a.csv', 'CSV', 'a String')",
  "SELECT * FROM azureBlobStorage('http://HOST_/a', 'c', 'p', 'n', 'aaaa', 'CSV', 'auto', 'a String')",
  "SELECT * FROM hdfs('hdfs://HOST_/a', 'CSV', 'a String')",
  "SELECT * FROM iceberg('http://HOST_/bucket/a/')",
  "SELECT * FROM deltaLake('http://HOST_/bucket/a/')",
  "SELECT * FROM hudi('http://HOST_/bucket/a/')",
  "SELECT * FROM remote('HOST_', system.one)",
  "SELECT * FROM remoteSecure('HOST_', system.one)",
  "SELECT * FROM clusterAllReplicas('default', system.one)",
  "SELECT * FROM mysql('HOST_', 'a', 'b', 'c', 'd')",
  "SELECT * FROM postgresql('HOST_', 'a', 'b', 'c', 'd')",
  "SELECT * FROM mongodb('HOST_', 'a', 'b', 'c', 'd', 'a String')",
  "SELECT * FROM redis('HOST_', 'a', 'a String')",
  "SELECT * FROM jdbc('jdbc:x://HOST_', 'a', 'b')",
  "SELECT * FROM odbc('DSN=x', 'a', 'b')",
  "SELECT * FROM ytsaurus('http://HOST_', 'a', 'b', 'a String')",
  "SELECT * FROM arrowflight('HOST_', 'a')",
  "SELECT * FROM arrowstream('http://HOST_')",
  "SELECT aiGenerate('x') SETTINGS allow_experimental_ai_functions = 1",
  "CREATE DATABASE d ENGINE = MySQL('HOST_', 'a', 'b', 'c')",
  "CREATE DATABASE d ENGINE = PostgreSQL('HOST_', 'a', 'b', 'c')",
  "CREATE DATABASE d ENGINE = S3('http://HOST_/a', 'NOSIGN')",
  "CREATE TABLE x (a String) ENGINE = URL('http://HOST_/a', CSV)",
  "CREATE TABLE x (a String) ENGINE = S3('http://HOST_/bucket/a', CSV)",
  "CREATE TABLE x (a String) ENGINE = Kafka('HOST_', 'a', 'b', 'CSV')",
  "CREATE TABLE x (a String) ENGINE = Distributed('default', 'system', 'one')",
  "CREATE TABLE x (a String) ENGINE = MySQL('HOST_', 'a', 'b', 'c', 'd')",
  "SELECT 1 FORMAT Avro SETTINGS format_avro_schema_registry_url = 'http://HOST_'",
  // Dictionaries, named collections, users, and the engine itself.
  `${DICTIONARY} SOURCE(FILE(path 'FILE_' format 'CSV'))`,
  `${DICTIONARY} SOURCE(EXECUTABLE(command 'id' format 'TSV'))`,
  `${DICTIONARY} SOURCE(HTTP(url 'http://HOST_/a' format 'CSV'))`,
  `${DICTIONARY} SOURCE(CLICKHOUSE(query 'SELECT file(''FILE_''), 1'))`,
  `${DICTIONARY} SOURCE(LIBRARY(path 'FILE_'))`,
  `${DICTIONARY} SOURCE(YAMLREGEXPTREE(path 'FILE_'))`,
  "CREATE NAMED COLLECTION n AS url = 'file://FILE_', format = 'CSV'",
  'CREATE USER u',
  'CREATE ROLE r',
  'GRANT FILE ON *.* TO default',
  "ALTER USER default IDENTIFIED BY 'x'",
  'CREATE VIEW n SQL SECURITY NONE AS SELECT 1',
  'SYSTEM SHUTDOWN',
  'SYSTEM KILL',
  'SYSTEM RELOAD CONFIG',
  'SYSTEM START LISTEN HTTP',
  "SET dialect = 'kusto'",
  'EXECUTE AS default SELECT 1',
];

describe('the embedded ClickHouse keeps to its own data directory', () => {
  it.each(DOORS)('%s', async (door) => {
    const before = readdirSync(folder);
    const answer = await ask(placed(door));
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain(SECRET);
    expect(readdirSync(folder)).toEqual(before);
    expect(visits).toBe(0);
    expect((await ask('SELECT * FROM t FORMAT CSV')).text).not.toContain(SECRET);
  });

  it.each([
    ["/?query=SELECT+*+FROM+format(Protobuf,+'x')&format_schema=", 'SCHEMA_:M'],
    ['/?query=SELECT+1&dialect=', 'kusto'],
    ['/?query=SELECT+arrayMap({f:Identifier},+[%27x%27])&param_f=', 'file'],
    ['/?query=SELECT+1&allow_experimental_eval_table_function=', '1'],
    ['/?query=INSERT+INTO+t+FORMAT+CSV&input_format_allow_errors_num=1&input_format_record_errors_file_path=', 'NEW_'],
  ])('by parameters: %s%s', async (path, value) => {
    const answer = await ask('', { query: `${path.slice(1)}${encodeURIComponent(placed(value))}` });
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(existsSync(join(folder, 'written'))).toBe(false);
  });

  it.each([
    ["SELECT 'file(1) INTO OUTFILE', ‘it’, a FROM t", 'file(1) INTO OUTFILE\tit\ta\n'],
    ['SELECT a$x$ FROM (SELECT 7 AS a$x$)', '7\n'],
    ["SELECT ‘; SELECT 2 INTO OUTFILE 'x' -- ’", "; SELECT 2 INTO OUTFILE \\'x\\' -- \n"],
    ["SELECT 1 WHERE 'x' IN (SELECT 'x')", '1\n'],
    ['CREATE TABLE files (file String, disk String) ENGINE = MergeTree ORDER BY disk', ''],
    ['INSERT INTO t VALUES (upper(\'k\'), \'{"a": "file\\\\n"}\')', ''],
    ["SELECT * FROM t WHERE a = 'K'", 'K\t{"a": "file\\\\n"}\n'],
    ["ALTER TABLE t DELETE WHERE a = 'K' SETTINGS mutations_sync = 2", ''],
    ['CREATE TEMPORARY TABLE x (a String)', ''],
    ['CREATE FUNCTION twice AS x -> x || x', ''],
    ["SELECT twice('a')", 'aa\n'],
    ['CREATE MATERIALIZED VIEW m ENGINE = ReplacingMergeTree ORDER BY a AS SELECT a FROM t', ''],
    ['OPTIMIZE TABLE t FINAL', ''],
    ['SHOW TABLES', /t\n/],
    ['EXPLAIN SELECT a FROM t', /ReadFromMergeTree/],
    ['SYSTEM FLUSH LOGS', ''],
    ['DETACH TABLE m', ''],
    ['ATTACH TABLE m', ''],
    [
      `SELECT count() FROM (SELECT 1 WHERE 1 IN (${'123456,'.repeat(60_000)}1)) SETTINGS max_query_size = 1000000`,
      '1\n',
    ],
    ["SELECT * FROM values('a String', 'x')", 'x\n'],
  ])('and does all else: %s', async (sql, expected) => {
    const answer = await ask(sql);
    expect(answer.status, answer.text).toBe(200);
    if (typeof expected === 'string') expect(answer.text).toBe(expected);
    else expect(answer.text).toMatch(expected);
  });

  it('says that a table is unknown, where one is', async () => {
    expect(await ask('SELECT * FROM nowhere')).toMatchObject({ status: 404, code: '60' });
    expect(await ask('SELECT * FROM auth0.nowhere')).toMatchObject({ status: 404, code: '60' });
  });
});

describe('the password', () => {
  const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });

  it.each([
    ['a header', {}, { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': PASSWORD }],
    ['basic', {}, basic(`default:${PASSWORD}`)],
    ['a parameter', { query: `?user=default&password=${PASSWORD}` }, {}],
  ])('is taken from %s', async (_, more, headers) => {
    expect(await ask('SELECT 1', { ...more, headers })).toMatchObject({ status: 200, text: '1\n' });
  });

  it.each([
    ['none', {}, {}],
    ['a wrong one', {}, { 'X-ClickHouse-Key': `${PASSWORD}x` }],
    ['that of another user', {}, basic(`somebody:${PASSWORD}`)],
    ['an empty one', { query: '?password=' }, {}],
    ['a broken one', {}, { Authorization: 'Basic !' }],
  ])('is refused: %s', async (_, more, headers) => {
    const answer = await ask('SELECT 1', { ...more, headers });
    expect(answer).toMatchObject({ status: 403, code: '516' });
    expect(answer.text).not.toContain(PASSWORD);
  });

  it('is not asked for by /ping', async () => {
    expect(await (await fetch(`${server.url}/ping`)).text()).toBe('Ok.\n');
  });
});

it('goes on for others while readers take nothing', async () => {
  const stalled = Array.from({ length: 4 }, () => {
    const request = httpRequest(`${server.url}/?query=${encodeURIComponent('SELECT number FROM numbers(1e9)')}`, {
      headers: { 'X-ClickHouse-Key': PASSWORD },
    });
    request.on('error', () => undefined).on('response', (response) => response.pause());
    request.end();
    return request;
  });
  const running = "SELECT count() >= 4 FROM system.processes WHERE query LIKE '%1e9%' AND query NOT LIKE '%processes%'";
  await expect.poll(async () => (await ask(running)).text, { timeout: 10_000 }).toBe('1\n');
  // Until their buffers are full; then nobody fetches for them.
  for (let i = 0; i < 5; i++) expect((await ask('SELECT max(number) FROM numbers(1000)')).text).toBe('999\n');
  for (const request of stalled) request.destroy();
});
