import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { tablesOf } from '../clickhouse/client.js';
import { createStatements } from '../clickhouse/statements.js';
import { isResourceName, type ResourceName } from '../contracts/names.js';
import { resources } from '../resources/index.js';

/** What the destination says about the copy of one resource. Times are ms since 1970; null: never. */
export interface CopyState {
  tenant: string;
  resource: ResourceName;
  rows: number;
  gaps: number;
  /** What the position of the logs points at; null for other resources. */
  cursorAt: number | null;
  /** When the last completed run began and ended. */
  goodBegan: number | null;
  goodEnded: number | null;
  /** When the first run began. */
  firstRun: number | null;
}

/** A metric is worth no more: the answer must come before Prometheus gives up (10 s by default). */
const TIMEOUT_MS = 5_000;

const instant = z.coerce.number().transform((ms) => (ms > 0 ? ms : null));
const stateRow = z.object({
  tenant: z.string(),
  resource: z.string().refine(isResourceName),
  row_count: z.coerce.number(),
  gaps: z.coerce.number(),
  cursor_at: instant,
  good_began: instant,
  good_ended: instant,
  first_run: instant,
});

/**
 * Reads the state of every resource of these tenants in one statement, from the pipeline's own small tables and the
 * primary key of the large ones. Throws ExtractError.
 */
export async function readCopyState(
  client: ClickHouseClient,
  database: string,
  tenants: readonly string[],
  wanted: readonly ResourceName[],
): Promise<CopyState[]> {
  const rows = await createStatements(client).select(
    stateRow,
    stateQuery(database, wanted),
    { tenants: [...tenants], resources: [...wanted] },
    { timeoutMs: TIMEOUT_MS, settings: { max_execution_time: TIMEOUT_MS / 1000 } },
  );
  return rows.map((row) => ({
    tenant: row.tenant,
    resource: row.resource,
    rows: row.row_count,
    gaps: row.gaps,
    cursorAt: row.cursor_at,
    goodBegan: row.good_began,
    goodEnded: row.good_ended,
    firstRun: row.first_run,
  }));
}

/** One branch a source, added up: nothing is joined, and a resource without any row has a line of zeros. */
function stateQuery(database: string, wanted: readonly ResourceName[]): string {
  const table = tablesOf(database);
  const mine = 'tenant IN {tenants:Array(String)}';
  const ours = `${mine} AND resource IN {resources:Array(String)}`;
  const held = wanted.map(
    (
      name,
    ) => `SELECT tenant, '${name}' AS resource, count() AS row_count, 0 AS gaps, 0 AS cursor_at, 0 AS good_began, 0 AS good_ended, 0 AS first_run
    FROM ${table(resources[name].table)} WHERE ${mine} GROUP BY tenant`,
  );
  // Without FINAL, which would merge the whole ledger: a completed run's row is its last one.
  return `SELECT tenant, resource, sum(row_count) AS row_count, sum(gaps) AS gaps, max(cursor_at) AS cursor_at,
    max(good_began) AS good_began, max(good_ended) AS good_ended, max(first_run) AS first_run
  FROM (
    SELECT arrayJoin({tenants:Array(String)}) AS tenant, arrayJoin({resources:Array(String)}) AS resource,
      0 AS row_count, 0 AS gaps, 0 AS cursor_at, 0 AS good_began, 0 AS good_ended, 0 AS first_run
    UNION ALL ${held.join('\n    UNION ALL ')}
    UNION ALL SELECT tenant, resource, 0, count(), 0, 0, 0, 0
    FROM ${table('pipeline_gaps')} WHERE ${ours} AND NOT refilled AND acknowledged_at IS NULL GROUP BY tenant, resource
    UNION ALL SELECT tenant, resource, 0, 0, toUnixTimestamp64Milli(max(coalesce(last_date, toDateTime64(0, 3, 'UTC')))), 0, 0, 0
    FROM ${table('pipeline_checkpoints')} WHERE ${ours} GROUP BY tenant, resource
    UNION ALL SELECT tenant, resource, 0, 0, 0,
      toUnixTimestamp64Milli(maxIf(started_at, status = 'completed')),
      toUnixTimestamp64Milli(maxIf(coalesce(ended_at, started_at), status = 'completed')),
      toUnixTimestamp64Milli(min(started_at))
    FROM ${table('_pipeline_runs')} WHERE ${ours} GROUP BY tenant, resource
  )
  GROUP BY tenant, resource ORDER BY tenant, resource`;
}
