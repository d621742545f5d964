import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { classifyClickHouseError } from './errors.js';

/**
 * When the ClickHouse server was started, by its own clock, seconds since 1970; the same number until it is started
 * again. The function throws ExtractError.
 *
 * A server that is killed in an insert can have noted the insert's deduplication token without having kept its rows:
 * MergeTreeSink writes the deduplication log before it commits the part. The retry with the same token would then be
 * dropped without a word, and the rows be lost. So a token counts only for as long as the server lives.
 */
export function createServerStart(client: ClickHouseClient): () => Promise<number> {
  let known: number | undefined;
  return async () => {
    const started = await readStart(client);
    // Both clocks are in whole seconds: the difference goes up and down by one.
    if (known === undefined || Math.abs(started - known) > 1) known = started;
    return known;
  };
}

async function readStart(client: ClickHouseClient): Promise<number> {
  let body: unknown;
  try {
    const answer = await client.query({
      query: 'SELECT toUnixTimestamp(now()) - uptime() AS s',
      format: 'JSONEachRow',
    });
    body = await answer.json();
  } catch (error) {
    throw classifyClickHouseError(error);
  }
  const [row] = z.array(z.object({ s: z.coerce.number() })).parse(body);
  return row?.s ?? 0;
}
