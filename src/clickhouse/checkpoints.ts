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

/** The checkpoints of one destination. */
export function createCheckpointStore({ select, insert }: Statements, database: string): CheckpointStore {
  const table = tablesOf(database);
  return {
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
        },
      ]),
  };
}
