import { FIRST_USERS_PAGE, type UsersPagesCursor } from '../../contracts/cursor.js';
import { rowsOf } from '../../json/page.js';
import { users } from '../../resources/users.js';
import { pageDigest } from './digest.js';
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
} from './pager.js';
import { watched } from './trail.js';

/** Only the first 1,000 records of a query can be paged; what asks beyond is a 400 `invalid_paging`, whatever the real count. */
export const PAGING_WALL = 1_000;

/** Times that pages are begun again because users were deleted meanwhile; then the export job reads them all at once. */
const MAX_RESTARTS = 3;

/**
 * GET /users page by page in the order of `created_at`, which does not change while pages are read. More than 1,000
 * users: the export job. What ends at the wall could be cut off there, whatever the total says, so one more request
 * proves that nothing lies behind.
 */
const pages: Pager<UsersPagesCursor> = {
  request(cursor) {
    const proof = cursor.phase === 'proof';
    return {
      path: users.path,
      query: {
        ...(proof && { q: `created_at:[${cursor.lastCreated} TO *]` }),
        page: proof ? '0' : String(cursor.page),
        per_page: proof ? '1' : String(cursor.perPage),
        include_totals: 'true',
        sort: 'created_at:1',
      },
    };
  },

  advance(cursor, page) {
    if (cursor.phase === 'proof') {
      return page.total === cursor.lastCreatedRows ? step(cursor, [], true, null) : toExport(cursor);
    }
    return advancePages(cursor, page);
  },

  pageSize: (cursor) => cursor,
  resized: resizedOffset,

  recover(cursor, error, attempt = 1) {
    if (error.kind === 'PagingLimit' || error.kind === 'AnswerTooLarge') return { cursor, switchTo: 'users-export' };
    if (cannotServe(error, attempt)) return leaving(cursor, 'users-export', error);
    if (error.kind !== 'InvalidRequest' || error.context.status !== 400) return undefined;
    // A tenant that cannot answer the proof's query: the export job needs none.
    if (cursor.phase === 'proof') return { cursor, switchTo: 'users-export' };
    if (cursor.perPage > SMALL_PAGE_SIZE && cursor.seen === 0)
      return { cursor: { ...cursor, perPage: SMALL_PAGE_SIZE }, switchTo: null };
    return undefined;
  },

  otherwise: (cursor) => ({ cursor, switchTo: 'users-export' }),
};

/** GET /users page by page, with an eye on lists without an end. */
export const usersPager = watched(pages, (record) => users.keyOf(record) ?? record.raw);

function advancePages(cursor: UsersPagesCursor, page: FetchedPage): PageStep<UsersPagesCursor> {
  const { records, total } = page;
  const rows = rowsOf(page);
  if (total !== null && total > PAGING_WALL) return toExport(cursor, total);
  if (total !== null && cursor.total !== null && total < cursor.total) {
    // A deletion has moved a user to a page that was read before: it would be missed, and taken for deleted.
    const { restarts, perPage } = cursor;
    if (restarts >= MAX_RESTARTS) return toExport(cursor, total);
    return step({ ...FIRST_USERS_PAGE, perPage, restarts: restarts + 1 }, [], false, total);
  }
  const digest = pageDigest(records);
  const repeated = records.length > 0 && digest === cursor.digest;
  if (rows === 0 || repeated) {
    // A server that ignores the page number answers with the same list again. It was whole, unless it was cut to a page.
    const partial = total === null ? repeated && records.length === cursor.perPage : cursor.seen < total;
    if (!partial) return step(cursor, [], true, total);
    return { ...toExport(cursor, total), readToEnd: !repeated };
  }
  const perPage = pageSize(page, cursor.perPage);
  const next: UsersPagesCursor = {
    ...cursor,
    ...newestCreated(cursor, page),
    page: cursor.page + 1,
    perPage,
    seen: cursor.seen + rows,
    nonRecords: (cursor.nonRecords ?? 0) + rows - records.length,
    total: cursor.total ?? total,
    digest,
  };
  // The ids that a run has seen are counted at its end, and hold those of before the restart.
  if (cursor.restarts > 0 && mayRepeat(cursor, page)) return toExport(cursor, total);
  if (isLastPage(page, next.seen, cursor.perPage)) return step(next, records, true, total);
  const atWall = (next.page + 1) * perPage > PAGING_WALL;
  if (!atWall) return step(next, records, false, total);
  if (next.seen === total && next.lastCreated !== null) return step({ ...next, phase: 'proof' }, records, false, total);
  return { ...step(next, records, false, total), switchTo: 'users-export' };
}

function newestCreated(cursor: UsersPagesCursor, page: FetchedPage) {
  let { lastCreated, lastCreatedRows } = cursor;
  for (const { value } of page.records) {
    const created = value['created_at'];
    if (typeof created !== 'string') continue;
    if (created === lastCreated) lastCreatedRows++;
    else if (lastCreated === null || created > lastCreated) {
      lastCreated = created;
      lastCreatedRows = 1;
    }
  }
  return { lastCreated, lastCreatedRows };
}

/** Whether a user of the pages before can come again on this one: only the order between two pages says no. */
function mayRepeat({ lastCreated }: UsersPagesCursor, { records }: FetchedPage): boolean {
  const first = records[0]?.value['created_at'];
  return lastCreated !== null && !(typeof first === 'string' && first > lastCreated);
}

function toExport(cursor: UsersPagesCursor, total: number | null = null): PageStep<UsersPagesCursor> {
  return { cursor, take: [], done: false, total, switchTo: 'users-export' };
}
