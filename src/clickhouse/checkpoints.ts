import { z } from 'zod';
import type { ResourceName } from '../contracts/names.js';
import { tablesOf } from './client.js';
import { instant } from './instant.js';
import type { Statements } from './statements.js';

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
  /** Logs: where the run that wrote it began, and what it has stored since. */
  run?: {
    /** Position; {@link OLDEST} or an ISO 8601 instant where there was none. */
    from: string;
    /** Newest log held then, and its date; '' where there was none. */
    fromId: string;
    fromDate: string | null;
    rows: number;
    /** Oldest date among the rows, ISO 8601; null where they have none. */
    since: string | null;
  };
  /** Logs: what lies a little behind the newest one was read for the last time, and nothing more is expected there. */
  settled?: boolean;
  /** How long ago it was written, by the server's clock, ms. Read only. */
  ageMs?: number;
}

/** Checkpoints as runs read and write them. All throw ExtractError. */
export interface CheckpointStore {
  readCheckpoint(tenant: string, resource: ResourceName): Promise<Checkpoint | null>;
  writeCheckpoint(checkpoint: Checkpoint): Promise<void>;
}

const number = z.coerce.number();
/** A row of `pipeline_checkpoints`, its instants as text. */
export const checkpointRow = z.object({
  epoch: number,
  block: number,
  run_id: z.string(),
  cursor: z.string(),
  last_id: z.string(),
  last_date: instant.nullable(),
  snapshot_at: instant.nullable(),
  rows_held: number,
  overlap_refused: z.boolean(),
  imported: z.boolean(),
});
const storedRow = checkpointRow.extend({
  run_from: z.string(),
  run_from_id: z.string(),
  run_from_date: instant.nullable(),
  run_rows: number,
  run_since: instant.nullable(),
  settled: z.boolean(),
  age_ms: number,
});

/** The checkpoints of one destination. */
export function createCheckpointStore({ select, insert }: Statements, database: string): CheckpointStore {
  const table = tablesOf(database);
  return {
    async readCheckpoint(tenant, resource) {
      const [row] = await select(
        storedRow,
        `SELECT epoch, block, run_id, cursor, last_id, rows_held, overlap_refused, imported, settled,
                run_from, run_from_id, toString(run_from_date) AS run_from_date, run_rows, toString(run_since) AS run_since,
                dateDiff('millisecond', written_at, now64(3)) AS age_ms,
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
        run_from: from,
        run_from_id: fromId,
        run_from_date: fromDate,
        run_rows: rows,
        run_since: since,
        age_ms: ageMs,
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
        ageMs,
        ...(from !== '' && { run: { from, fromId, fromDate, rows, since } }),
        ...rest,
      };
    },

    writeCheckpoint: (checkpoint) =>
      insert(table('_pipeline_checkpoints'), [
        {
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
          run_from: checkpoint.run?.from ?? '',
          run_from_id: checkpoint.run?.fromId ?? '',
          run_from_date: checkpoint.run?.fromDate ?? null,
          run_rows: checkpoint.run?.rows ?? 0,
          run_since: checkpoint.run?.since ?? null,
          settled: checkpoint.settled ?? false,
        },
      ]),
  };
}
