import type { UsersChangedCursor } from '../../contracts/cursor.js';
import { parseInstant } from '../../resources/columns.js';
import { users } from '../../resources/users.js';
import { type FetchedPage, type Pager, type PageStep, SMALL_PAGE_SIZE, step } from './pager.js';
import { PAGING_WALL } from './users-pager.js';

/**
 * GET /users of those with `updated_at` at or after a watermark, in that order. Each page starts again at the newest
 * `updated_at` read (keyset paging): a user who changes while pages are read moves to the end, and with page numbers
 * the one behind them would slip onto a page that was read already. Page numbers are used only inside one
 * `updated_at` that fills a whole page; where one holds 1,000 or more (a bulk import), the export job is.
 */
export const usersChangedPager: Pager<UsersChangedCursor> = {
  request(cursor) {
    return {
      path: users.path,
      query: {
        q: `updated_at:[${cursor.since} TO *]`,
        sort: 'updated_at:1',
        page: String(cursor.page),
        per_page: String(cursor.perPage),
        include_totals: 'true',
      },
    };
  },

  advance(cursor, page) {
    const { records, total } = page;
    if (records.length === 0) return step(cursor, [], true, null);
    const since = parseInstant(cursor.since) ?? 0;
    const updated = records.map(({ value }) => parseInstant(value['updated_at']));
    // A server that ignores `q` would be read as "all users changed, and then no more".
    if (updated.some((at) => at === undefined || at < since)) return switchTo(cursor, 'users-pages');

    const perPage = page.limit ?? cursor.perPage;
    if (total !== null && cursor.page * perPage + records.length >= total) return step(cursor, records, true, null);
    const newest = Math.max(...updated.filter((at) => at !== undefined));
    if (newest > since)
      return step({ ...cursor, perPage, since: new Date(newest).toISOString(), page: 0 }, records, false, null);
    return deeper(cursor, perPage, page);
  },

  recover(cursor, error) {
    if (error.kind === 'PagingLimit') return { cursor, switchTo: 'users-export' };
    const refused = error.kind === 'InvalidRequest' && error.context.status === 400;
    if (refused && cursor.perPage > SMALL_PAGE_SIZE)
      return { cursor: { ...cursor, perPage: SMALL_PAGE_SIZE }, switchTo: null };
    return undefined;
  },
};

/** A whole page with one and the same `updated_at`: the next page of the same query. */
function deeper(cursor: UsersChangedCursor, perPage: number, page: FetchedPage): PageStep<UsersChangedCursor> {
  const next = { ...cursor, perPage, page: cursor.page + 1 };
  if ((next.page + 1) * perPage > PAGING_WALL)
    return { ...step(next, page.records, false, null), switchTo: 'users-export' };
  return step(next, page.records, false, null);
}

function switchTo(cursor: UsersChangedCursor, mode: 'users-pages' | 'users-export'): PageStep<UsersChangedCursor> {
  return { cursor, take: [], done: false, total: null, switchTo: mode };
}
