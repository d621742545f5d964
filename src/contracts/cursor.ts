import type { LogWindow } from './log-window.js';

/**
 * Where a run stands in its source. A cursor crosses the workflow's history, so it holds positions only, never a
 * record or a user's id (an `email|…` or `samlp|…` id is an e-mail address).
 */
export type Cursor = LogsCursor | LogsWindowCursor | ClientsCursor | UsersPagesCursor | UsersChangedCursor;

/** How many records a page is asked for. */
export interface PageSize {
  perPage: number;
  /** Set while pages are smaller than that, since they were too large. */
  fullPage?: number;
}

/** What a reader remembers of the pages behind it, to notice that they lead nowhere new. */
export interface Trail {
  /** Pages with records so far and the records on them, and pages without one in a row. */
  steps: number;
  records: number;
  barren: number;
  /** Digest of the last page. */
  last: string;
  /** A page that was passed, by digests of it and of the position that it named: whoever goes in a circle comes to it again. */
  mark: { page: string; next: string | null };
}

/** A reader that may be led in a circle. */
export interface Trailing {
  trail?: Trail;
}

/** GET /logs in checkpoint mode. */
export interface LogsCursor extends Partial<PageSize> {
  kind: 'logs';
  /**
   * What the next request is for.
   * - `find`, `search`: the start, by a search for the oldest log (`search`: synthetic positions are refused here)
   * - `probe`: the first page behind a synthetic position
   * - `check`: is the oldest kept log still older than the newest one held? Else there is a gap
   * - `refused`: the same, after the tenant has refused the cursor
   * - `overlap`: events that came late, a little behind the cursor
   * - `follow`: the page behind the cursor
   * - `confirm`: is there any log newer than the newest one held? Asked where a page brought nothing new
   */
  phase: 'find' | 'search' | 'probe' | 'check' | 'refused' | 'overlap' | 'follow' | 'confirm';
  /** `from` of the next page: opaque, exclusive. Null while the start has to be found. */
  from: string | null;
  /** The position to go on from after `check` and `overlap`. */
  resume: string | null;
  /** Where to start while `from` is null: the oldest kept log, or an ISO 8601 instant. */
  start: string;
  /** A run has reached the end of the log so lately that no plan can have dropped anything since. */
  recent: boolean;
  /** An interval that was lost, to be recorded with the first log behind it. */
  gap: { from: string; fromDate: string | null; reason: string; unlessKept?: boolean } | null;
  /** The tenant takes no synthetic positions: late events behind the cursor are not looked for. */
  overlapRefused: boolean;
  /** Newest log that is in the destination, and its `date`: by these a checkpoint is believed or not. */
  logId: string | null;
  date: string | null;
  /** Links of empty pages that were followed in a row, and the position before the first of them. */
  hops?: { home: string; count: number } | null;
  /** A position that was passed, and how many since: where positions have no order, a circle is noticed by it. */
  trail?: { mark: string; steps: number } | null;
  /** What the last page's Link names, where that is no log id. */
  link?: string | null;
  /** The tenant refuses its own log ids as positions and takes what its Links name. */
  byLink?: boolean;
  /**
   * Where the run began: a position, {@link start} where there was none, and the newest log held then ('': none is
   * known). To there the checkpoint goes back where rows of the run are lost.
   */
  began?: { from: string; logId: string; date: string | null };
  /** The lookback window has passed: when this run has read it, it need not be read again. */
  looksBackLast?: boolean;
}

/** GET /logs of an interval. Another kind than the live one's, so that nothing can take it for a checkpoint. */
export interface LogsWindowCursor {
  kind: 'logs-window';
  /** Where the reading stands, as in the live run. */
  position: LogsCursor;
  window: LogWindow;
  /** Go on with what is left where the tenant drops the beginning; else that ends the run. */
  available: boolean;
  /** Distinct ids of the interval that were read, logs without an id, and the lowest and highest id. */
  seen: number;
  unnamed: number;
  first: string | null;
  last: string | null;
  /** How far the reading has come in time, ISO 8601. */
  at: string | null;
  /** The log behind the interval, or the end of all, was reached. */
  ended: boolean;
}

/** GET /clients: one offset page, then `from`/`take` where one page does not hold all, offset pages as a last resort. */
export interface ClientsCursor extends PageSize, Trailing {
  kind: 'clients';
  paging: 'first' | 'checkpoint' | 'offset';
  page: number;
  next: string | null;
  /** Rows of the pages so far, and a digest of the last page's ids: a server that ignores paging repeats itself. */
  seen: number;
  digest: string | null;
  /** Those of the rows that were no records. */
  nonRecords?: number;
  /** Pages by `take` were tried: the tenant does not know them. */
  takeTried?: boolean;
}

/** GET /users page by page, up to the 1,000 records that can be paged. */
export interface UsersPagesCursor extends PageSize, Trailing {
  kind: 'users-pages';
  page: number;
  /** Rows of the pages so far, those that repeat one included. */
  seen: number;
  digest: string | null;
  /** Those of the rows that were no records. */
  nonRecords?: number;
  /** Newest `created_at` seen and how many of the pages' rows carry it: proves that exactly 1,000 is all. */
  lastCreated: string | null;
  lastCreatedRows: number;
  /** Total of the first page: a smaller one later means that a deletion has moved users to pages already read. */
  total: number | null;
  /** Times that the pages were begun again for that: what was seen before is no longer counted by `seen`. */
  restarts: number;
  phase: 'pages' | 'proof';
}

/** GET /users of those changed since a watermark, in the order of `updated_at`. */
export interface UsersChangedCursor extends PageSize, Trailing {
  kind: 'users-changed';
  /** Lower bound, inclusive, ISO 8601: moves with the newest `updated_at` read. */
  since: string;
  /** Offset page inside one `updated_at`, used while a whole page shares it. */
  page: number;
}

/** Rows that a page is asked for: the documented maximum. */
export const PAGE_SIZE = 100;

/** Cursor with which a snapshot of clients begins. */
export const FIRST_CLIENTS_PAGE: Readonly<ClientsCursor> = {
  kind: 'clients',
  paging: 'first',
  page: 0,
  perPage: PAGE_SIZE,
  next: null,
  seen: 0,
  digest: null,
};

/** Cursor with which a snapshot of users begins. */
export const FIRST_USERS_PAGE: Readonly<UsersPagesCursor> = {
  kind: 'users-pages',
  page: 0,
  perPage: PAGE_SIZE,
  seen: 0,
  digest: null,
  lastCreated: null,
  lastCreatedRows: 0,
  total: null,
  restarts: 0,
  phase: 'pages',
};

/** A log is taken in some seconds after its `date`: a search by date for those of an interval must begin earlier. */
const BEFORE_WINDOW_MS = 60_000;

/** Cursor with which a backfill begins. */
export function windowBeginning(window: LogWindow, available: boolean): LogsWindowCursor {
  const start = new Date(Date.parse(window.from) - BEFORE_WINDOW_MS).toISOString();
  return {
    kind: 'logs-window',
    position: logsBeginning(start),
    window,
    available,
    seen: 0,
    unnamed: 0,
    first: null,
    last: null,
    at: null,
    ended: false,
  };
}

/** Cursor with which a reading of logs begins: at a start that has to be found, or behind a position. */
export function logsBeginning(start: string, from: string | null = null): LogsCursor {
  return {
    kind: 'logs',
    phase: from === null ? 'find' : 'follow',
    from,
    resume: null,
    start,
    recent: false,
    gap: null,
    overlapRefused: false,
    logId: null,
    date: null,
  };
}

/**
 * The cursor with which a run goes on after it was paused, for however long: a position in the log is first compared
 * with what the tenant still keeps. Some tenants answer a position that is too old as if nothing was missing.
 */
export function afterPause(cursor: Cursor): Cursor {
  if (cursor.kind === 'logs-window') {
    return { ...cursor, position: checkFirst(cursor.position) };
  }
  return cursor.kind === 'logs' ? checkFirst(cursor) : cursor;
}

function checkFirst(cursor: LogsCursor): LogsCursor {
  const from = cursor.hops?.home ?? cursor.from;
  if (cursor.phase !== 'follow' || from === null || cursor.logId === null) return cursor;
  return { ...cursor, phase: 'check', from, resume: from, hops: null, recent: false };
}

/** The position of a cursor: what a checkpoint says. Null while the start has to be found. */
export function logsPosition({ hops, resume, from }: LogsCursor): string | null {
  return hops?.home ?? resume ?? from;
}
