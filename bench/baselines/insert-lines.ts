import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { splitLines } from '../../src/auth0/export-download.js';
import { createBlock } from '../../src/clickhouse/block.js';
import { fileOf } from './block-file.js';
import { RESOURCE } from './source.js';
import type { BaselineSpec } from './spec.js';

/**
 * Inserts rows that lie in a file as lines of JSON: read a block, insert it, and again, as safely as the worker does. What
 * any program does that has the rows and no encoding of its own.
 */
export async function insertLines(spec: BaselineSpec, client: ClickHouseClient): Promise<{ rows: number }> {
  const resource = RESOURCE[spec.resource];
  const rowsPerInsert = spec.resource === 'users' ? spec.rowsPerInsert : spec.pagesPerInsert * 100;
  const { columns } = createBlock(resource).body({ tenant: spec.tenant, runId: '' });
  const query = `INSERT INTO ${spec.database}.${resource.table} (${columns.join(', ')}) FORMAT JSONCompactEachRow`;
  let inserted = 0;
  let block: string[] = [];
  const flush = async (round: number): Promise<void> => {
    if (block.length === 0) return;
    const body = Buffer.from(block.join('\n'));
    const rows = String(block.length);
    const content = createHash('sha256').update(body).digest('hex');
    const answer = await client.exec({
      query,
      values: Readable.from([body], { objectMode: false }),
      clickhouse_settings: {
        insert_deduplication_token: `${round}:${content}`,
        async_insert: 0,
        wait_end_of_query: 1,
        max_insert_block_size: rows,
        min_insert_block_size_rows: rows,
      },
    });
    for await (const _ of answer.stream);
    inserted += block.length;
    block = [];
  };
  for (let round = 0; round < spec.repeat; round++) {
    for await (const batch of splitLines(createReadStream(fileOf(spec), { highWaterMark: 1 << 20 }))) {
      for (const line of batch) {
        block.push(line);
        if (block.length === rowsPerInsert) await flush(round);
      }
    }
    await flush(round);
  }
  return { rows: inserted };
}
