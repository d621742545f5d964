import { type ClientsCursor, FIRST_CLIENTS_PAGE } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import { rowsOf } from '../../json/page.js';
import { clients } from '../../resources/clients.js';
import { pageDigest } from './digest.js';
import { resizedOffset } from './page-size.js';
import {
  cannotServe,
  type FetchedPage,
  isLastPage,
  leaving,
  pageSize,
  type Pager,
  SMALL_PAGE_SIZE,
  step,
} from './pager.js';
import { watched } from './trail.js';

/**
 * GET /clients: one offset page with totals. Where it does not hold all, `from`/`take` pages, since offset pages end
 * at about 1,000; where the answer shows that the server knows no `take`, offset pages.
 */
const lists: Pager<ClientsCursor> = {
  request(cursor) {
    if (cursor.paging === 'checkpoint') {
      const from = cursor.next === null ? {} : { from: cursor.next };
      return { path: clients.path, query: { ...from, take: String(cursor.perPage) } };
    }
    return {
      path: clients.path,
      query: { page: String(cursor.page), per_page: String(cursor.perPage), include_totals: 'true' },
    };
  },

  advance(cursor, page) {
    switch (cursor.paging) {
      case 'first':
        return first(cursor, page);
      case 'checkpoint':
        return checkpoint(cursor, page);
      case 'offset':
        return offset(cursor, page);
    }
  },

  pageSize: (cursor) => cursor,
  resized: resizedOffset,

  recover(cursor, error, attempt = 1) {
    const isRefused = error.kind === 'InvalidRequest' && error.context.status === 400;
    if (isRefused && cursor.perPage > SMALL_PAGE_SIZE && cursor.seen === 0)
      return { cursor: { ...cursor, perPage: SMALL_PAGE_SIZE }, switchTo: null };
    if (cursor.paging === 'checkpoint') {
      const takesNone = isRefused && cursor.next === null;
      return takesNone || cannotServe(error, attempt) ? leaving(byOffset(cursor), null, error) : undefined;
    }
    if (cursor.takeTried === true) return undefined;
    if (error.kind === 'PagingLimit') return { cursor: byTake(cursor), switchTo: null };
    return cannotServe(error, attempt) ? leaving(byTake(cursor), null, error) : undefined;
  },

  otherwise(cursor) {
    return cursor.paging === 'checkpoint' || cursor.takeTried === true
      ? undefined
      : { cursor: byTake(cursor), switchTo: null };
  },
};

/** GET /clients, with an eye on lists without an end. */
export const clientsPager = watched(lists, (record) => clients.keyOf(record) ?? record.raw);

function first(cursor: ClientsCursor, page: FetchedPage) {
  const { records, total } = page;
  const rows = rowsOf(page);
  if (page.next !== null) return checkpoint({ ...cursor, paging: 'checkpoint' }, page);
  if (isLastPage(page, rows, cursor.perPage)) return step(withRows(cursor, page), records, true, total);
  if (total !== null && rows < total) return step(byTake(cursor), [], false, total);
  // Without a total, with one that the page itself contradicts, and behind a full page the next page decides.
  return offset({ ...cursor, paging: 'offset' }, page);
}

function checkpoint(cursor: ClientsCursor, page: FetchedPage) {
  const { records, next } = page;
  if (next !== null) return step({ ...withRows(cursor, page), next }, records, false, null);
  // The first page held only a part: a list that is whole without a `next` comes from a server that knows no `take`.
  if (cursor.next === null) return step(byOffset(cursor), [], false, null);
  return step(withRows(cursor, page), records, true, null);
}

function offset(cursor: ClientsCursor, page: FetchedPage) {
  const { records, total } = page;
  if (rowsOf(page) === 0 && page.next !== null)
    throw new ExtractError('SourceStuck', 'The tenant answered with a page without clients that leads on');
  const digest = pageDigest(records);
  const repeated = records.length > 0 && digest === cursor.digest;
  if (rowsOf(page) === 0 || repeated) {
    // A server that ignores the page number answers with the same list again. It was whole, unless it was cut to a page.
    const cut = repeated && (total === null ? records.length === cursor.perPage : cursor.seen < total);
    if (cut) throw new ExtractError('SourceStuck', 'The tenant answered with the same page of clients again');
    return step(cursor, [], true, total);
  }
  const seen = withRows(cursor, page);
  const next = { ...seen, page: cursor.page + 1, perPage: pageSize(page, cursor.perPage), digest };
  return step(next, records, isLastPage(page, seen.seen, cursor.perPage), total);
}

function withRows(cursor: ClientsCursor, page: FetchedPage): ClientsCursor {
  const rows = rowsOf(page);
  const nonRecords = (cursor.nonRecords ?? 0) + rows - page.records.length;
  return { ...cursor, seen: cursor.seen + rows, ...(nonRecords > 0 && { nonRecords }) };
}

/** The list from its beginning, by `take`. */
function byTake({ perPage }: ClientsCursor): ClientsCursor {
  return { ...FIRST_CLIENTS_PAGE, perPage, paging: 'checkpoint' };
}

/** The list from its beginning, by pages, once and for all. */
function byOffset({ perPage }: ClientsCursor): ClientsCursor {
  return { ...FIRST_CLIENTS_PAGE, perPage, paging: 'offset', takeTried: true };
}
