import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { createStatements } from './statements.js';

/**
 * When the ClickHouse server was started, by its own clock, seconds since 1970; the same number until it is started
 * again. The function throws ExtractError.
 *
 * A server that is killed in an insert can have noted the insert's deduplication token without having kept its rows:
 * MergeTreeSink writes the deduplication log before it commits the part. The retry with the same token would then be
 * dropped without a word, and the rows be lost. So a token counts only for as long as the server lives.
 */
export function createServerStart(client: ClickHouseClient): () => Promise<number> {
  const { select } = createStatements(client);
  let known: number | undefined;
  return async () => {
    const [row] = await select(z.object({ s: z.coerce.number() }), 'SELECT toUnixTimestamp(now()) - uptime() AS s');
    const started = row?.s ?? 0;
    // Both clocks are in whole seconds: the difference goes up and down by one.
    if (known === undefined || Math.abs(started - known) > 1) known = started;
    return known;
  };
}
