import { z } from 'zod';
import type { Gap } from '../auth0/paging/pager.js';
import type { ResourceName } from '../contracts/names.js';
import type { ResourceResult, RunState } from '../contracts/types.js';
import { tablesOf } from './client.js';
import { instant } from './instant.js';
import type { Statements } from './statements.js';

/** The ids that a run has seen are dropped after 7 days: those of a run that began in these are all there. */
const SEEN_IDS_KEPT_DAYS = 6;

/** The ledger: what runs did, and what could not be read. All throw ExtractError. */
export interface RunLedger {
  /** When the last completed run of a resource began, ms since 1970, backfills left out; null where there is none. */
  lastCompleted(tenant: string, resource: ResourceName): Promise<number | null>;
  /** The last completed run before `epoch` that read all of a resource, some days back at most; null: there is none. */
  lastSnapshot(tenant: string, resource: ResourceName, epoch: number): Promise<string | null>;
  /** Error kinds of the last runs that came to an end of their own, the newest first; '' for one that ended well. */
  lastEnds(tenant: string, resource: ResourceName, limit: number): Promise<string[]>;
  /** Records an interval that could not be read. Writing it again replaces it. */
  writeGap(tenant: string, resource: ResourceName, runId: string, gap: Gap): Promise<void>;
  writeRun(state: RunState, result: ResourceResult | null): Promise<void>;
  /**
   * Marks earlier runs of the resource that never wrote their end (terminated, or lost with their server). A backfill
   * looks for those of its own interval only, and no other run for backfills: they have locks of their own.
   */
  closeAbandonedRuns(state: RunState): Promise<void>;
}

const acknowledgement = z.object({
  acknowledged_at: instant.nullable(),
  acknowledged_by: z.string(),
  note: z.string(),
});
const NOBODY: z.infer<typeof acknowledgement> = { acknowledged_at: null, acknowledged_by: '', note: '' };

/** The ledger of one destination. */
export function createRunLedger({ select, insert, write }: Statements, database: string): RunLedger {
  const table = tablesOf(database);
  return {
    async lastCompleted(tenant, resource) {
      const [row] = await select(
        z.object({ ms: z.coerce.number() }),
        `SELECT toUnixTimestamp64Milli(max(started_at)) AS ms FROM ${table('pipeline_runs')}
         WHERE tenant = {tenant:String} AND resource = {resource:String} AND status = 'completed'
           AND mode != 'logs-backfill'`,
        { tenant, resource },
      );
      return row && row.ms > 0 ? row.ms : null;
    },

    async lastSnapshot(tenant, resource, epoch) {
      const [row] = await select(
        z.object({ run_id: z.string() }),
        `SELECT run_id FROM ${table('pipeline_runs')}
         WHERE tenant = {tenant:String} AND resource = {resource:String} AND status = 'completed'
           AND mode != 'users-changed' AND started_at < fromUnixTimestamp64Milli({epoch:Int64})
           AND started_at > fromUnixTimestamp64Milli({epoch:Int64}) - INTERVAL ${SEEN_IDS_KEPT_DAYS} DAY
         ORDER BY started_at DESC LIMIT 1`,
        { tenant, resource, epoch },
      );
      return row?.run_id ?? null;
    },

    async lastEnds(tenant, resource, limit) {
      const rows = await select(
        z.object({ error_kind: z.string() }),
        `SELECT error_kind FROM ${table('pipeline_runs')}
         WHERE tenant = {tenant:String} AND resource = {resource:String}
           AND status IN ('completed', 'failed', 'unavailable')
         ORDER BY started_at DESC, run_id DESC LIMIT {limit:UInt32}`,
        { tenant, resource, limit },
      );
      return rows.map((row) => row.error_kind);
    },

    async writeGap(tenant, resource, runId, gap) {
      // The same gap found once more stays one that somebody has looked at.
      const [known = NOBODY] = await select(
        acknowledgement,
        `SELECT toString(acknowledged_at) AS acknowledged_at, acknowledged_by, note FROM ${table('pipeline_gaps')}
         WHERE tenant = {tenant:String} AND resource = {resource:String} AND gap_from = {from:String}
           AND gap_to = {to:String}`,
        { tenant, resource, from: gap.from, to: gap.to },
      );
      await insert(table('_pipeline_gaps'), [
        {
          tenant,
          resource,
          gap_from: gap.from,
          gap_to: gap.to,
          from_date: gap.fromDate,
          to_date: gap.toDate,
          reason: gap.reason,
          run_id: runId,
          ...known,
          version: Date.now(),
        },
      ]);
    },

    async closeAbandonedRuns({ tenant, resource, runId, mode, firstCursor }) {
      const sameLock =
        mode === 'logs-backfill'
          ? `mode = 'logs-backfill' AND first_cursor = {interval:String}`
          : `mode != 'logs-backfill'`;
      const abandoned = `tenant = {tenant:String} AND resource = {resource:String} AND status = 'running' AND run_id != {runId:String} AND ${sameLock}`;
      const parameters = { tenant, resource, runId, interval: firstCursor ?? '' };
      const [found] = await select(
        z.object({ n: z.coerce.number() }),
        `SELECT count() AS n FROM ${table('pipeline_runs')} WHERE ${abandoned}`,
        parameters,
      );
      if (!found || found.n === 0) return;
      // The subquery: in one SELECT the WHERE would see the replaced status.
      await write(
        `INSERT INTO ${table('_pipeline_runs')}
          SELECT * REPLACE ('terminated' AS status, now64(3) AS ended_at, 1 AS version)
          FROM (SELECT * FROM ${table('pipeline_runs')} WHERE ${abandoned})`,
        parameters,
      );
    },

    writeRun: (state, result) => insert(table('_pipeline_runs'), [ledgerRow(state, result)]),
  };
}

/** The ledger's row of a run; `result` is null while it goes on. */
function ledgerRow(state: RunState, result: ResourceResult | null): Record<string, unknown> {
  const { pages, rows, requests, malformed, redacted } = result ?? state.counts;
  return {
    tenant: state.tenant,
    resource: state.resource,
    run_id: state.runId,
    mode: state.mode,
    status: result?.status ?? 'running',
    pages,
    rows,
    requests,
    malformed,
    redacted,
    lost: result?.lost ?? state.lost ?? 0,
    gaps: state.gaps,
    visible: result?.visible ?? null,
    deleted: result?.deleted ?? 0,
    deletes_waiting: result?.deletesWaiting ?? 0,
    reconciled: reconciledWord(result),
    first_cursor: state.firstCursor ?? '',
    last_cursor: result?.cursor ?? '',
    started_at: new Date(state.epoch).toISOString(),
    ended_at: result === null ? null : new Date(state.epoch + result.durationMs).toISOString(),
    error_kind: result?.error?.kind ?? '',
    error: result?.error?.message ?? '',
    warnings: result?.warnings ?? state.warnings,
    version: result === null ? 0 : 1,
  };
}

/** Whether the numbers of a run add up; only a run that came to its end can say. */
function reconciledWord(result: ResourceResult | null): string {
  if (result?.status === 'completed') return 'yes';
  return result?.error?.kind === 'NotReconciled' ? 'no' : 'unknown';
}
