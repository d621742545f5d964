import { createHash } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { tablesOf } from './client.js';
import { instant } from './instant.js';
import { createStatements } from './statements.js';

/** An interval that could not be read, and whether somebody has looked at it. */
export interface ListedGap {
  /** Made from what it is, to name it by on a command line. */
  id: string;
  tenant: string;
  resource: string;
  from: string;
  to: string;
  fromDate: string | null;
  toDate: string | null;
  reason: string;
  runId: string;
  foundAt: string;
  /** `refilled`: a backfill has read it. `acknowledged`: somebody has looked at it. Else it is open. */
  state: 'open' | 'acknowledged' | 'refilled';
  acknowledged: { at: string; by: string; note: string } | null;
}

/** Who has looked at a gap, when, and what they noted. */
export interface Acknowledgement {
  at: Date;
  by: string;
  note: string;
}

/** The gaps of one destination. All throw ExtractError. */
export interface GapRows {
  /** Gaps of these tenants, of all where none is named; the newest first. */
  list(tenants: readonly string[] | null): Promise<ListedGap[]>;
  /** Notes that somebody has looked at a gap; null takes it back. */
  acknowledge(gap: ListedGap, acknowledgement: Acknowledgement | null): Promise<void>;
}

/** A row of `pipeline_gaps`, its instants given as texts. */
export const gapRow = z.object({
  tenant: z.string(),
  resource: z.string(),
  gap_from: z.string(),
  gap_to: z.string(),
  from_date: instant.nullable(),
  to_date: instant.nullable(),
  reason: z.string(),
  run_id: z.string(),
  found_at: instant,
  refilled: z.boolean(),
  acknowledged_at: instant.nullable(),
  acknowledged_by: z.string(),
  note: z.string(),
});

/** The gaps of one destination. */
export function createGapRows(client: ClickHouseClient, database: string): GapRows {
  const { select, write } = createStatements(client);
  const table = tablesOf(database);
  return {
    async list(tenants) {
      const rows = await select(
        gapRow,
        `SELECT tenant, resource, gap_from, gap_to, toString(from_date) AS from_date, toString(to_date) AS to_date, reason,
           run_id, toString(found_at) AS found_at, refilled, toString(acknowledged_at) AS acknowledged_at,
           acknowledged_by, note
         FROM ${table('pipeline_gaps')} ${tenants === null ? '' : 'WHERE tenant IN {tenants:Array(String)}'}
         ORDER BY pipeline_gaps.found_at DESC, tenant, resource, gap_from`,
        { tenants: tenants ?? [] },
      );
      return rows.map((row) => gapOf(row));
    },

    async acknowledge(gap, acknowledgement) {
      // The subquery: in one SELECT the WHERE would see the replaced columns.
      await write(
        `INSERT INTO ${table('_pipeline_gaps')}
          SELECT * REPLACE (
            ${acknowledgement === null ? 'NULL' : `fromUnixTimestamp64Milli({at:Int64}, 'UTC')`} AS acknowledged_at,
            {by:String} AS acknowledged_by, {note:String} AS note, version + 1 AS version)
          FROM (SELECT * FROM ${table('pipeline_gaps')}
            WHERE tenant = {tenant:String} AND resource = {resource:String} AND gap_from = {from:String}
              AND gap_to = {to:String})`,
        {
          tenant: gap.tenant,
          resource: gap.resource,
          from: gap.from,
          to: gap.to,
          at: acknowledgement?.at.getTime() ?? 0,
          by: acknowledgement?.by ?? '',
          note: acknowledgement?.note ?? '',
        },
      );
    },
  };
}

function gapOf(row: z.infer<typeof gapRow>): ListedGap {
  const { tenant, resource, gap_from: from, gap_to: to } = row;
  const acknowledged =
    row.acknowledged_at === null ? null : { at: row.acknowledged_at, by: row.acknowledged_by, note: row.note };
  return {
    id: createHash('sha256').update([tenant, resource, from, to].join('\n')).digest('hex').slice(0, 8),
    tenant,
    resource,
    from,
    to,
    fromDate: row.from_date,
    toDate: row.to_date,
    reason: row.reason,
    runId: row.run_id,
    foundAt: row.found_at,
    state: row.refilled ? 'refilled' : acknowledged === null ? 'open' : 'acknowledged',
    acknowledged,
  };
}
