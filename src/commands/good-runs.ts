import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { tablesOf } from '../clickhouse/client.js';
import { createStatements } from '../clickhouse/statements.js';
import type { ScheduleName } from '../contracts/names.js';

const goodRow = z.object({
  tenant: z.string(),
  schedule: z.string(),
  ended: z.coerce.number(),
});

/** When a tenant's copy last came to a good end in a way that a schedule asks for, ms since 1970; null: never. */
export type GoodRuns = (tenant: string, schedule: ScheduleName) => number | null;

/**
 * Reads from the ledger when each schedule's work was last done well, by whomever it was started: a full snapshot of
 * users also brings what has changed, not the other way round. Throws ExtractError.
 */
export async function readGoodRuns(client: ClickHouseClient, database: string, timeoutMs = 5_000): Promise<GoodRuns> {
  const query = `SELECT tenant, if(mode = 'users-changed', 'users-changed', resource) AS schedule,
      toUnixTimestamp64Milli(max(assumeNotNull(ended_at))) AS ended
    FROM ${tablesOf(database)('pipeline_runs')}
    WHERE status = 'completed' AND ended_at IS NOT NULL
    GROUP BY tenant, schedule`;
  const rows = await createStatements(client).select(goodRow, query, {}, { timeoutMs });
  const ends = new Map(rows.map((row) => [`${row.tenant}/${row.schedule}`, row.ended]));
  return (tenant, schedule) => {
    const own = ends.get(`${tenant}/${schedule}`) ?? null;
    const snapshot = schedule === 'users-changed' ? (ends.get(`${tenant}/users`) ?? null) : null;
    return own === null || snapshot === null ? (own ?? snapshot) : Math.max(own, snapshot);
  };
}
