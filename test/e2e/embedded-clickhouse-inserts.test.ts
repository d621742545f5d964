import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { startClickHouseServer, type ClickHouseServer } from '../../src/embedded/clickhouse/server.js';
import { builtFile } from '../support/compiled.js';

const ROWS = 5_000;
// 2570 is 0x0A0A: two line feeds in a row, which also stand in the texts and at the end of some.
const SOURCE = `
  SELECT number AS id, if(number % 3 = 0, 2570, number * 2570) AS n,
    concat('a', if(number % 7 = 0, '\\n\\nINSERT INTO evil VALUES (1)\\n\\n', ''), toString(number)) AS s,
    if(number % 5 = 0, NULL, toString(number) || '\\n\\n') AS maybe
  FROM numbers(${ROWS})`;

let folder = '';
let path = '';
let server: ClickHouseServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clickhouse-'));
  // ClickHouse reads meaning into each of these when it is given the name of a file.
  path = join(folder, "id=1 {a,b}*?[c]'s.zip :: d");
  server = await startClickHouseServer({ path, port: 0 });
  await ask(
    'CREATE TABLE source (id UInt64, n UInt64, s String, maybe Nullable(String)) ENGINE = MergeTree ORDER BY id',
  );
  await ask(`INSERT INTO source ${SOURCE}`);
});
afterAll(async () => {
  expect(await readdir(join(path, 'incoming'))).toEqual([]);
  expect(await server.stop(10_000)).toBe(true);
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  text: string;
  written: string | undefined;
}

/** Sends a query in the URL where there is a body, else in the body. */
async function send(query: string, body?: Buffer | string, headers: Record<string, string> = {}): Promise<Answer> {
  const url = body === undefined ? server.url : `${server.url}/?query=${encodeURIComponent(query)}`;
  return post(url, body ?? query, headers);
}

async function post(url: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers,
  });
  const summary: unknown = JSON.parse(answer.headers.get('x-clickhouse-summary') ?? '{}');
  const written: unknown = Object.entries(summary ?? {}).find(([name]) => name === 'written_rows')?.[1];
  return {
    status: answer.status,
    text: await answer.text(),
    written: typeof written === 'string' ? written : undefined,
  };
}

async function ask(query: string): Promise<string> {
  const { status, text } = await send(query);
  if (status !== 200) throw new Error(text);
  return text.trimEnd();
}

async function bytesOf(query: string): Promise<Buffer> {
  const answer = await fetch(server.url, { method: 'POST', body: query });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(bytes.toString());
  return bytes;
}

let tables = 0;
async function table(columns = 'id UInt64, n UInt64, s String, maybe Nullable(String)'): Promise<string> {
  tables += 1;
  const name = `t${tables}`;
  await ask(
    `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 100`,
  );
  return name;
}

const hash = async (name: string): Promise<string> =>
  ask(`SELECT count(), groupBitXor(sipHash64(id, n, s, maybe)), countIf(maybe IS NULL) FROM ${name}`);
const parts = async (name: string): Promise<string> =>
  ask(`SELECT rows FROM system.parts WHERE table = '${name}' AND active ORDER BY name FORMAT CSV`);

describe('rows in any format', () => {
  it.each([
    'Native',
    'RowBinary',
    'RowBinaryWithNamesAndTypes',
    'Parquet',
    'Arrow',
    'ArrowStream',
    'ORC',
    'Avro',
    'MsgPack',
    'JSONEachRow',
    'JSONCompactEachRow',
    'JSON',
    'CSV',
    'CSVWithNames',
    'TSV',
    'TabSeparatedWithNamesAndTypes',
    'Values',
  ])('%s arrives whole, from the URL and in one body with its statement', async (format) => {
    const rows = await bytesOf(`SELECT * FROM source FORMAT ${format}`);
    const expected = await hash('source');
    const one = await table();
    expect(await send(`INSERT INTO ${one} FORMAT ${format}`, rows)).toMatchObject({ status: 200, written: '5000' });
    expect(await hash(one)).toBe(expected);
    const two = await table();
    const packed = gzipSync(Buffer.concat([Buffer.from(`INSERT INTO ${two} FORMAT ${format}\n`), rows]));
    expect(await post(server.url, packed, { 'Content-Encoding': 'gzip' })).toMatchObject({ written: '5000' });
    expect(await hash(two)).toBe(expected);
    expect([await parts(one), await parts(two)]).toEqual(['5000', '5000']);
  });

  it('of text may hold empty lines', async () => {
    const name = await table('id UInt64, s String');
    const inserts: [string, string][] = [
      ['JSONEachRow', '{"id":1,"s":"a"}\n\n\n{"id":2,"s":"b"}\n\n'],
      ['CSV', '3,"c\n\nd"\n4,e\n'],
      ['TSV', '5\tf\\n\\ng\n6\th\n'],
      ['Values', "(7, 'i\n\nj'),\n\n(8, concat('k', ';')) ;\n\n-- the end"],
    ];
    for (const [format, rows] of inserts) {
      expect(await send(`INSERT INTO ${name} FORMAT ${format}`, rows)).toMatchObject({ status: 200, written: '2' });
    }
    const stored: unknown = JSON.parse(await ask(`SELECT s FROM ${name} ORDER BY id FORMAT JSONCompactColumns`));
    expect(stored).toEqual([['a', 'b', 'c\n\nd', 'e', 'f\n\ng', 'h', 'i\n\nj', 'k;']]);
  });

  it('begin where ClickHouse says that they do', async () => {
    const name = await table('s String');
    const bodies = ['FORMAT TSV a\n', 'FORMAT TSV\nb\n', 'FORMAT TSV \t\r\n c\n', 'FORMAT TSV\n\nd\n', "VALUES('e')"];
    for (const body of bodies)
      expect(await post(server.url, `INSERT INTO ${name} ${body}`)).toMatchObject({ status: 200 });
    expect(await send(`INSERT INTO ${name}`, 'FORMAT TSV\nf\n')).toMatchObject({ status: 200 });
    expect(await send(`INSERT INTO ${name} FORMAT TSV g`, 'h\n')).toMatchObject({ status: 200, written: '2' });
    expect(await send(`INSERT INTO ${name} FORMAT TSV \n`, 'i\n')).toMatchObject({ status: 200, written: '1' });
    expect(await send(`INSERT INTO ${name} FORMAT TSV`, '')).toMatchObject({ status: 200, written: '0' });
    expect(await ask(`SELECT groupArray(s) FROM (SELECT s FROM ${name} ORDER BY s)`)).toBe(
      "['',' c','a','b','d','e','f','g','h','i']",
    );
    expect(await post(server.url, `INSERT INTO ${name} FORMAT TSV;\na\n`)).toMatchObject({
      status: 400,
      text: expect.stringContaining("excessive ';'"),
    });
  });

  it('follow every form of statement', async () => {
    await ask(
      'CREATE TABLE `format` (`format` UInt64, settings String, c UInt64 DEFAULT 9) ENGINE = MergeTree ORDER BY tuple()',
    );
    const forms = [
      'INSERT INTO format FORMAT CSV',
      'INSERT INTO TABLE default.format (format, settings, `c`) FORMAT CSV',
      "insert /* FORMAT x */ into `format` (* EXCEPT(c)) -- settings\n settings format_csv_delimiter = ',', max_threads=1 format `CSV`",
      'INSERT INTO {db:Identifier}."format" SETTINGS input_format_csv_allow_variable_number_of_columns = 1 FORMAT CSV',
    ];
    for (const [i, form] of forms.entries()) {
      const url = `${server.url}/?param_db=default&input_format_csv_allow_variable_number_of_columns=1&query=${encodeURIComponent(form)}`;
      expect(await post(url, `${i},"x\n\ny"\n`)).toMatchObject({ status: 200, written: '1' });
    }
    expect(
      await ask('SELECT groupArray(format), uniqExact(settings) FROM (SELECT * FROM format ORDER BY format)'),
    ).toBe('[0,1,2,3]\t1');
    expect(await send("INSERT INTO FUNCTION null('a UInt8') FORMAT CSV", '1\n')).toMatchObject({ written: '1' });
    // Longer than the part of a body that is looked at first.
    const long = `INSERT INTO format /* ${'-'.repeat(70_000)} */ (format) FORMAT RowBinary\n`;
    const number = Buffer.from([10, 10, 0, 0, 0, 0, 0, 0]);
    expect(await post(server.url, Buffer.concat([Buffer.from(long), number]))).toMatchObject({ written: '1' });
    expect(await ask('SELECT max(format) FROM format')).toBe('2570');
  });
});

describe('an insert', () => {
  it('is cut into the blocks that its settings ask for', async () => {
    const rows = await bytesOf('SELECT id FROM source FORMAT CSV');
    const small = 'max_insert_block_size=1000&min_insert_block_size_rows=0&min_insert_block_size_bytes=0';
    const one = await table('id UInt64');
    await post(`${server.url}/?${small}&query=INSERT+INTO+${one}+FORMAT+CSV`, rows);
    expect((await parts(one)).split('\n')).toEqual(Array.from({ length: 5 }, () => '1000'));
    const two = await table('id UInt64');
    await send(`INSERT INTO ${two} SETTINGS ${small.replaceAll('&', ', ')} FORMAT CSV`, rows);
    expect((await parts(two)).split('\n')).toHaveLength(5);
    // Without them, one block and one part, beyond the rows that a block of a SELECT may have.
    const three = await table('id UInt64');
    const many = await bytesOf('SELECT number FROM numbers(200000) FORMAT CSV');
    const whole = 'min_insert_block_size_rows=0&min_insert_block_size_bytes=0';
    await post(`${server.url}/?${whole}&query=INSERT+INTO+${three}+FORMAT+CSV`, many);
    expect(await parts(three)).toBe('200000');
  });

  it('with a token it had before is not stored again', async () => {
    const rows = await bytesOf('SELECT * FROM source FORMAT Native');
    const name = await table();
    const url = `${server.url}/?insert_deduplication_token=one&async_insert=0&query=INSERT+INTO+${name}+FORMAT+Native`;
    for (let i = 0; i < 3; i += 1) expect(await post(url, rows)).toMatchObject({ status: 200 });
    expect(await ask(`SELECT count() FROM ${name}`)).toBe('5000');
    await post(url.replace('=one', '=two'), rows);
    expect(await ask(`SELECT count() FROM ${name}`)).toBe('10000');
  });

  it('does not mix its rows with those of others at the same time', async () => {
    const names = await Promise.all(Array.from({ length: 6 }, async () => table('id UInt64')));
    const bodies = await Promise.all(
      names.map(async (_, i) => bytesOf(`SELECT 2570 + number * 6 + ${i} FROM numbers(20000) FORMAT RowBinary`)),
    );
    const answers = await Promise.all(
      names.map(async (name, i) => send(`INSERT INTO ${name} FORMAT RowBinary`, bodies[i] ?? '')),
    );
    expect(answers.map(({ written }) => written)).toEqual(names.map(() => '20000'));
    const sums = await Promise.all(
      names.map(async (name) => ask(`SELECT uniqExact(id), groupUniqArray((id - 2570) % 6) FROM ${name}`)),
    );
    expect(sums).toEqual(names.map((_, i) => `20000\t[${i}]`));
  });

  it('keeps its rows in a file that only its owner can read, and while it runs', async () => {
    const name = await table('id UInt64, slow UInt8 DEFAULT sleepEachRow(0.3)');
    const running = send(`INSERT INTO ${name} (id) FORMAT CSV`, '1\n2\n3\n');
    const incoming = join(path, 'incoming');
    await expect.poll(async () => readdir(incoming), { interval: 5 }).toHaveLength(1);
    const [file = ''] = await readdir(incoming);
    const modes = [(await stat(incoming)).mode, (await stat(join(incoming, file))).mode].map((mode) => mode & 0o777);
    expect(modes).toEqual([0o700, 0o600]);
    expect(await running).toMatchObject({ status: 200, written: '3' });
    expect(await readdir(incoming)).toEqual([]);
  });

  it.each([
    [
      'JSONEachRow',
      '{"id":1}\n\n{"id":"x"}',
      400,
      /^Code: 27\. .*expected '"' before.*\(at row 2\)\n: While executing ParallelParsingBlockInputFormat\. \(CANNOT_PARSE/,
    ],
    [
      'Parquet',
      'hello',
      400,
      /^Code: 117\. .*Parquet file too short: 5 bytes: While executing Parquet\w+\. \(INCORRECT_DATA\)/,
    ],
    ['Native', 'hello', 500, /^Code: 33\. .*While executing Native\. \(CANNOT_READ_ALL_DATA\)/],
    ['Nonsense', 'hello', 404, /^Code: 73\. DB::Exception: Unknown format Nonsense\. \(UNKNOWN_FORMAT\)/],
    ['Values', "('x')", 400, /^Code: 6\. .*While executing ValuesBlockInputFormat\. \(CANNOT_PARSE_TEXT\)/],
  ])('of broken %s leaves no row and no file, and says only what a server says', async (format, rows, status, text) => {
    const name = await table('id UInt64');
    const answer = await send(`INSERT INTO ${name} FORMAT ${format}`, rows);
    expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(text)]);
    expect(answer.text).not.toMatch(/incoming|INFILE|from file|file\/uri|clickhouse-/);
    expect(await ask(`SELECT count() FROM ${name}`)).toBe('0');
    expect(await readdir(join(path, 'incoming'))).toEqual([]);
  });

  it.each([
    'INSERT INTO nowhere x y FORMAT CSV',
    `INSERT INTO nowhere x ${'y'.repeat(90)} FORMAT CSV`,
    'INSERT INTO source SETTINGS max_threads 1 FORMAT CSV',
  ])('that is no statement does not show the file either: %s', async (query) => {
    const answer = await send(query, '1\n');
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining('Syntax error') });
    expect(answer.text).not.toMatch(/incoming|FROM INFILE '|clickhouse-/);
  });

  it('cannot carry another statement or open files of this machine', async () => {
    const name = await table('s String');
    const attack = 'CREATE TABLE evil (a UInt8) ENGINE = Memory';
    await send(`INSERT INTO ${name} FORMAT JSONEachRow`, `{"s":"a"}\n\n${attack}`);
    await send(`INSERT INTO ${name} FORMAT TSV`, `b\n\n${attack}\n`);
    expect(await send(`INSERT INTO ${name} VALUES`, `('c'); ${attack}`)).toMatchObject({ status: 400 });
    expect(await ask('EXISTS TABLE evil')).toBe('0');
    const far = `/*${' '.repeat(70_000)}*/`;
    const files: [string, string?][] = [
      [`INSERT INTO ${name} FROM INFILE '/etc/hostname' FORMAT TSV`],
      [`INSERT INTO ${name} FROM\u200bINFILE '/etc/hostname' FORMAT TSV`],
      [`INSERT INTO ${name} VALUES`, "(file('/etc/hostname'))"],
      [`INSERT INTO ${name} VALUES ((SELECT * FROM \`file\`('/etc/hostname', 'LineAsString')))`],
      [`INSERT INTO ${name} FORMAT Values`, `${far}((SELECT * FROM file('/etc/hostname', 'LineAsString')))`],
      [`INSERT INTO ${name} SELECT * FROM`, " file('/etc/hostname', 'LineAsString')"],
      [`INSERT INTO ${name} SELECT ${far} * FROM file('/etc/hostname', 'LineAsString')`],
    ];
    for (const [query, body] of files) {
      expect(await send(query, body), query).toMatchObject({
        status: 403,
        text: expect.stringContaining('ACCESS_DENIED'),
      });
    }
    expect(await send(`INSERT INTO ${name} VALUES`, "('disk (1); file(2)')")).toMatchObject({ written: '1' });
    expect(await ask(`SELECT s FROM ${name} WHERE s NOT IN ('b', '', '${attack}')`)).toBe('disk (1); file(2)');
  });
});

it('that a kill interrupts leaves rows behind only until the next start', async () => {
  try {
    const data = join(folder, 'killed');
    const start = async (): ReturnType<typeof startEmbeddedClickHouse> =>
      startEmbeddedClickHouse({ path: data, port: 0, entry: builtFile('embedded/clickhouse/main.js') });
    const first = await start();
    await post(
      first.url,
      'CREATE TABLE t (id UInt64, slow UInt8 DEFAULT sleepEachRow(1)) ENGINE = MergeTree ORDER BY id',
    );
    const cut = post(`${first.url}/?query=INSERT+INTO+t+(id)+FORMAT+CSV`, '1\n2\n').catch(() => 'cut off');
    await expect.poll(async () => readdir(join(data, 'incoming')), { interval: 5 }).toHaveLength(1);
    process.kill(first.pid, 'SIGKILL');
    expect([await cut, await first.exited]).toEqual(['cut off', { code: null, signal: 'SIGKILL' }]);
    expect(await readdir(join(data, 'incoming'))).toHaveLength(1);
    const second = await start();
    expect(await readdir(join(data, 'incoming'))).toEqual([]);
    expect(await post(second.url, 'SELECT count() FROM t')).toMatchObject({ text: '0\n' });
    await second.stop(5_000);
  } finally {
  }
});
