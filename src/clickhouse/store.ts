import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { ResourceName } from '../contracts/names.js';
import type { ResourceResult, RunState } from '../contracts/types.js';
import { resources } from '../resources/index.js';
import { identifier } from './client.js';
import { classifyClickHouseError } from './errors.js';

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
}

/** Reads and writes the pipeline's own tables. All throw ExtractError. */
export interface PipelineStore {
  readCheckpoint(tenant: string, resource: ResourceName): Promise<Checkpoint | null>;
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Distinct keys in a resource's storage table, deleted ones included. */
  countHeld(tenant: string, resource: ResourceName): Promise<number>;
  /** Whether a log is held; the date makes it a look-up by the primary key. */
  holdsLog(tenant: string, logId: string, date: string | null): Promise<boolean>;
  /** The newest log held by id, or null in an empty table. */
  newestLog(tenant: string): Promise<{ logId: string; date: string } | null>;
  writeRun(state: RunState, result: ResourceResult | null): Promise<void>;
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
});

/** The store of one destination. */
export function createPipelineStore(client: ClickHouseClient, database: string): PipelineStore {
  const table = (name: string) => `${identifier(database)}.${identifier(name)}`;

  const select = async <T>(row: z.ZodType<T>, query: string, parameters: Record<string, unknown>): Promise<T[]> => {
    try {
      const answer = await client.query({ query, format: 'JSONEachRow', query_params: parameters });
      return z.array(row).parse(await answer.json());
    } catch (error) {
      throw classifyClickHouseError(error);
    }
  };
  const insert = async (name: string, values: Record<string, unknown>): Promise<void> => {
    try {
      await client.insert({
        table: table(name),
        values: [values],
        format: 'JSONEachRow',
        clickhouse_settings: { async_insert: 0, wait_end_of_query: 1 },
      });
    } catch (error) {
      throw classifyClickHouseError(error);
    }
  };

  return {
    async readCheckpoint(tenant, resource) {
      const [row] = await select(
        checkpointRow,
        `SELECT epoch, block, run_id, cursor, last_id, rows_held,
                toString(last_date) AS last_date, toString(snapshot_at) AS snapshot_at
         FROM ${table('pipeline_checkpoints')}
         WHERE tenant = {tenant:String} AND resource = {resource:String}`,
        { tenant, resource },
      );
      if (!row) return null;
      const { run_id: runId, last_id: lastId, last_date, snapshot_at, rows_held: rowsHeld, ...rest } = row;
      return { tenant, resource, runId, lastId, lastDate: last_date, snapshotAt: snapshot_at, rowsHeld, ...rest };
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
