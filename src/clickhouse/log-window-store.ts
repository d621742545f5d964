import { z } from 'zod';
import type { LogWindow } from '../contracts/log-window.js';
import { tablesOf } from './client.js';
import { datedSince } from './held-rows.js';
import type { Statements } from './statements.js';

/** A gap of the ledger that nobody has filled. */
export interface OpenGap {
  from: string;
  to: string;
}

/** What is asked of the destination because of backfills. All throw ExtractError. */
export interface LogWindowStore {
  /**
   * Distinct logs held from the id `first` to the id `last`, both included. `window`: only those dated within a day of
   * it, which spares reading the whole table.
   */
  countLogsBetween(tenant: string, ids: { first: string; last: string }, window: LogWindow | null): Promise<number>;
  /**
   * Logs that other runs have written since `sinceMs` among those up to the id `lastId`, each counted once. `sinceDate`
   * (ISO 8601) bounds the look-up by the primary key.
   */
  countWrittenByOthers(
    tenant: string,
    run: { runId: string; sinceMs: number; lastId: string; sinceDate: string | null },
  ): Promise<number>;
  /** Gaps in the logs whose both ends are known and that are not filled. */
  openGaps(tenant: string): Promise<OpenGap[]>;
  /** Marks a gap as filled. Doing it twice changes nothing. */
  markRefilled(tenant: string, gap: OpenGap): Promise<void>;
}

const DAY_MS = 86_400_000;
const counted = z.object({ n: z.coerce.number() });
const gapRow = z.object({ gap_from: z.string(), gap_to: z.string() });

/** The part of a destination's store that backfills need. */
export function createLogWindowStore({ select, write }: Statements, database: string): LogWindowStore {
  const table = tablesOf(database);
  return {
    async countLogsBetween(tenant, { first, last }, window) {
      const dated =
        window === null
          ? ''
          : `AND date >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND date < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;
      const position = '(length(log_id), log_id)';
      const query = `SELECT uniqExact(log_id) AS n FROM ${table('logs_raw')}
        WHERE tenant = {tenant:String} AND NOT startsWith(log_id, 'sha256:')
          AND ${position} >= (length({first:String}), {first:String})
          AND ${position} <= (length({last:String}), {last:String}) ${dated}`;
      const dates = window && { from: Date.parse(window.from) - DAY_MS, to: Date.parse(window.to) + DAY_MS };
      const bounds = { tenant, first, last, ...dates };
      const [row] = await select(counted, query, bounds);
      return row?.n ?? 0;
    },

    async countWrittenByOthers(tenant, { runId, sinceMs, lastId, sinceDate }) {
      const query = `SELECT uniqExact(log_id) AS n FROM ${table('logs_raw')}
        WHERE tenant = {tenant:String} AND run_id != {runId:String} ${datedSince(sinceDate)}
          AND inserted_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
          AND (length(log_id), log_id) <= (length({lastId:String}), {lastId:String})`;
      const parameters = { tenant, runId, sinceMs, lastId, sinceDate: sinceDate ?? '' };
      const [row] = await select(counted, query, parameters);
      return row?.n ?? 0;
    },

    async openGaps(tenant) {
      const query = `SELECT gap_from, gap_to FROM ${table('pipeline_gaps')}
        WHERE tenant = {tenant:String} AND resource = 'logs' AND NOT refilled AND gap_from != '' AND gap_to != ''
          AND gap_from != gap_to`;
      const gaps = await select(gapRow, query, { tenant });
      return gaps.map((row) => ({ from: row.gap_from, to: row.gap_to }));
    },

    async markRefilled(tenant, { from, to }) {
      // The subquery: in one SELECT the WHERE would see the replaced column.
      await write(
        `INSERT INTO ${table('_pipeline_gaps')}
          SELECT * REPLACE (true AS refilled, version + 1 AS version)
          FROM (SELECT * FROM ${table('pipeline_gaps')}
            WHERE tenant = {tenant:String} AND resource = 'logs' AND gap_from = {from:String} AND gap_to = {to:String}
              AND NOT refilled)`,
        { tenant, from, to },
      );
    },
  };
}
