import { type ClientsCursor, FIRST_CLIENTS_PAGE } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import { clients } from '../../resources/clients.js';
import { pageDigest } from './digest.js';
import { type FetchedPage, type Pager, SMALL_PAGE_SIZE, step } from './pager.js';

/**
 * GET /clients: one offset page with totals. Where it does not hold all, `from`/`take` pages, since offset pages end
 * at about 1,000; where the answer shows that the server knows no `take`, offset pages.
 */
export const clientsPager: Pager<ClientsCursor> = {
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

  recover(cursor, error) {
    const refusedSize =
      error.kind === 'InvalidRequest' && error.context.status === 400 && cursor.perPage > SMALL_PAGE_SIZE;
    if (refusedSize && cursor.seen === 0) return { cursor: { ...cursor, perPage: SMALL_PAGE_SIZE }, switchTo: null };
    return undefined;
  },
};

function first(cursor: ClientsCursor, page: FetchedPage) {
  const { records, total } = page;
  if (page.next !== null) return checkpoint({ ...cursor, paging: 'checkpoint' }, page);
  if (total === null) return offset({ ...cursor, paging: 'offset' }, page);
  if (records.length >= total) return step({ ...cursor, seen: records.length }, records, true, total);
  return step({ ...cursor, paging: 'checkpoint' as const }, [], false, total);
}

function checkpoint(cursor: ClientsCursor, page: FetchedPage) {
  const { records, next } = page;
  const seen = cursor.seen + records.length;
  if (next !== null) {
    if (next === cursor.next)
      throw new ExtractError('SourceStuck', 'The tenant answered with the same checkpoint again');
    return step({ ...cursor, next, seen }, records, false, null);
  }
  // An array or an offset envelope: `take` is unknown here.
  const knowsTake = page.total === null && page.limit === null;
  if (cursor.next === null && !knowsTake)
    return step({ ...FIRST_CLIENTS_PAGE, paging: 'offset' as const }, [], false, null);
  return step({ ...cursor, seen }, records, true, null);
}

function offset(cursor: ClientsCursor, page: FetchedPage) {
  const { records, total, limit } = page;
  const digest = pageDigest(records);
  // A server that ignores the page number answers with the same list again: it was whole.
  if (records.length === 0 || digest === cursor.digest) return step(cursor, [], true, total);
  const seen = cursor.seen + records.length;
  const next = { ...cursor, page: cursor.page + 1, perPage: limit ?? cursor.perPage, seen, digest };
  return step(next, records, total !== null && seen >= total, total);
}
