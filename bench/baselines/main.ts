import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { type Block, createBlock, type LoadContext } from '../../src/clickhouse/block.js';
import { insertBlock } from '../../src/clickhouse/insert.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { readUse } from '../parts/process-use.js';
import { createBlockFile, fileOf, readBlockFile } from './block-file.js';
import { insertLines } from './insert-lines.js';
import { batchesOf, fetchAll, openApi, type Position, RESOURCE } from './source.js';
import { type BaselineSpec, specSchema } from './spec.js';

/** What a baseline has done. */
interface Work {
  rows: number;
  [metric: string]: number;
}

/** Where rows go: one insert, and the waits for it. */
type Sink = (block: Pick<Block, 'resource' | 'rows' | 'body'>) => Promise<void>;

async function main(): Promise<void> {
  const spec = specSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
  const destination = {
    url: spec.clickhouseUrl,
    database: spec.database,
    username: 'default',
    password: '',
    cluster: null,
  };
  const client = openClickHouse(destination);
  if (spec.kind !== 'fetch') await migrate(client, destination);
  if (spec.kind === 'poll') return poll(spec, client);
  const cpuBefore = readUse('self').cpuSeconds ?? 0;
  const start = performance.now();
  const { rows, ...metrics } = await work(spec, client);
  const seconds = (performance.now() - start) / 1000;
  const { peakMb, cpuSeconds } = readUse('self');
  const use = { peakMb, cpuSeconds: cpuSeconds === null ? null : cpuSeconds - cpuBefore };
  const result = { event: 'result', metrics: { ...metrics, rows, seconds, rowsPerSecond: rows / seconds }, use };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  await client.close();
}

function work(spec: BaselineSpec, client: ClickHouseClient): Promise<Work> {
  switch (spec.kind) {
    case 'loop':
    case 'overlap':
    case 'poll':
      return copy(spec, inserter(spec, client), { cursor: null });
    case 'fetch':
      return fetchOnly(spec);
    case 'insert':
      return spec.form === 'json' ? insertLines(spec, client) : insertOnly(spec, client);
    case 'prepare':
      return prepare(spec, client);
  }
}

/** Fetch, insert, and again. With `overlap` one block is stored while the next is fetched. */
async function copy(spec: BaselineSpec, store: Sink, position: Position): Promise<Work> {
  const api = openApi(spec);
  const resource = RESOURCE[spec.resource];
  const load = contextOf(spec);
  let block = createBlock(resource);
  let spare: Block | undefined;
  let inFlight: Promise<void> = Promise.resolve();
  let [rows, pages] = [0, 0];
  const flush = async (): Promise<void> => {
    rows += block.rows;
    const full = block;
    await inFlight;
    block = spare ?? createBlock(resource);
    block.clear();
    inFlight = store(full);
    spare = full;
    // It is thrown by the next flush; until then it must not count as unhandled.
    inFlight.catch(() => {});
    if (spec.kind !== 'overlap') await inFlight;
  };
  for await (const records of batchesOf(api, spec, position)) {
    block.add(records, { ...load, fetchedAt: Date.now() });
    pages++;
    const isFull = spec.resource === 'users' ? block.rows >= spec.rowsPerInsert : pages % spec.pagesPerInsert === 0;
    if (isFull) await flush();
  }
  await flush();
  await inFlight;
  return { rows, requests: api.requests() };
}

async function fetchOnly(spec: BaselineSpec): Promise<Work> {
  const api = openApi(spec);
  const characters = await fetchAll(api, spec);
  // Counted by whoever knows how many there are.
  return { rows: 0, characters, requests: api.requests() };
}

/** Blocks that lie ready just as the worker sends them. */
async function insertOnly(spec: BaselineSpec, client: ClickHouseClient): Promise<Work> {
  const resource = RESOURCE[spec.resource];
  const { columns } = createBlock(resource).body(contextOf(spec));
  let inserted = 0;
  for (let round = 0; round < spec.repeat; round++) {
    const store = inserter({ ...spec, tenant: `${spec.tenant}-${round}` }, client);
    for await (const { rows, body } of readBlockFile(fileOf(spec))) {
      await store({ resource, rows, body: () => ({ columns, pieces: [body] }) });
      inserted += rows;
    }
  }
  return { rows: inserted };
}

/** Writes the rows in the form that the worker sends, and as the engine writes them as lines of JSON. */
async function prepare(spec: BaselineSpec, client: ClickHouseClient): Promise<Work> {
  const scratch = `${spec.database}.scratch`;
  const table = `${spec.database}.${RESOURCE[spec.resource].table}`;
  await client.command({ query: `CREATE TABLE ${scratch} AS ${table} ENGINE = Memory` });
  const blocks = createBlockFile(fileOf({ ...spec, form: 'native' }));
  const lines = createWriteStream(fileOf({ ...spec, form: 'json' }));
  const store = async (block: Pick<Block, 'resource' | 'rows' | 'body'>): Promise<void> => {
    const { resource, rows } = block;
    if (rows === 0) return;
    const body = block.body(contextOf(spec));
    await blocks.write(rows, body.pieces);
    const same = { resource: { ...resource, table: 'scratch' }, rows, body: () => body };
    await insertBlock(client, spec.database, same, { ...contextOf(spec), serverStart: 0 });
    const query = `SELECT ${body.columns.join(', ')} FROM ${scratch}`;
    const answer = await client.query({ query, format: 'JSONCompactEachRow' });
    if (!lines.write(await answer.text())) await once(lines, 'drain');
    await client.command({ query: `TRUNCATE TABLE ${scratch}` });
  };
  const { rows } = await copy(spec, store, { cursor: null });
  await blocks.close();
  lines.end();
  await once(lines, 'close');
  return { rows };
}

/** A cron job without Temporal: the same loop every second, going on where it stood. */
async function poll(spec: BaselineSpec, client: ClickHouseClient): Promise<void> {
  const position: Position = { cursor: null };
  const store = inserter(spec, client);
  process.stdout.write(`${JSON.stringify({ event: 'polling' })}\n`);
  for (;;) {
    const start = performance.now();
    await copy({ ...spec, kind: 'loop' }, store, position);
    await sleep(Math.max(0, 1000 - (performance.now() - start)));
  }
}

function inserter(spec: BaselineSpec, client: ClickHouseClient): Sink {
  const load = { ...contextOf(spec), serverStart: 0 };
  return async (block) => {
    await insertBlock(client, spec.database, block, load);
  };
}

function contextOf(spec: BaselineSpec): LoadContext {
  const { tenant } = spec;
  return { tenant, runId: `bench-${tenant}`, tombstones: new Map(), fetchedAt: 0 };
}

await main();
