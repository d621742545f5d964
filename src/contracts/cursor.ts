/**
 * Where a run stands in its source. A cursor crosses the workflow's history, so it holds positions only, never a
 * record or a user's id (an `email|…` or `samlp|…` id is an e-mail address).
 */
export type Cursor = LogsCursor | ClientsCursor | UsersPagesCursor | UsersChangedCursor;

/** GET /logs in checkpoint mode. */
export interface LogsCursor {
  kind: 'logs';
  /**
   * What the next request is for.
   * - `find`, `search`: the start, by a search for the oldest log (`search`: synthetic positions are refused here)
   * - `probe`: the first page behind a synthetic position
   * - `check`: is the oldest kept log still older than the newest one held? Else there is a gap
   * - `refused`: the same, after the tenant has refused the cursor
   * - `overlap`: events that came late, a little behind the cursor
   * - `follow`: the page behind the cursor
   */
  phase: 'find' | 'search' | 'probe' | 'check' | 'refused' | 'overlap' | 'follow';
  /** `from` of the next page: opaque, exclusive. Null while the start has to be found. */
  from: string | null;
  /** The position to go on from after `check` and `overlap`. */
  resume: string | null;
  /** Where to start while `from` is null: the oldest kept log, or an ISO 8601 instant. */
  start: string;
  /** A run has reached the end of the log so lately that no plan can have dropped anything since. */
  recent: boolean;
  /** An interval that was lost, to be recorded with the first log behind it. */
  gap: { from: string; fromDate: string | null; reason: string } | null;
  /** The tenant takes no synthetic positions: late events behind the cursor are not looked for. */
  overlapRefused: boolean;
  /** Newest log that is in the destination, and its `date`: by these a checkpoint is believed or not. */
  logId: string | null;
  date: string | null;
}

/** GET /clients: one offset page, then `from`/`take` where one page does not hold all, offset pages as a last resort. */
export interface ClientsCursor {
  kind: 'clients';
  paging: 'first' | 'checkpoint' | 'offset';
  page: number;
  perPage: number;
  next: string | null;
  /** Rows of the pages so far, and a digest of the last page's ids: a server that ignores paging repeats itself. */
  seen: number;
  digest: string | null;
}

/** GET /users page by page, up to the 1,000 records that can be paged. */
export interface UsersPagesCursor {
  kind: 'users-pages';
  page: number;
  perPage: number;
  seen: number;
  digest: string | null;
  /** Newest `created_at` seen and how many of the pages' rows carry it: proves that exactly 1,000 is all. */
  lastCreated: string | null;
  lastCreatedRows: number;
  /** Total of the first page: a smaller one later means that a deletion has moved users to pages already read. */
  total: number | null;
  /** Times that the pages were begun again for that. */
  restarts: number;
  phase: 'pages' | 'proof';
}

/** GET /users of those changed since a watermark, in the order of `updated_at`. */
export interface UsersChangedCursor {
  kind: 'users-changed';
  /** Lower bound, inclusive, ISO 8601: moves with the newest `updated_at` read. */
  since: string;
  /** Offset page inside one `updated_at`, used while a whole page shares it. */
  page: number;
  perPage: number;
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
