import { readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { tablesOf } from './client.js';
import { createStatements } from './statements.js';

/**
 * Fills `log_types` (code, event, category, description) from log-types.csv. The table is a dictionary to join with,
 * never a check: a code that it does not know loads like any other. Rewritten only when the file has other rows.
 * Throws ExtractError.
 */
export async function loadLogTypes(client: ClickHouseClient, database: string): Promise<void> {
  const csv = await readFile(new URL('log-types.csv', import.meta.url), 'utf8');
  const { select, write } = createStatements(client);
  const table = tablesOf(database)('_log_types');
  const [row] = await select(z.object({ n: z.coerce.number() }), `SELECT count() AS n FROM ${table} FINAL`);
  const lines = csv.trim().split('\n').length - 1;
  if (row !== undefined && row.n >= lines) return;
  await write(`INSERT INTO ${table} FORMAT CSVWithNames\n${csv}`);
}
