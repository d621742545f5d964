import { readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { identifier } from './client.js';

/**
 * Fills `log_types` (code, event, category, description) from log-types.csv. The table is a dictionary to join with,
 * never a check: a code that it does not know loads like any other. Rewritten only when the file has other rows.
 */
export async function loadLogTypes(client: ClickHouseClient, database: string): Promise<void> {
  const csv = await readFile(new URL('log-types.csv', import.meta.url), 'utf8');
  const table = `${identifier(database)}._log_types`;
  const answer = await client.query({ query: `SELECT count() AS n FROM ${table} FINAL`, format: 'JSONEachRow' });
  const [row] = await answer.json<{ n: string }>();
  const lines = csv.trim().split('\n').length - 1;
  if (row !== undefined && Number(row.n) >= lines) return;
  await client.command({
    query: `INSERT INTO ${table} SETTINGS async_insert = 0 FORMAT CSVWithNames\n${csv}`,
  });
}
