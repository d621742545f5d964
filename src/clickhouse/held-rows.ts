import { z } from 'zod';
import { areOrdered } from '../auth0/log-id.js';
import type { ResourceName } from '../contracts/names.js';
import { resources } from '../resources/index.js';
import { identifier, tablesOf } from './client.js';
import { instant } from './instant.js';
import type { Statements } from './statements.js';

/** What a run asks of the storage tables. All throw ExtractError. */
export interface HeldRows {
  /** Distinct keys in a resource's storage table, deleted ones included. */
  countHeld(tenant: string, resource: ResourceName): Promise<number>;
  /** The newest change of a record that is held, none after `upTo`, ms since 1970; null where none carries a date. */
  newestChange(tenant: string, resource: ResourceName, upTo: number): Promise<number | null>;
  /** Whether a log is held; the date makes it a look-up by the primary key. */
  holdsLog(tenant: string, logId: string, date: string | null): Promise<boolean>;
  /**
   * The newest log held, or of those up to `upTo` where that is given; null where there is none. Newest by id, where ids
   * have no order by date.
   */
  newestLog(
    tenant: string,
    upTo: { logId: string; date: string | null } | null,
  ): Promise<{ logId: string; date: string } | null>;
  /** Which of these logs are held; `sinceDate` (ISO 8601): the oldest of their dates, null where they have none. */
  heldLogs(tenant: string, logIds: readonly string[], sinceDate: string | null): Promise<Set<string>>;
  /** Logs in the destination that this run has written, each counted once, whatever its date. `sinceDate` as above. */
  countWritten(tenant: string, runId: string, expected: number, sinceDate: string | null): Promise<number>;
}

const counted = z.object({ n: z.coerce.number() });

/** The storage tables of one destination. */
export function createHeldRows({ select }: Statements, database: string): HeldRows {
  const table = tablesOf(database);
  return {
    async countHeld(tenant, resource) {
      const name = resources[resource].table;
      const [row] = await select(
        counted,
        `SELECT count() AS n FROM ${table(name)} FINAL WHERE tenant = {tenant:String}`,
        { tenant },
      );
      return row?.n ?? 0;
    },

    async newestChange(tenant, resource, upTo) {
      const { table: name, changedAt } = resources[resource];
      if (changedAt === undefined) return null;
      const column = identifier(changedAt);
      const [row] = await select(
        counted,
        `SELECT toUnixTimestamp64Milli(ifNull(max(${column}), toDateTime64(0, 3, 'UTC'))) AS n FROM ${table(name)}
         WHERE tenant = {tenant:String} AND ${column} <= fromUnixTimestamp64Milli({upTo:Int64})`,
        { tenant, upTo },
      );
      return row && row.n > 0 ? row.n : null;
    },

    async holdsLog(tenant, logId, date) {
      const byDate = date === null ? '' : 'AND date = parseDateTime64BestEffort({date:String}, 3)';
      const rows = await select(
        counted,
        `SELECT 1 AS n FROM ${table('logs_raw')} WHERE tenant = {tenant:String} AND log_id = {logId:String} ${byDate} LIMIT 1`,
        { tenant, logId, date: date ?? '' },
      );
      return rows.length > 0;
    },

    async newestLog(tenant, upTo) {
      const newest = async (where: string, order: string) => {
        const [row] = await select(
          z.object({ log_id: z.string(), at: instant }),
          `SELECT log_id, toString(date) AS at FROM ${table('logs_raw')}
           WHERE tenant = {tenant:String} AND ${where} ORDER BY ${order} LIMIT 1`,
          { tenant, upToId: upTo?.logId ?? '', upToDate: upTo?.date ?? '' },
        );
        return row ? { logId: row.log_id, date: row.at } : null;
      };
      if (upTo === null || areOrdered([upTo.logId])) {
        const bound = upTo === null ? '' : 'AND log_id <= {upToId:String}';
        const byId = await newest(`match(log_id, '^900[0-9]{53}$') ${bound}`, 'log_id DESC');
        if (byId !== null || upTo !== null) return byId;
      }
      if (upTo !== null && upTo.date === null) return null;
      const bound = upTo === null ? '' : 'AND date <= parseDateTime64BestEffort({upToDate:String}, 3)';
      return newest(`NOT startsWith(log_id, 'sha256:') ${bound}`, 'date DESC');
    },

    async heldLogs(tenant, logIds, sinceDate) {
      if (logIds.length === 0) return new Set();
      const rows = await select(
        z.object({ log_id: z.string() }),
        `SELECT DISTINCT log_id FROM ${table('logs_raw')}
         WHERE tenant = {tenant:String} AND log_id IN {logIds:Array(String)} ${datedSince(sinceDate)}`,
        { tenant, logIds, sinceDate: sinceDate ?? '' },
      );
      return new Set(rows.map((row) => row.log_id));
    },

    async countWritten(tenant, runId, expected, sinceDate) {
      const from = `FROM ${table('logs_raw')} WHERE tenant = {tenant:String} AND run_id = {runId:String} ${datedSince(sinceDate)}`;
      const parameters = { tenant, runId, sinceDate: sinceDate ?? '' };
      const [rows] = await select(counted, `SELECT count() AS n ${from}`, parameters);
      if (rows?.n === expected) return expected;
      // A retry after a lost answer may have stored rows twice until they are merged: then the ids decide.
      const [ids] = await select(counted, `SELECT uniqExact(log_id) AS n ${from}`, parameters);
      return ids?.n ?? 0;
    },
  };
}

/**
 * Bounds a look-up of logs by the primary key, whose second column is the date. Those without a readable one are held
 * under 1970, and looked for there as well; where no date is known, nowhere else.
 */
export function datedSince(date: string | null): string {
  const undated = `date = toDateTime64(0, 3, 'UTC')`;
  return date === null
    ? `AND ${undated}`
    : `AND (date >= parseDateTime64BestEffort({sinceDate:String}, 3) OR ${undated})`;
}
