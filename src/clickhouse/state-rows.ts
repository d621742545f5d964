import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { RESOURCES } from '../contracts/names.js';
import type { StateCheckpoint, StateGap, TenantState } from '../state/document.js';
import { checkpointRow } from './checkpoints.js';
import { tablesOf } from './client.js';
import { gapRow } from './gap-rows.js';
import { createStatements } from './statements.js';

const resource = z.enum(RESOURCES);

const stateRow = checkpointRow.omit({ imported: true }).extend({ tenant: z.string(), resource });

const stateGap = gapRow.extend({ resource });

/** Reads and writes checkpoints and gaps as a whole. All throw ExtractError. */
export interface StateRows {
  /** The state of these tenants, of all where none is named; by tenant, in the order of their names. */
  read(tenants: readonly string[] | null): Promise<TenantState[]>;
  /** Writes a checkpoint that wins over those before `now` and gives way to those of later runs. */
  writeCheckpoint(tenant: string, checkpoint: StateCheckpoint, runId: string, now: number): Promise<void>;
  writeGaps(tenant: string, gaps: readonly StateGap[], now: number): Promise<void>;
}

/** The state of one destination. */
export function createStateRows(client: ClickHouseClient, database: string): StateRows {
  const { select, insert } = createStatements(client);
  const table = tablesOf(database);

  return {
    async read(tenants) {
      const [checkpoints, gaps] = await Promise.all([
        select(
          stateRow,
          `SELECT tenant, resource, epoch, block, run_id, cursor, last_id, toString(last_date) AS last_date,
             toString(snapshot_at) AS snapshot_at, rows_held, overlap_refused
           FROM ${table('pipeline_checkpoints')} ORDER BY tenant, resource`,
        ),
        select(
          stateGap,
          `SELECT tenant, resource, gap_from, gap_to, toString(from_date) AS from_date, toString(to_date) AS to_date,
             reason, run_id, toString(found_at) AS found_at, refilled,
             toString(acknowledged_at) AS acknowledged_at, acknowledged_by, note
           FROM ${table('pipeline_gaps')} ORDER BY tenant, resource, gap_from`,
        ),
      ]);
      const names = new Set([...checkpoints, ...gaps].map(({ tenant }) => tenant));
      return [...names]
        .filter((name) => tenants === null || tenants.includes(name))
        .toSorted()
        .map((tenant) => ({
          tenant,
          checkpoints: checkpoints.filter((row) => row.tenant === tenant).map((row) => checkpointOf(row)),
          gaps: gaps.filter((row) => row.tenant === tenant).map((row) => gapOf(row)),
        }));
    },

    writeCheckpoint: (tenant, checkpoint, runId, now) =>
      insert(table('_pipeline_checkpoints'), [
        {
          tenant,
          resource: checkpoint.resource,
          epoch: now,
          block: 0,
          run_id: runId,
          cursor: checkpoint.cursor,
          last_id: checkpoint.resource === 'logs' ? checkpoint.lastId : '',
          last_date: checkpoint.resource === 'logs' ? checkpoint.lastDate : null,
          snapshot_at: checkpoint.snapshotAt,
          rows_held: checkpoint.rowsHeld,
          overlap_refused: checkpoint.resource === 'logs' && checkpoint.overlapRefused,
          imported: true,
        },
      ]),

    writeGaps: (tenant, gaps, now) =>
      insert(
        table('_pipeline_gaps'),
        gaps.map((gap) => ({
          tenant,
          resource: gap.resource,
          gap_from: gap.from,
          gap_to: gap.to,
          from_date: gap.fromDate,
          to_date: gap.toDate,
          reason: gap.reason,
          run_id: gap.runId,
          found_at: gap.foundAt,
          refilled: gap.refilled,
          acknowledged_at: gap.acknowledged?.at ?? null,
          acknowledged_by: gap.acknowledged?.by ?? '',
          note: gap.acknowledged?.note ?? '',
          version: now,
        })),
      ),
  };
}

function checkpointOf(row: z.infer<typeof stateRow>): StateCheckpoint {
  const common = {
    epoch: row.epoch,
    block: row.block,
    runId: row.run_id,
    snapshotAt: row.snapshot_at,
    rowsHeld: row.rows_held,
  };
  switch (row.resource) {
    case 'logs':
      return {
        resource: 'logs',
        cursor: row.cursor,
        lastId: row.last_id,
        lastDate: row.last_date,
        overlapRefused: row.overlap_refused,
        ...common,
      };
    case 'users':
      return { resource: 'users', cursor: row.cursor, ...common };
    case 'clients':
      return { resource: 'clients', cursor: '', ...common };
  }
}

function gapOf(row: z.infer<typeof stateGap>): StateGap {
  return {
    resource: row.resource,
    from: row.gap_from,
    to: row.gap_to,
    fromDate: row.from_date,
    toDate: row.to_date,
    reason: row.reason,
    runId: row.run_id,
    foundAt: row.found_at,
    refilled: row.refilled,
    ...(row.acknowledged_at !== null && {
      acknowledged: { at: row.acknowledged_at, by: row.acknowledged_by, note: row.note },
    }),
  };
}
