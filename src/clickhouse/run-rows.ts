import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { tablesOf } from './client.js';
import { instant } from './instant.js';
import { createStatements } from './statements.js';

/** A run as the ledger has it. */
export interface ListedRun {
  tenant: string;
  resource: string;
  runId: string;
  mode: string;
  status: string;
  startedAt: string;
  /** Null while it goes on. */
  endedAt: string | null;
  pages: number;
  rows: number;
  requests: number;
  malformed: number;
  redacted: number;
  /** Records that were too large to be read. */
  lost: number;
  gaps: number;
  visible: number | null;
  deleted: number;
  deletesWaiting: number;
  /** Whether its numbers add up: yes, no or unknown. */
  reconciled: string;
  firstCursor: string;
  lastCursor: string;
  error: { kind: string; message: string } | null;
  warnings: string[];
}

/** Which runs are meant. */
export interface RunFilter {
  /** Null: of all tenants. */
  tenants: readonly string[] | null;
  resources?: readonly string[] | undefined;
  /** The beginning of a run's id. */
  id?: string | undefined;
  /** Only those that did not end well. */
  failed?: boolean | undefined;
  /** Only those that have ended after this, ms since 1970. */
  endedAfter?: number | undefined;
  limit: number;
}

const number = z.coerce.number();
const runRow = z.object({
  tenant: z.string(),
  resource: z.string(),
  run_id: z.string(),
  mode: z.string(),
  status: z.string(),
  began: instant,
  ended: instant.nullable(),
  pages: number,
  rows: number,
  requests: number,
  malformed: number,
  redacted: number,
  lost: number,
  gaps: number,
  visible: number.nullable(),
  deleted: number,
  deletes_waiting: number,
  reconciled: z.string(),
  first_cursor: z.string(),
  last_cursor: z.string(),
  error_kind: z.string(),
  error: z.string(),
  warnings: z.array(z.string()),
});

/** Reads runs from the ledger, the newest first. Throws ExtractError. */
export async function readRuns(client: ClickHouseClient, database: string, filter: RunFilter): Promise<ListedRun[]> {
  const { tenants, resources, id, failed, endedAfter, limit } = filter;
  const conditions = [
    tenants !== null && 'tenant IN {tenants:Array(String)}',
    resources !== undefined && 'resource IN {resources:Array(String)}',
    id !== undefined && 'startsWith(run_id, {id:String})',
    failed === true && `status NOT IN ('completed', 'running')`,
    endedAfter !== undefined && `ended_at > fromUnixTimestamp64Milli({endedAfter:Int64}, 'UTC')`,
  ].filter((condition) => condition !== false);
  const rows = await createStatements(client).select(
    runRow,
    `SELECT tenant, resource, run_id, mode, status, toString(started_at) AS began, toString(ended_at) AS ended, pages, rows,
       requests, malformed, redacted, lost, gaps, visible, deleted, deletes_waiting, reconciled, first_cursor, last_cursor,
       error_kind, error, warnings
     FROM ${tablesOf(database)('pipeline_runs')}
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     ORDER BY started_at DESC, tenant, resource, run_id LIMIT {limit:UInt32}`,
    { tenants: tenants ?? [], resources: resources ?? [], id: id ?? '', endedAfter: endedAfter ?? 0, limit },
  );
  return rows.map((row) => runOf(row));
}

function runOf(row: z.infer<typeof runRow>): ListedRun {
  const { tenant, resource, mode, status, pages, rows, requests, malformed, redacted, lost, gaps, visible, deleted } =
    row;
  return {
    tenant,
    resource,
    runId: row.run_id,
    mode,
    status,
    startedAt: row.began,
    endedAt: row.ended,
    pages,
    rows,
    requests,
    malformed,
    redacted,
    lost,
    gaps,
    visible,
    deleted,
    deletesWaiting: row.deletes_waiting,
    reconciled: row.reconciled,
    firstCursor: row.first_cursor,
    lastCursor: row.last_cursor,
    error: row.error_kind === '' && row.error === '' ? null : { kind: row.error_kind, message: row.error },
    warnings: row.warnings,
  };
}
