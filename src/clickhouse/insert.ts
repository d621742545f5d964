import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Block, LoadContext } from './block.js';
import { identifier } from './client.js';
import type { DestinationFacts } from './identity.js';
import { classifyClickHouseError } from './errors.js';

/** What an insert is told beside its rows. */
export interface InsertContext extends Pick<LoadContext, 'tenant' | 'runId'> {
  /** See {@link DestinationFacts}. */
  serverStart: DestinationFacts['serverStart'];
}

/**
 * Inserts a block in one statement and waits until it is stored. The deduplication token is made from the content, so
 * that a retry after a lost answer is dropped by the server while other content never is; the run is part of it, so
 * that a later run can bring back rows which somebody has deleted, and the start of the server, which can have noted a
 * token and lost its rows in a crash. Returns the bytes that were sent. Throws ExtractError.
 */
export async function insertBlock(
  client: ClickHouseClient,
  database: string,
  block: Pick<Block, 'resource' | 'rows' | 'body'>,
  load: InsertContext,
): Promise<number> {
  const { resource, rows } = block;
  if (rows === 0) return 0;
  const { columns, pieces } = block.body(load);
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  const content = hash.digest('hex').slice(0, 32);
  try {
    const answer = await client.exec({
      query: `INSERT INTO ${identifier(database)}.${identifier(resource.table)} (${columns.map(identifier).join(', ')}) FORMAT Native`,
      values: Readable.from(pieces, { objectMode: false }),
      clickhouse_settings: {
        insert_deduplication_token: `v1:${resource.table}:${load.tenant}:${load.runId}:${load.serverStart}:${content}`,
        async_insert: 0,
        wait_end_of_query: 1,
        // One block, so that all rows of the statement are stored or none.
        max_insert_block_size: String(rows),
        min_insert_block_size_rows: String(rows),
        log_comment: `auth0-clickhouse ${load.tenant} ${resource.name} ${load.runId}`,
      },
    });
    // Over HTTP the connection is free again only when the answer has been read.
    for await (const _ of answer.stream);
    return pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  } catch (error) {
    throw classifyClickHouseError(error);
  }
}
