import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import type { RawRecord } from '../json/page.js';
import { redact } from '../json/redact.js';
import { parseInstant, renderColumns } from '../resources/columns.js';
import type { Resource, VersionContext } from '../resources/resource.js';
import { identifier } from './client.js';
import { classifyClickHouseError } from './errors.js';
import { createRowBuffer, type RowBuffer } from './row-buffer.js';

/** Rows that are ready to be sent: one line of JSONCompactEachRow each, secrets out. */
export interface Block {
  lines: RowBuffer;
  malformed: number;
  redacted: number;
  /** Keys of records that never change: one that a page holds twice is stored and counted once. */
  keys: Set<string>;
  /** Oldest `date` among the records, ms since 1970. */
  oldestDate: number | null;
}

/** What all rows of a run have in common. */
export interface LoadContext extends VersionContext {
  tenant: string;
  runId: string;
  /** Versions of the records that are marked as deleted: one that is seen again lives again. */
  tombstones: ReadonlyMap<string, number>;
}

/** What an insert is told beside its rows. */
export interface InsertContext extends LoadContext {
  /** See {@link createServerStart}. */
  serverStart: number;
}

/** A block without rows. `used`: one that is stored, whose memory it takes over. */
export function emptyBlock(used?: Block): Block {
  used?.lines.clear();
  const lines = used?.lines ?? createRowBuffer();
  return { lines, malformed: 0, redacted: 0, keys: new Set(), oldestDate: null };
}

/**
 * Adds records to a block. `raw` goes in as the record's own text, so that it is kept byte for byte; a record without
 * its key is kept under a digest of its text, and counted as malformed.
 */
export function addRecords(block: Block, resource: Resource, records: readonly RawRecord[], load: LoadContext): void {
  const constants = `${JSON.stringify(load.tenant)},${JSON.stringify(load.runId)}`;
  for (const record of records) {
    const key = rowKey(resource, record);
    if (resource.versionOf === null) {
      if (block.keys.has(key)) continue;
      block.keys.add(key);
    }
    const { text, dropped } = redact(record.raw, resource.redaction);
    const columns = renderColumns(record, resource.columns);
    const version =
      resource.versionOf === null ? '' : `,${versionAbove(resource.versionOf(record, load), load.tombstones.get(key))}`;
    const date = parseInstant(record.value['date']);
    if (date !== undefined) block.oldestDate = Math.min(block.oldestDate ?? date, date);
    block.lines.append(
      `[${constants},${JSON.stringify(key)},${JSON.stringify(dropped)}${version},${columns.json},${text}]`,
    );
    block.malformed += columns.malformed > 0 || resource.keyOf(record) === undefined ? 1 : 0;
    block.redacted += dropped.length;
  }
}

/** The key under which a record is stored: its own, or where it has none a digest of its text. */
export function rowKey(resource: Resource, record: RawRecord): string {
  return resource.keyOf(record) ?? digestKey(record.raw);
}

/** Columns of a resource's table in the order of a block's lines. */
function columnList(resource: Resource): string {
  const version = resource.versionOf === null ? [] : ['version'];
  const names = ['tenant', 'run_id', resource.keyColumn, 'redacted', ...version];
  return [...names, ...resource.columns.map(({ name }) => name), 'raw'].map(identifier).join(', ');
}

/**
 * Inserts a block in one statement and waits until it is stored. The deduplication token is made from the content, so
 * that a retry after a lost answer is dropped by the server while other content never is; the run is part of it, so
 * that a later run can bring back rows which somebody has deleted, and the start of the server, which can have noted a
 * token and lost its rows in a crash. Returns the bytes that were sent. Throws
 * ExtractError.
 */
export async function insertBlock(
  client: ClickHouseClient,
  database: string,
  resource: Resource,
  block: Block,
  load: InsertContext,
): Promise<number> {
  const { rows } = block.lines;
  if (rows === 0) return 0;
  const body = block.lines.bytes();
  const content = createHash('sha256').update(body).digest('hex').slice(0, 32);
  try {
    const answer = await client.exec({
      query: `INSERT INTO ${identifier(database)}.${identifier(resource.table)} (${columnList(resource)}) FORMAT JSONCompactEachRow`,
      values: Readable.from([body], { objectMode: false }),
      clickhouse_settings: {
        insert_deduplication_token: `v1:${resource.table}:${load.tenant}:${load.runId}:${load.serverStart}:${content}`,
        async_insert: 0,
        wait_end_of_query: 1,
        // One block, so that all rows of the statement are stored or none.
        max_insert_block_size: String(rows),
        min_insert_block_size_rows: String(rows),
        input_format_json_read_objects_as_strings: 1,
        log_comment: `auth0-clickhouse ${load.tenant} ${resource.name} ${load.runId}`,
      },
    });
    // Over HTTP the connection is free again only when the answer has been read.
    for await (const _ of answer.stream);
    return body.byteLength;
  } catch (error) {
    throw classifyClickHouseError(error);
  }
}

/** A record that is seen after it was marked as deleted: its version must win, whatever its own `updated_at` says. */
function versionAbove(version: number, tombstone: number | undefined): number {
  return tombstone === undefined ? version : Math.max(version, tombstone + 1);
}

function digestKey(raw: string): string {
  return `sha256:${createHash('sha256').update(raw).digest('hex').slice(0, 32)}`;
}
