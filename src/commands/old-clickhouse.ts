import { checkIsClickHouse, openClickHouse } from '../clickhouse/client.js';
import { ExtractError } from '../contracts/errors.js';
import type { Config } from '../config/config.js';
import { reach } from './context.js';

/** A question for a version is answered at once, or something else is wrong, which others tell. */
const TIMEOUT_MS = 3_000;

/**
 * Throws ExtractError (DestinationTooOld) where the destination is a server that is too old. Whatever else is wrong with
 * it is told by whoever asks it next, in the words of its command.
 */
export async function refuseOldClickHouse(config: Config): Promise<void> {
  const { clickhouse } = reach(config);
  if (clickhouse === null) return;
  // Without the database: a server that does not have it yet would answer this question with an error, too.
  const client = openClickHouse({ ...config.clickhouse, url: clickhouse.url }, { timeoutMs: TIMEOUT_MS });
  try {
    await checkIsClickHouse(client, clickhouse.url);
  } catch (error) {
    if (error instanceof ExtractError && error.kind === 'DestinationTooOld') throw error;
  } finally {
    await client.close();
  }
}
