import type { ClientsCursor } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import { clients } from '../../resources/clients.js';
import { pageDigest } from './digest.js';
import { type FetchedPage, pageSize, type Pager, SMALL_PAGE_SIZE, step } from './pager.js';

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
  // The first page held only a part: a list that is whole without a `next` comes from a server that knows no `take`.
  if (cursor.next === null) return step({ ...cursor, paging: 'offset' as const }, [], false, null);
  return step({ ...cursor, seen }, records, true, null);
}

function offset(cursor: ClientsCursor, page: FetchedPage) {
  const { records, total } = page;
  const digest = pageDigest(records);
  const repeated = digest === cursor.digest;
  if (records.length === 0 || repeated) {
    // A server that ignores the page number answers with the same list again. It was whole, unless it was cut to a page.
    const partial = total === null ? repeated && records.length === cursor.perPage : cursor.seen < total;
    if (partial) throw endsEarly(repeated);
    return step(cursor, [], true, total);
  }
  const seen = cursor.seen + records.length;
  const next = { ...cursor, page: cursor.page + 1, perPage: pageSize(page, cursor.perPage), seen, digest };
  return step(next, records, total !== null && seen >= total, total);
}

function endsEarly(repeated: boolean): ExtractError {
  return repeated
    ? new ExtractError('SourceStuck', 'The tenant answered with the same page of clients again')
    : new ExtractError('UnreadableAnswer', 'The pages of clients end before the total that the tenant names');
}
