import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ClickHouseError, createClient, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { startClickHouseServer, type ClickHouseServer } from '../../src/embedded/clickhouse/server.js';
import { freePort } from '../../src/embedded/ports.js';
import { builtFile, endsWithItsParent } from '../support/compiled.js';

let folder = '';
let server: ClickHouseServer;
let client: ClickHouseClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clickhouse-'));
  server = await startClickHouseServer({
    path: join(folder, 'data'),
    port: 0,
    maxBodyBytes: 8 * 1024 * 1024,
    maxResultBytes: 4 * 1024 * 1024,
  });
  client = createClient({ url: server.url, log: { level: 127 } });
  await client.command({ query: 'CREATE DATABASE other' });
});
afterAll(async () => {
  await client.close();
  expect(await server.stop(10_000)).toBe(true);
  await rm(folder, { recursive: true, force: true });
});

/** What a query answers, as rows. */
async function rows(query: string, settings: Record<string, string | number> = {}): Promise<unknown[]> {
  const result = await client.query({ query, format: 'JSONEachRow', clickhouse_settings: settings });
  return result.json();
}

/** A bare HTTP request, as curl sends it. */
async function send(
  path: string,
  { body, headers, method }: { body?: string | Buffer; headers?: Record<string, string>; method?: string } = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; bytes: Buffer; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${server.url}${path}`,
      { method: method ?? (body === undefined ? 'GET' : 'POST'), headers: headers ?? {} },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

const table = async (name: string, columns = 'id UInt64, raw String'): Promise<string> => {
  await client.command({
    query: `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 100`,
  });
  return name;
};

const count = async (name: string): Promise<unknown> => (await rows(`SELECT toUInt32(count()) AS n FROM ${name}`))[0];

const summary = (answer: { headers: IncomingHttpHeaders }): unknown =>
  JSON.parse(String(answer.headers['x-clickhouse-summary']));

const sessionOf = async (c: ClickHouseClient, clickhouse_settings = {}): Promise<unknown> => {
  const query = "SELECT currentDatabase() AS db, getSetting('max_block_size') AS size";
  return (await c.query({ query, format: 'JSONEachRow', clickhouse_settings })).json();
};

describe('the HTTP interface', () => {
  it('says that it is there', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toEqual({ success: true });
    expect((await send('/ping')).text).toBe('Ok.\n');
    expect((await send('/')).text).toBe('Ok.\n');
    expect((await send('/play')).status).toBe(404);
    expect(await rows('SELECT version() AS v')).toEqual([{ v: server.version }]);
  });

  it('takes the query from the URL, the body, or both', async () => {
    expect((await send('/?query=SELECT+1')).text).toBe('1\n');
    expect((await send('/', { body: 'SELECT 2' })).text).toBe('2\n');
    expect((await send('/?query=SELECT+3,', { body: '4' })).text).toBe('3\t4\n');
    expect((await send('/?default_format=JSONEachRow&query=SELECT+5+AS+a')).text).toBe('{"a":5}\n');
    const answer = await send('/?query_id=mine&query=SELECT+1+FORMAT+CSV&session_id=s&user=default&password=');
    expect(answer.headers).toMatchObject({
      'x-clickhouse-query-id': 'mine',
      'x-clickhouse-format': 'CSV',
      'x-clickhouse-timezone': expect.any(String),
      'x-clickhouse-server-display-name': expect.any(String),
      'content-type': 'text/csv; charset=UTF-8; header=absent',
    });
  });

  it('binds parameters exactly', async () => {
    const query_params = {
      text: 'it\'s \\ a\ttab\nline "q" `b` {x} %41+& 😀',
      list: ["a'b", '\\', '', '😀'],
      none: null,
      big: '18446744073709551615',
      when: '2024-01-02 03:04:05.123',
      table: 'one',
    };
    const query =
      'SELECT {text:String} text, {list:Array(String)} list, {none:Nullable(String)} none, toString({big:UInt64}) big, toString({when:DateTime64(3)}) when FROM system.{table:Identifier}';
    const result = await client.query({ query, query_params, format: 'JSONEachRow' });
    const { table: _, ...expected } = query_params;
    expect(await result.json()).toEqual([expected]);
    const many = Array.from({ length: 3_000 }, (_, i) => `value '${i}'`);
    const form = await client.query({
      query: 'SELECT length({v:Array(String)}) AS n, {v:Array(String)}[3000] AS last',
      query_params: { v: many },
      use_multipart_params: true,
      format: 'JSONEachRow',
    });
    expect(await form.json()).toEqual([{ n: 3_000, last: "value '2999'" }]);
  });

  it('keeps parameters of queries that run at the same time apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const result = await client.query({
          query: 'SELECT {v:UInt32} AS v, sleep(0.01)',
          query_params: { v: i },
          format: 'JSONEachRow',
        });
        return (await result.json<{ v: number }>())[0]?.v;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('keeps settings and the database to their statement', async () => {
    const other = createClient({ url: server.url, database: 'other', log: { level: 127 } });
    expect(await sessionOf(other, { max_block_size: '77' })).toEqual([{ db: 'other', size: 77 }]);
    expect(await sessionOf(client)).toEqual([{ db: 'default', size: 65_409 }]);
    await other.close();
    await send('/', { body: 'SET max_block_size = 5' });
    expect(await sessionOf(client)).toEqual([{ db: 'default', size: 65_409 }]);
    expect(
      (await send('/?query=SELECT+currentDatabase()', { headers: { 'X-ClickHouse-Database': 'other' } })).text,
    ).toBe('other\n');
  });

  it('speaks gzip both ways', async () => {
    const answer = await send('/?enable_http_compression=1&query=SELECT+%27abc%27', {
      headers: { 'Accept-Encoding': 'gzip' },
    });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(answer.bytes).toString()).toBe('abc\n');
    expect((await send('/?query=SELECT+1', { headers: { 'Accept-Encoding': 'gzip' } })).text).toBe('1\n');
    const packed = await send('/', { body: gzipSync('SELECT 6'), headers: { 'Content-Encoding': 'gzip' } });
    expect(packed.text).toBe('6\n');
    const packing = createClient({ url: server.url, compression: { request: true, response: true } });
    const result = await packing.query({ query: 'SELECT number FROM numbers(100000)', format: 'JSONEachRow' });
    expect(await result.json()).toHaveLength(100_000);
    await packing.close();
  });

  it('reads only by GET, as ClickHouse does', async () => {
    const answer = await send('/?query=CREATE+TABLE+x+(a+Int8)+ENGINE+=+Memory');
    expect(answer.headers['x-clickhouse-exception-code']).toBe('164');
    expect(await rows('EXISTS TABLE x')).toEqual([{ result: 0 }]);
  });

  it('refuses browsers and foreign host names', async () => {
    expect((await send('/?query=SELECT+1', { headers: { Host: 'evil.example' } })).status).toBe(403);
    expect((await send('/', { body: 'SELECT 1', headers: { Origin: 'http://localhost' } })).status).toBe(403);
    expect((await send('/ping', { headers: { Host: 'evil.example:8123' } })).text).toMatch(/localhost/);
  });

  it('refuses files of this machine and a second statement', async () => {
    expect((await send('/', { body: "SELECT 1 INTO OUTFILE '/tmp/never' FORMAT CSV" })).status).toBe(403);
    expect((await send('/', { body: "SELECT * FROM file('/etc/passwd', 'LineAsString')" })).status).toBe(403);
    const two = await send('/', { body: 'CREATE TABLE two (a Int8) ENGINE = Memory; SELECT 1' });
    expect([two.status, two.text]).toEqual([400, expect.stringContaining('Multi-statements are not allowed')]);
    expect(await rows('EXISTS TABLE two')).toEqual([{ result: 0 }]);
  });
});

describe('errors', () => {
  it.each([
    ['selec 1', 62, 'SYNTAX_ERROR', 400],
    ['SELECT * FROM nowhere', 60, 'UNKNOWN_TABLE', 404],
    ['SELECT 1 FORMAT Foo', 73, 'UNKNOWN_FORMAT', 404],
    ['SELECT nothing', 47, 'UNKNOWN_IDENTIFIER', 404],
    ['SELECT 1 SETTINGS foo = 1', 115, 'UNKNOWN_SETTING', 404],
    ['SELECT throwIf(1)', 395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 500],
    ["SELECT toInt8('x')", 6, 'CANNOT_PARSE_TEXT', 400],
    ['SELECT sleep(2) SETTINGS max_execution_time = 1', 159, 'TIMEOUT_EXCEEDED', 408],
    ['SELECT {a:Int8}', 456, 'UNKNOWN_QUERY_PARAMETER', 500],
  ])('%s', async (query, code, type, status) => {
    const failure: unknown = await client.exec({ query }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClickHouseError);
    expect(failure).toMatchObject({ code: String(code), type });
    const answer = await send('/', { body: query });
    expect(answer.status).toBe(status);
    expect(answer.headers['x-clickhouse-exception-code']).toBe(String(code));
    expect(answer.text).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: [\\s\\S]*\\(${type}\\) \\(version 26`));
  });

  it('knows no setting that ClickHouse does not know', async () => {
    await expect(rows('SELECT 1', { no_such_setting: 1 })).rejects.toMatchObject({ code: '115' });
  });

  // One connection would hand the rows of the failed query to the next one.
  it('leave nothing behind for the next query', async () => {
    const failing = 'SELECT number, throwIf(number = 300000) FROM numbers(400000) FORMAT JSON';
    await expect(client.exec({ query: failing })).rejects.toMatchObject({ code: '395' });
    expect((await send('/', { body: 'SELECT 1' })).text).toBe('1\n');
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('reach the reader of a result that was already on its way', async () => {
    const query = 'SELECT number, throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_threads = 1';
    const result = await client.query({ query, format: 'JSONEachRow' });
    let seen = 0;
    const read = async (): Promise<void> => {
      for await (const part of result.stream()) seen += part.length;
    };
    await expect(read()).rejects.toMatchObject({ code: '395', type: 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO' });
    expect(seen).toBeGreaterThan(1_000);
    expect(seen).toBeLessThan(1_000_000);
    await expect(send('/', { body: `${query} FORMAT JSONEachRow` })).rejects.toThrow(/aborted|hang up/);
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('of early rows still set the status when the whole result is waited for', async () => {
    const failing = 'SELECT number, throwIf(number = 900000) FROM numbers(1000000) FORMAT TSV';
    expect((await send('/?wait_end_of_query=1&max_result_bytes=0', { body: failing })).status).toBe(500);
  });
});

describe('inserts', () => {
  it('with a token are kept once, and the token does not leak into the next insert', async () => {
    const name = await table('tokens');
    const values = [
      { id: 1, raw: 'a' },
      { id: 2, raw: 'b' },
    ];
    const tokened = {
      table: name,
      values,
      format: 'JSONEachRow',
      clickhouse_settings: { insert_deduplication_token: 't1' },
    } as const;
    await client.insert(tokened);
    await client.insert(tokened);
    expect(await count(name)).toEqual({ n: 2 });
    await client.insert({ table: name, values: [{ id: 3, raw: 'c' }], format: 'JSONEachRow' });
    await client.insert({ table: name, values: [{ id: 4, raw: 'd' }], format: 'JSONEachRow' });
    expect(await count(name)).toEqual({ n: 4 });
    expect(await rows("SELECT getSetting('insert_deduplication_token') AS t")).toEqual([{ t: '' }]);
  });

  it('at the same time keep their own tokens', async () => {
    const name = await table('parallel');
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) =>
        client.insert({
          table: name,
          values: [{ id: i, raw: 'x' }],
          format: 'JSONEachRow',
          clickhouse_settings: { insert_deduplication_token: `t${i % 20}` },
        }),
      ),
    );
    expect(await count(name)).toEqual({ n: 20 });
  });

  it('keep a nested JSON object byte for byte, however the body is cut', async () => {
    const name = await table('verbatim');
    const objects = [
      '{"n":123456789012345678901234,"p":1.10,"e":1E+2,"z":-0}',
      '{ "spaces" : [ 1 , 2 ] ,\t"tab": "a\\tb" }',
      '{"esc":"\\u00e9\\/\\"\\\\ \\ud83d\\ude00","emoji":"😀👩‍👩‍👧","nul":null,"empty":{},"list":[]}',
      '{"dup":1,"dup":2,"a.b":{"c":[{"d":"\\n"}]}}',
    ];
    const body = Buffer.from(objects.map((raw, id) => `{"id":${id},"raw":${raw}}\n`).join(''));
    // One byte a chunk: every character of more than one byte is cut.
    const { stream } = await client.exec({
      query: `INSERT INTO ${name} FORMAT JSONEachRow`,
      values: Readable.from(
        [...body].map((byte) => Buffer.from([byte])),
        { objectMode: false },
      ),
    });
    stream.resume();
    const text = (await send(`/?query=SELECT+raw+FROM+${name}+ORDER+BY+id+FORMAT+TSVRaw`)).text;
    expect(text).toBe(`${objects.join('\n')}\n`);
  });

  it('work in every form that the interface has, and report the rows written', async () => {
    const name = await table('forms');
    expect(summary(await send('/', { body: `INSERT INTO ${name} VALUES (1, 'a;b'), (2, 'b')` }))).toMatchObject({
      written_rows: '2',
    });
    expect(summary(await send(`/?query=INSERT+INTO+${name}+VALUES`, { body: "(3, 'c')" }))).toMatchObject({
      written_rows: '1',
    });
    expect(summary(await send('/', { body: `-- note\nINSERT INTO ${name} FORMAT TSV\n4\td\n5\te\n` }))).toMatchObject({
      written_rows: '2',
    });
    expect(summary(await send('/', { body: `INSERT INTO ${name} SELECT number, 'x' FROM numbers(10)` }))).toMatchObject(
      { written_rows: '10' },
    );
    const binary = Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 2, 0xc3, 0xa9]);
    await send(`/?query=INSERT+INTO+${name}+FORMAT+RowBinary`, {
      body: gzipSync(binary),
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect(await rows(`SELECT raw FROM ${name} WHERE id = 9 AND raw != 'x'`)).toEqual([{ raw: 'é' }]);
    const result = await client.insert({ table: name, values: [{ id: 7, raw: 'g' }], format: 'JSONEachRow' });
    expect(result.summary?.written_rows).toBe('1');
    expect(await count(name)).toEqual({ n: 17 });
  });

  // The embedded engine says ok to it and inserts nothing.
  it('from input() are refused rather than lost', async () => {
    const name = await table('input');
    const query = encodeURIComponent(`INSERT INTO ${name} SELECT 1, raw FROM input('raw String') FORMAT TSV`);
    expect((await send(`/?query=${query}`, { body: 'a\n' })).status).toBe(501);
  });

  it('are refused whole when a row is broken', async () => {
    const name = await table('broken');
    const body = '{"id":1,"raw":"a"}\n{"id":"x"}\n';
    const answer = await send(`/?query=INSERT+INTO+${name}+FORMAT+JSONEachRow`, { body });
    expect([answer.status, answer.headers['x-clickhouse-exception-code']]).toEqual([400, '27']);
    expect(await count(name)).toEqual({ n: 0 });
  });

  it('of too many bytes are refused in plain words, packed or not', async () => {
    const name = await table('large');
    const body = Buffer.alloc(9 * 1024 * 1024, 'a');
    const plain = await send(`/?query=INSERT+INTO+${name}+FORMAT+LineAsString`, { body });
    expect([plain.status, plain.text]).toEqual([413, expect.stringMatching(/larger than 8 MiB/)]);
    const packed = await send(`/?query=INSERT+INTO+${name}+FORMAT+LineAsString`, {
      body: gzipSync(body),
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect([packed.status, packed.text]).toEqual([413, expect.stringMatching(/larger than 8 MiB/)]);
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('run to their end when the client goes away, and do not wait behind a long SELECT', async () => {
    const name = await table('away');
    const slow = rows('SELECT sleepEachRow(0.5) FROM numbers(4) SETTINGS max_block_size = 1');
    const started = performance.now();
    await client.insert({ table: name, values: [{ id: 1, raw: 'a' }], format: 'JSONEachRow' });
    expect(performance.now() - started).toBeLessThan(1_000);
    const gone = httpRequest(
      `${server.url}/?query=INSERT+INTO+${name}+SELECT+number,+toString(sleepEachRow(0.02))+FROM+numbers(20)`,
      {
        method: 'POST',
      },
    );
    gone.on('error', () => undefined).end();
    await new Promise((resolve) => setTimeout(resolve, 150));
    gone.destroy();
    await expect.poll(async () => count(name), { timeout: 5_000 }).toEqual({ n: 21 });
    await slow;
  });
});

describe('large results', () => {
  it('are streamed where the format allows, and bounded where it does not', async () => {
    const query = "SELECT number, repeat('x', 100) AS s FROM numbers(300000)";
    const result = await client.query({ query, format: 'JSONEachRow' });
    let seen = 0;
    for await (const part of result.stream()) seen += part.length;
    expect(seen).toBe(300_000);
    await expect(
      client.query({ query: 'SELECT number, toString(number) FROM numbers(3000000)', format: 'JSON' }),
    ).rejects.toMatchObject({
      code: '396',
      type: 'TOO_MANY_ROWS_OR_BYTES',
    });
    expect(
      (await send('/', { body: 'SELECT number FROM numbers(200000) FORMAT CSVWithNames' })).text.split('\n'),
    ).toHaveLength(200_002);
  });

  it('end with their reader', async () => {
    const result = await client.query({ query: 'SELECT number FROM numbers(10000000000)', format: 'JSONEachRow' });
    for await (const _ of result.stream()) break;
    result.close();
    await expect
      .poll(
        async () =>
          rows(
            "SELECT count() AS n FROM system.processes WHERE query LIKE '%10000000000%' AND query NOT LIKE '%processes%'",
          ),
        {
          timeout: 10_000,
        },
      )
      .toEqual([{ n: 0 }]);
  });
});

describe('the process', () => {
  const start = async (path: string, port = 0): ReturnType<typeof startEmbeddedClickHouse> =>
    startEmbeddedClickHouse({ path, port, entry: builtFile('embedded/clickhouse/main.js') });

  it('starts, keeps what was acknowledged across a kill, and stops cleanly', async () => {
    const path = join(folder, 'process');
    const first = await start(path);
    expect(first.version).toBe(server.version);
    const one = createClient({ url: first.url });
    await one.command({ query: 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a' });
    await one.insert({ table: 't', values: [{ a: 1 }, { a: 2 }], format: 'JSONEachRow' });
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await one.close();

    const second = await start(path);
    const two = createClient({ url: second.url });
    const result = await two.query({ query: 'SELECT toUInt32(count()) AS n FROM t', format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ n: 2 }]);
    await expect(start(path)).rejects.toThrow(`in use by process ${second.pid}`);

    // The statement in flight ends before the process does.
    const insert = two.command({ query: 'INSERT INTO t SELECT sleepEachRow(0.1) FROM numbers(25)' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stopped = second.stop(10_000);
    await insert;
    expect(await stopped).toEqual({ code: 0, signal: null });
    await two.close();
    const third = await start(path);
    const answer = await fetch(`${third.url}/?query=SELECT+count()+FROM+t`);
    expect(await answer.text()).toBe('27\n');
    await third.stop(10_000);
  });

  it('says why it cannot start', async () => {
    const port = await freePort();
    const holder = await start(join(folder, 'holder'), port);
    await expect(start(join(folder, 'late'), port)).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
    await expect(start('/dev/null/data')).rejects.toThrow(/data directory \/dev\/null\/data cannot be written/);
    await holder.stop(5_000);
  });

  it('does not outlive a parent that is killed', async () => {
    const script = `
      import { startEmbeddedClickHouse } from ${JSON.stringify(builtFile('embedded/clickhouse/process.js'))};
      const { pid } = await startEmbeddedClickHouse({ path: ${JSON.stringify(join(folder, 'orphan'))}, port: 0 });
      process.stdout.write(String(pid));
      setInterval(() => {}, 1000);`;
    expect(await endsWithItsParent(script, 5_000)).toBe(true);
  });
});
