import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { Gap } from '../auth0/paging/pager.js';
import type { ResourceName } from '../contracts/names.js';
import type { ResourceResult, RunState } from '../contracts/types.js';
import { resources } from '../resources/index.js';
import { identifier } from './client.js';
import { classifyClickHouseError } from './errors.js';
import { createServerStart } from './server-start.js';
import { createLogWindowStore, type LogWindowStore } from './log-window-store.js';

/** The last position that a run has written for a resource. */
export interface Checkpoint {
  tenant: string;
  resource: ResourceName;
  /** Start of the run that wrote it, ms since 1970, and the number of the block in that run: the highest pair wins. */
  epoch: number;
  block: number;
  runId: string;
  /** Logs: the next `from`. Users: the watermark, ISO 8601. */
  cursor: string;
  /** Newest record held, by which the checkpoint is believed; '' where a resource has none. */
  lastId: string;
  lastDate: string | null;
  /** When the last complete snapshot was begun, ISO 8601. */
  snapshotAt: string | null;
  /** Rows in the resource's table when it was written: fewer now means that the table was emptied or restored. */
  rowsHeld: number;
  /** Logs: the tenant takes no synthetic positions, so runs do not look for late events. */
  overlapRefused: boolean;
  /** Given by `state import`: its rows may be somewhere else, and it is believed all the same. */
  imported?: boolean;
}

/** Reads and writes the pipeline's own tables. All throw ExtractError. */
export interface PipelineStore extends LogWindowStore {
  /** When the server was started: see {@link createServerStart}. */
  serverStart(): Promise<number>;
  readCheckpoint(tenant: string, resource: ResourceName): Promise<Checkpoint | null>;
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Distinct keys in a resource's storage table, deleted ones included. */
  countHeld(tenant: string, resource: ResourceName): Promise<number>;
  /** Whether a log is held; the date makes it a look-up by the primary key. */
  holdsLog(tenant: string, logId: string, date: string | null): Promise<boolean>;
  /** The newest log held by id, or null in an empty table. */
  newestLog(tenant: string): Promise<{ logId: string; date: string } | null>;
  /** Which of these logs are held; `sinceDate` (ISO 8601) bounds the look-up by the primary key. */
  heldLogs(tenant: string, logIds: readonly string[], sinceDate: string | null): Promise<Set<string>>;
  /** When the last completed run of a resource began, ms since 1970, backfills left out; null where there is none. */
  lastCompleted(tenant: string, resource: ResourceName): Promise<number | null>;
  /** Error kinds of the last runs that came to an end of their own, the newest first; '' for one that ended well. */
  lastEnds(tenant: string, resource: ResourceName, limit: number): Promise<string[]>;
  /** Logs in the destination that this run has written, each counted once. `sinceDate` as above. */
  countWritten(tenant: string, runId: string, expected: number, sinceDate: string | null): Promise<number>;
  /** Records an interval that could not be read. Writing it again replaces it. */
  writeGap(tenant: string, resource: ResourceName, runId: string, gap: Gap): Promise<void>;
  writeRun(state: RunState, result: ResourceResult | null): Promise<void>;
  /**
   * Marks earlier runs of the resource that never wrote their end (terminated, or lost with their server). A backfill
   * looks for those of its own interval only, and no other run for backfills: they have locks of their own.
   */
  closeAbandonedRuns(state: RunState): Promise<void>;
}

const text = z.string();
const number = z.coerce.number();
/** `2026-01-02 03:04:05.678`, in UTC as all our columns are, as ISO 8601. */
const instant = text.transform((value) => `${value.replace(' ', 'T')}Z`);
const checkpointRow = z.object({
  epoch: number,
  block: number,
  run_id: text,
  cursor: text,
  last_id: text,
  last_date: instant.nullable(),
  snapshot_at: instant.nullable(),
  rows_held: number,
  overlap_refused: z.boolean(),
  imported: z.boolean(),
});

/** The rows replace each other by their keys; a token that outlived its rows in a crash must not hide them. */
const LEDGER_INSERT = { async_insert: 0, wait_end_of_query: 1, insert_deduplicate: 0 } as const;

/** The store of one destination. */
export function createPipelineStore(client: ClickHouseClient, database: string): PipelineStore {
  const table = (name: string) => `${identifier(database)}.${identifier(name)}`;

  const select = async <T>(row: z.ZodType<T>, query: string, parameters: Record<string, unknown>): Promise<T[]> => {
    let body: unknown;
    try {
      const answer = await client.query({ query, format: 'JSONEachRow', query_params: parameters });
      body = await answer.json();
    } catch (error) {
      throw classifyClickHouseError(error);
    }
    return z.array(row).parse(body);
  };
  const insert = async (name: string, values: Record<string, unknown>): Promise<void> => {
    try {
      await client.insert({
        table: table(name),
        values: [values],
        format: 'JSONEachRow',
        clickhouse_settings: LEDGER_INSERT,
      });
    } catch (error) {
      throw classifyClickHouseError(error);
    }
  };

  return {
    ...createLogWindowStore(client, database),
    serverStart: createServerStart(client),

    async readCheckpoint(tenant, resource) {
      const [row] = await select(
        checkpointRow,
        `SELECT epoch, block, run_id, cursor, last_id, rows_held, overlap_refused, imported,
                toString(last_date) AS last_date, toString(snapshot_at) AS snapshot_at
         FROM ${table('pipeline_checkpoints')}
         WHERE tenant = {tenant:String} AND resource = {resource:String}`,
        { tenant, resource },
      );
      if (!row) return null;
      const {
        run_id: runId,
        last_id: lastId,
        last_date,
        snapshot_at,
        rows_held: rowsHeld,
        overlap_refused: overlapRefused,
        ...rest
      } = row;
      return {
        tenant,
        resource,
        runId,
        lastId,
        lastDate: last_date,
        snapshotAt: snapshot_at,
        rowsHeld,
        overlapRefused,
        ...rest,
      };
    },

    writeCheckpoint: (checkpoint) =>
      insert('_pipeline_checkpoints', {
        tenant: checkpoint.tenant,
        resource: checkpoint.resource,
        epoch: checkpoint.epoch,
        block: checkpoint.block,
        run_id: checkpoint.runId,
        cursor: checkpoint.cursor,
        last_id: checkpoint.lastId,
        last_date: checkpoint.lastDate,
        snapshot_at: checkpoint.snapshotAt,
        rows_held: checkpoint.rowsHeld,
        overlap_refused: checkpoint.overlapRefused,
        imported: checkpoint.imported ?? false,
      }),

    async countHeld(tenant, resource) {
      const name = resources[resource].table;
      const [row] = await select(
        z.object({ n: number }),
        `SELECT count() AS n FROM ${table(name)} FINAL WHERE tenant = {tenant:String}`,
        { tenant },
      );
      return row?.n ?? 0;
    },

    async holdsLog(tenant, logId, date) {
      const byDate = date === null ? '' : 'AND date = parseDateTime64BestEffort({date:String}, 3)';
      const rows = await select(
        z.object({ n: number }),
        `SELECT 1 AS n FROM ${table('logs_raw')} WHERE tenant = {tenant:String} AND log_id = {logId:String} ${byDate} LIMIT 1`,
        { tenant, logId, date: date ?? '' },
      );
      return rows.length > 0;
    },

    async newestLog(tenant) {
      const [row] = await select(
        z.object({ log_id: text, date: instant }),
        `SELECT log_id, toString(date) AS date FROM ${table('logs_raw')}
         WHERE tenant = {tenant:String} AND NOT startsWith(log_id, 'sha256:')
         ORDER BY length(log_id) DESC, log_id DESC LIMIT 1`,
        { tenant },
      );
      return row ? { logId: row.log_id, date: row.date } : null;
    },

    async heldLogs(tenant, logIds, sinceDate) {
      if (logIds.length === 0) return new Set();
      const rows = await select(
        z.object({ log_id: text }),
        `SELECT DISTINCT log_id FROM ${table('logs_raw')}
         WHERE tenant = {tenant:String} AND log_id IN {logIds:Array(String)} ${since(sinceDate)}`,
        { tenant, logIds, sinceDate: sinceDate ?? '' },
      );
      return new Set(rows.map((row) => row.log_id));
    },

    async lastCompleted(tenant, resource) {
      const [row] = await select(
        z.object({ ms: number }),
        `SELECT toUnixTimestamp64Milli(max(started_at)) AS ms FROM ${table('pipeline_runs')}
         WHERE tenant = {tenant:String} AND resource = {resource:String} AND status = 'completed'
           AND mode != 'logs-backfill'`,
        { tenant, resource },
      );
      return row && row.ms > 0 ? row.ms : null;
    },

    async lastEnds(tenant, resource, limit) {
      const rows = await select(
        z.object({ error_kind: text }),
        `SELECT error_kind FROM ${table('pipeline_runs')}
         WHERE tenant = {tenant:String} AND resource = {resource:String}
           AND status IN ('completed', 'failed', 'unavailable')
         ORDER BY started_at DESC, run_id DESC LIMIT {limit:UInt32}`,
        { tenant, resource, limit },
      );
      return rows.map((row) => row.error_kind);
    },

    async countWritten(tenant, runId, expected, sinceDate) {
      const from = `FROM ${table('logs_raw')} WHERE tenant = {tenant:String} AND run_id = {runId:String} ${since(sinceDate)}`;
      const parameters = { tenant, runId, sinceDate: sinceDate ?? '' };
      const [rows] = await select(z.object({ n: number }), `SELECT count() AS n ${from}`, parameters);
      if (rows?.n === expected) return expected;
      // A retry after a lost answer may have stored rows twice until they are merged: then the ids decide.
      const [ids] = await select(z.object({ n: number }), `SELECT uniqExact(log_id) AS n ${from}`, parameters);
      return ids?.n ?? 0;
    },

    writeGap: (tenant, resource, runId, gap) =>
      insert('_pipeline_gaps', {
        tenant,
        resource,
        gap_from: gap.from,
        gap_to: gap.to,
        from_date: gap.fromDate,
        to_date: gap.toDate,
        reason: gap.reason,
        run_id: runId,
        version: Date.now(),
      }),

    async closeAbandonedRuns({ tenant, resource, runId, mode, firstCursor }) {
      const sameLock =
        mode === 'logs-backfill'
          ? `mode = 'logs-backfill' AND first_cursor = {interval:String}`
          : `mode != 'logs-backfill'`;
      const abandoned = `tenant = {tenant:String} AND resource = {resource:String} AND status = 'running' AND run_id != {runId:String} AND ${sameLock}`;
      const parameters = { tenant, resource, runId, interval: firstCursor ?? '' };
      const [found] = await select(
        z.object({ n: number }),
        `SELECT count() AS n FROM ${table('pipeline_runs')} WHERE ${abandoned}`,
        parameters,
      );
      if (!found || found.n === 0) return;
      try {
        // The subquery: in one SELECT the WHERE would see the replaced status.
        await client.command({
          query: `INSERT INTO ${table('_pipeline_runs')}
            SELECT * REPLACE ('terminated' AS status, now64(3) AS ended_at, 1 AS version)
            FROM (SELECT * FROM ${table('pipeline_runs')} WHERE ${abandoned})`,
          query_params: parameters,
          clickhouse_settings: LEDGER_INSERT,
        });
      } catch (error) {
        throw classifyClickHouseError(error);
      }
    },

    writeRun: (state, result) => insert('_pipeline_runs', ledgerRow(state, result)),
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

/** Bounds a look-up of logs by the primary key, whose second column is the date. */
function since(date: string | null): string {
  return date === null ? '' : 'AND date >= parseDateTime64BestEffort({sinceDate:String}, 3)';
}
