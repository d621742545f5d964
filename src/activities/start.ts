import { OLDEST } from '../auth0/paging/logs-pager.js';
import { compareLogIds } from '../auth0/log-id.js';
import type { Checkpoint } from '../clickhouse/store.js';
import { type Cursor, FIRST_CLIENTS_PAGE, FIRST_USERS_PAGE, type LogsCursor, PAGE_SIZE } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import type { RunMode } from '../contracts/types.js';
import { parseInstant } from '../resources/columns.js';

/** Where a run starts, and what it should tell about it. */
export interface Start {
  mode: RunMode;
  cursor: Cursor;
  warnings: string[];
}

/** What decides where logs start. */
export interface LogsFacts {
  /** A log id or an ISO 8601 instant that somebody asked for. */
  from: string | undefined;
  checkpoint: Pick<Checkpoint, 'cursor' | 'lastId' | 'lastDate'> | null;
  /** Whether the checkpoint's newest log is in the table. */
  held: boolean;
  /** The newest log in the table; asked for only when the checkpoint's is not there. */
  newest: { logId: string; date: string } | null;
  /** Setting: `oldest` or an ISO 8601 date. */
  configured: string;
  /** Cursor in the result of the schedule's previous run. */
  lastCursor: string | undefined;
}

/**
 * Where a run of logs starts: at what was asked for, else behind the checkpoint, else at the configured start. A
 * checkpoint is believed only as far as rows are there: tables that were emptied or restored are filled again.
 */
export function startOfLogs(facts: LogsFacts): Start {
  const begin = (cursor: Omit<LogsCursor, 'kind'>, warnings: string[] = []): Start => ({
    mode: 'logs',
    cursor: { kind: 'logs', ...cursor },
    warnings,
  });
  if (facts.from !== undefined) return begin(explicitStart(facts.from));
  const { checkpoint, newest } = facts;
  const fresh = { from: null, start: facts.configured, logId: null, date: null };
  if (checkpoint === null) {
    return newest === null
      ? begin(fresh, behind(facts.lastCursor, null))
      : begin(behindLog(newest), ['There was no checkpoint: going on behind the newest log in the table']);
  }
  if (facts.held || checkpoint.lastId === '') {
    const { cursor, lastId, lastDate } = checkpoint;
    const logId = lastId === '' ? null : lastId;
    return begin({ from: cursor, start: cursor, logId, date: lastDate }, behind(facts.lastCursor, cursor));
  }
  if (newest === null)
    return begin(fresh, ['The table holds no logs although a checkpoint exists: starting over from the beginning']);
  return begin(behindLog(newest), ['The table ends before the checkpoint: going back to the newest log in it']);
}

function explicitStart(from: string): Omit<LogsCursor, 'kind'> {
  const instant = parseInstant(from);
  if (instant !== undefined) return { from: null, start: new Date(instant).toISOString(), logId: null, date: null };
  if (from === OLDEST) return { from: null, start: OLDEST, logId: null, date: null };
  if (/^[A-Za-z0-9]{16,128}$/.test(from)) return { from, start: from, logId: null, date: null };
  throw new ExtractError(
    'Configuration',
    `--from ${from} is neither a log id nor an ISO 8601 date such as 2026-01-31 or 2026-01-31T12:00:00Z`,
  );
}

function behindLog({ logId, date }: { logId: string; date: string }): Omit<LogsCursor, 'kind'> {
  return { from: logId, start: logId, logId, date };
}

/** A schedule's last result may be ahead of the destination, for example after a restored backup. */
function behind(lastCursor: string | undefined, cursor: string | null): string[] {
  if (lastCursor === undefined || (cursor !== null && compareLogIds(lastCursor, cursor) <= 0)) return [];
  return ['The destination is behind the result of the last run: it is believed, and the rest is read again'];
}

/** What decides how users are read. */
export interface UsersFacts {
  from: string | undefined;
  full: boolean;
  checkpoint: Pick<Checkpoint, 'cursor' | 'snapshotAt' | 'rowsHeld'> | null;
  /** Rows in the table now. */
  held: number;
  /** Longest time between two snapshots, and the present, ms. */
  snapshotIntervalMs: number;
  now: number;
}

/** How a run of users reads: a full snapshot where one is due, else those that changed since the watermark. */
export function startOfUsers(facts: UsersFacts): Start {
  const snapshot = (warnings: string[] = []): Start => ({ mode: 'users-pages', cursor: FIRST_USERS_PAGE, warnings });
  const changed = (since: number): Start => ({
    mode: 'users-changed',
    cursor: { kind: 'users-changed', since: new Date(since).toISOString(), page: 0, perPage: PAGE_SIZE },
    warnings: [],
  });
  const { checkpoint } = facts;
  if (facts.full) return snapshot();
  if (facts.from !== undefined) {
    const asked = parseInstant(facts.from);
    if (asked === undefined)
      throw new ExtractError('Configuration', `--from ${facts.from} is no ISO 8601 date: users have no log ids`);
    // Never later than the watermark: the changes in between would be skipped for good.
    return changed(Math.min(asked, parseInstant(checkpoint?.cursor) ?? asked));
  }
  const snapshotAt = parseInstant(checkpoint?.snapshotAt);
  if (checkpoint === null || snapshotAt === undefined) return snapshot();
  if (facts.held < checkpoint.rowsHeld)
    return snapshot(['The table holds fewer users than the last run left there: taking a full snapshot']);
  const since = parseInstant(checkpoint.cursor);
  const due = facts.now - snapshotAt >= facts.snapshotIntervalMs;
  return due || since === undefined ? snapshot() : changed(since);
}

/** Clients carry no date of change: every run reads all of them. */
export function startOfClients(): Start {
  return { mode: 'clients', cursor: FIRST_CLIENTS_PAGE, warnings: [] };
}
