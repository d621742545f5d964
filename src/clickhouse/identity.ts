import { randomUUID } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { tablesOf } from './client.js';
import { createStatements } from './statements.js';

/** The server behind the destination, and the database in it. */
export interface DestinationFacts {
  /** When the server was started, by its own clock, seconds since 1970; the same number until it is started again. */
  serverStart: number;
  /** How long ago that was, ms. */
  uptimeMs: number;
  /** Id of the database; null where it has none. */
  id: string | null;
}

const factsRow = z.object({ s: z.coerce.number(), up: z.coerce.number(), id: z.string().nullable() });

/** Codes of a database or table that is not there. */
const NOT_THERE = new Set(['UNKNOWN_TABLE', 'UNKNOWN_DATABASE']);

/**
 * Asks which server and which database the destination is. The function throws ExtractError: OtherDestination where it
 * is none of ours.
 *
 * A server that is killed in an insert can have noted the insert's deduplication token without having kept its rows:
 * MergeTreeSink writes the deduplication log before it commits the part. The retry with the same token would then be
 * dropped without a word, and the rows be lost. So a token counts only for as long as the server lives.
 */
export function createDestinationFacts(client: ClickHouseClient, database: string): () => Promise<DestinationFacts> {
  const { select } = createStatements(client);
  let known: number | undefined;
  return async () => {
    const query = `SELECT toUnixTimestamp(now()) - uptime() AS s, uptime() AS up, ${idOf(database)} AS id`;
    try {
      const [row] = await select(factsRow, query);
      const started = row?.s ?? 0;
      // Both clocks are in whole seconds: the difference goes up and down by one.
      if (known === undefined || Math.abs(started - known) > 1) known = started;
      return { serverStart: known, uptimeMs: (row?.up ?? 0) * 1_000, id: row?.id ?? null };
    } catch (error) {
      if (error instanceof ExtractError && NOT_THERE.has(error.context.code ?? ''))
        throw otherDestination(database, null);
      throw error;
    }
  };
}

function idOf(database: string): string {
  return `(SELECT id FROM ${tablesOf(database)('_database')} ORDER BY made_at, id LIMIT 1)`;
}

/**
 * The id of a database, which gets one where it has none: `expected`, where somebody remembers one, since such a database
 * is empty or of an older version. Throws ExtractError (OtherDestination) where it has another one than expected.
 */
export async function identify(client: ClickHouseClient, database: string, expected: string | null): Promise<string> {
  const { select, insert } = createStatements(client);
  const read = async (): Promise<string | null> => {
    const [row] = await select(z.object({ id: z.string().nullable() }), `SELECT ${idOf(database)} AS id`);
    return row?.id ?? null;
  };
  let id = await read();
  if (id === null) {
    await insert(tablesOf(database)('_database'), [{ id: expected ?? randomUUID() }]);
    // Of several workers that start at once, the first one's holds.
    id = await read();
  }
  if (id === null || (expected !== null && id !== expected)) throw otherDestination(database, id);
  return id;
}

/** What is said where the destination is not the one that was meant. */
export function otherDestination(database: string, id: string | null): ExtractError {
  const found = id === null ? 'it was emptied, or is none of ours' : `its id is ${id}`;
  return new ExtractError('OtherDestination', `The database ${database} is another one than before: ${found}`);
}
