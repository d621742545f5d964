import { OLDEST } from '../auth0/paging/logs-start.js';
import { compareLogIds, syntheticLogId, timeOfLogId } from '../auth0/log-id.js';
import type { Checkpoint } from '../clickhouse/checkpoints.js';
import {
  type Cursor,
  FIRST_CLIENTS_PAGE,
  FIRST_USERS_PAGE,
  type LogsCursor,
  logsBeginning,
  logsPosition,
  PAGE_SIZE,
} from '../contracts/cursor.js';
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
  checkpoint: Pick<
    Checkpoint,
    'cursor' | 'lastId' | 'lastDate' | 'overlapRefused' | 'imported' | 'settled' | 'ageMs'
  > | null;
  /** Whether the checkpoint's newest log is in the table. */
  held: boolean;
  /** The newest log in the table that is no newer than the checkpoint's; asked for only when that is not there. */
  newest: { logId: string; date: string } | null;
  /** Setting: `oldest` or an ISO 8601 date. */
  configured: string;
  /** Cursor in the result of the schedule's previous run. */
  lastCursor: string | undefined;
  /** How far behind the cursor to look for late events, ms. */
  overlapMs: number;
  /** When the last completed run began, and the present, ms since 1970. */
  lastCompleted: number | null;
  now: number;
  /** How long the tenant keeps its logs, ms; null where that is not known. */
  retentionMs: number | null;
}

/** The shortest time for which any plan keeps logs (Free and Starter). */
const SHORTEST_RETENTION_MS = 24 * 3_600_000;

/**
 * Where a run of logs starts: at what was asked for, else behind the checkpoint, else at the configured start. A
 * checkpoint is believed only as far as rows are there: tables that were emptied or restored are filled again. One that
 * was imported stands for rows that are somewhere else.
 */
export function startOfLogs(facts: LogsFacts): Start {
  const { checkpoint, newest, lastCursor } = facts;
  if (facts.from !== undefined) {
    // What is left out becomes a gap with the first log behind it; where there is none, nothing was left out.
    return begin({ ...explicitStart(facts.from), gap: leftOutBy(facts.from, checkpoint) });
  }
  if (checkpoint === null) {
    return newest === null
      ? begin(logsBeginning(facts.configured), behind(lastCursor, null))
      : begin(goOn(facts, newest.logId, newest.logId, newest.date), [
          'There was no checkpoint: going on behind the newest log in the table',
        ]);
  }
  const { cursor, lastId, lastDate } = checkpoint;
  const beginning = cursor === OLDEST ? facts.configured : parseInstant(cursor) === undefined ? null : cursor;
  if (beginning !== null) return begin({ ...logsBeginning(beginning), gap: lostWith('', lastDate) }, [LOST]);
  if (facts.held || lastId === '')
    return begin(goOn(facts, cursor, lastId === '' ? null : lastId, lastDate), behind(lastCursor, cursor));
  if (checkpoint.imported === true) {
    const start = goOnImported(checkpoint, newest);
    // Its newest log is somewhere else: that it is not here says nothing.
    return { ...begin(start, [IMPORTED]), cursor: { ...start, began: { from: cursor, logId: '', date: lastDate } } };
  }
  if (newest === null)
    return begin({ ...logsBeginning(facts.configured), gap: lostWith(lastId, lastDate) }, [
      'The table holds none of the logs before its checkpoint: starting over from the beginning',
    ]);
  return begin(goOn(facts, newest.logId, newest.logId, newest.date), [
    'The table ends before the checkpoint: going back to the newest log in it',
  ]);
}

function begin(cursor: LogsCursor, warnings: string[] = []): Start {
  const began = { from: logsPosition(cursor) ?? cursor.start, logId: cursor.logId ?? '', date: cursor.date };
  return { mode: 'logs', cursor: { ...cursor, began }, warnings };
}

const LOST = 'ClickHouse has lost logs of the run that began with the oldest one: reading from the beginning again';

/** What was held to there is gone, and with it what the tenant no longer keeps. */
function lostWith(from: string, fromDate: string | null): LogsCursor['gap'] {
  if (fromDate === null) return null;
  return { from, fromDate, reason: 'lost in ClickHouse, and no longer kept by the tenant', unlessKept: true };
}

/** Behind a position that is held: a little overlap first, and before that a check where an interval may be lost. */
function goOn(facts: LogsFacts, cursor: string, logId: string | null, date: string | null): LogsCursor {
  const overlapRefused = facts.checkpoint?.overlapRefused ?? false;
  const givenAt = logId === null ? undefined : timeOfLogId(logId);
  const { settled = false, ageMs = 0 } = (facts.held ? facts.checkpoint : null) ?? {};
  const overlap = facts.overlapMs > 0 && !overlapRefused && !settled && givenAt !== undefined;
  // Counted from when the newest log was stored, by one clock: the tenant's and ours may differ by hours. It was taken in
  // before, so that by now all that was due with it can be seen.
  const looksBackLast = overlap && ageMs >= facts.overlapMs;
  const from = overlap ? syntheticLogId(givenAt - facts.overlapMs) : cursor;
  const keptFor = Math.min(facts.retentionMs ?? SHORTEST_RETENTION_MS, SHORTEST_RETENTION_MS);
  const within = (at: number | null | undefined) => facts.now - (at ?? 0) < keptFor;
  const recent = within(facts.lastCompleted);
  // The overlap shows by itself whether the newest log held is still kept. Without it, only age speaks.
  const phase = overlap ? 'overlap' : recent || within(parseInstant(date)) ? 'follow' : 'check';
  const resume = phase === 'follow' ? null : cursor;
  const last = looksBackLast ? { looksBackLast } : {};
  return { kind: 'logs', phase, from, resume, start: cursor, recent, gap: null, overlapRefused, logId, date, ...last };
}

const IMPORTED = 'Going on behind a checkpoint that was imported: what is older was copied somewhere else';

/**
 * Behind a position whose rows are not here. What lies a little behind it is not looked at: it was copied there, and
 * would come once more. Whether the tenant still keeps that position's log is asked all the same; a tenant that has
 * dropped it answers with its oldest kept logs and no error.
 */
function goOnImported(
  { cursor, lastId, lastDate, overlapRefused }: NonNullable<LogsFacts['checkpoint']>,
  newest: LogsFacts['newest'],
): LogsCursor {
  const isAhead = newest !== null && compareLogIds(newest.logId, lastId) < 0;
  const gap = isAhead
    ? { from: newest.logId, fromDate: newest.date, reason: 'left out by an imported checkpoint (state import)' }
    : null;
  const position = { from: cursor, resume: cursor, start: cursor, logId: lastId, date: lastDate };
  return { kind: 'logs', phase: 'check', recent: false, overlapRefused, gap, ...position };
}

function explicitStart(from: string): LogsCursor {
  const instant = parseInstant(from);
  if (instant !== undefined) return logsBeginning(new Date(instant).toISOString());
  if (from === OLDEST) return logsBeginning(OLDEST);
  if (/^[A-Za-z0-9]{16,128}$/.test(from)) return logsBeginning(from, from);
  throw new ExtractError(
    'Configuration',
    `--from ${from} is neither a log id nor an ISO 8601 date such as 2026-01-31 or 2026-01-31T12:00:00Z`,
  );
}

/** The interval that a start ahead of the checkpoint leaves out. */
function leftOutBy(from: string, checkpoint: LogsFacts['checkpoint']): LogsCursor['gap'] {
  if (checkpoint === null) return null;
  const { lastId, lastDate } = checkpoint;
  const instant = parseInstant(from);
  const isAhead =
    instant === undefined
      ? from !== OLDEST && compareLogIds(from, lastId) > 0
      : instant > (parseInstant(lastDate) ?? instant);
  return isAhead ? { from: lastId, fromDate: lastDate, reason: 'left out on request (--from)' } : null;
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
