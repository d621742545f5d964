import type { UsersChangedCursor } from '../../contracts/cursor.js';
import { parseInstant } from '../../resources/columns.js';
import { type RawRecord, rowsOf } from '../../json/page.js';
import { users } from '../../resources/users.js';
import { resizedOffset } from './page-size.js';
import {
  cannotServe,
  type FetchedPage,
  isLastPage,
  leaving,
  pageSize,
  type Pager,
  type PageStep,
  SMALL_PAGE_SIZE,
  step,
  totalAt,
} from './pager.js';
import { watched } from './trail.js';
import { PAGING_WALL } from './users-pager.js';

/**
 * GET /users of those with `updated_at` at or after a watermark, in that order. Each page starts again at the newest
 * `updated_at` read (keyset paging): a user who changes while pages are read moves to the end, and with page numbers
 * the one behind them would slip onto a page that was read already.
 *
 * Where one `updated_at` fills a whole page (a bulk import), page numbers are needed after all: these pages are read
 * from the last to the first, so that whoever slips forward lands on a page that is still to be read. What cannot be
 * paged like that, the export job reads.
 */
const keyset: Pager<UsersChangedCursor> = {
  request(cursor) {
    return {
      path: users.path,
      query: {
        q: `updated_at:[${cursor.since} TO *]`,
        sort: 'updated_at:1',
        page: String(Math.max(cursor.page - 1, 0)),
        per_page: String(cursor.perPage),
        include_totals: 'true',
      },
    };
  },

  advance(cursor, page) {
    const since = parseInstant(cursor.since) ?? 0;
    let newest = since;
    for (const { value } of page.records) {
      const updated = parseInstant(value['updated_at']);
      // A server that ignores `q` would be read as "all users changed, and then no more"; one that ignores `sort`, as
      // if all up to the newest of the page had been on it.
      if (updated === undefined || updated < newest) return toSnapshot(cursor);
      newest = updated;
    }
    return cursor.page > 0 ? backwards(cursor, page) : forwards(cursor, page, newest > since ? newest : null);
  },

  pageSize: (cursor) => cursor,
  resized: resizedOffset,

  recover(cursor, error, attempt = 1) {
    if (error.kind === 'PagingLimit' || error.kind === 'AnswerTooLarge') return { cursor, switchTo: 'users-export' };
    if (cannotServe(error, attempt)) return leaving(cursor, 'users-pages', error);
    const refused = error.kind === 'InvalidRequest' && error.context.status === 400;
    if (refused && cursor.perPage > SMALL_PAGE_SIZE)
      return { cursor: { ...cursor, perPage: SMALL_PAGE_SIZE }, switchTo: null };
    return undefined;
  },
};

/** GET /users of those that have changed, with an eye on lists without an end. Users may change, and so come again. */
export const usersChangedPager = watched(keyset);

/** The page from a watermark on; `newest` is null where all of it has the watermark's own `updated_at`. */
function forwards(cursor: UsersChangedCursor, page: FetchedPage, newest: number | null): PageStep<UsersChangedCursor> {
  const { records } = page;
  const rows = rowsOf(page);
  if (rows === 0) return page.total !== null && page.total > 0 ? toSnapshot(cursor) : step(cursor, [], true, null);
  if (isLastPage(page, rows, cursor.perPage)) return step(cursor, records, true, null);
  const perPage = pageSize(page, cursor.perPage);
  if (newest !== null) return step({ ...cursor, perPage, since: new Date(newest).toISOString() }, records, false, null);
  const total = totalAt(page, rows);
  // Nobody says how many there are. Fewer than were asked for should be all: then the second page is empty.
  if (total === null) return rows < perPage ? countDown(cursor, perPage, 2) : toExport(cursor, records);
  const pages = Math.max(Math.ceil(total / rows), 2);
  return pages * rows > PAGING_WALL ? toExport(cursor, records) : countDown(cursor, rows, pages);
}

/** A page of those that share one `updated_at` and of all behind them; `page` is how many are still to be read. */
function backwards(cursor: UsersChangedCursor, page: FetchedPage): PageStep<UsersChangedCursor> {
  const { records } = page;
  const rows = rowsOf(page);
  const isFirst = cursor.page === 1;
  const total = totalAt(page, (cursor.page - 1) * cursor.perPage + rows);
  if (total === null && rows > 0 && !isFirst) return toExport(cursor, records);
  // Who changes after the run began is read by the next one, whose watermark is no later than that.
  if (isFirst) return step(cursor, records, true, null);
  return step({ ...cursor, page: cursor.page - 1 }, records, false, null);
}

function countDown(cursor: UsersChangedCursor, perPage: number, pages: number): PageStep<UsersChangedCursor> {
  return step({ ...cursor, perPage, page: pages }, [], false, null);
}

function toExport(cursor: UsersChangedCursor, take: RawRecord[]): PageStep<UsersChangedCursor> {
  return { ...step(cursor, take, false, null), switchTo: 'users-export' };
}

function toSnapshot(cursor: UsersChangedCursor): PageStep<UsersChangedCursor> {
  return { cursor, take: [], done: false, total: null, switchTo: 'users-pages' };
}
