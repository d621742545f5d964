import { type LogsCursor, PAGE_SIZE } from '../../contracts/cursor.js';
import type { ExtractError } from '../../contracts/errors.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { confirm, follow, goOnHopping } from './logs-follow.js';
import { begin, check, isStart, oldestOf } from './logs-start.js';
import type { Pager } from './pager.js';

/**
 * GET /logs in checkpoint mode: `from` is exclusive, ids ascend, and the end is the empty page, never a missing Link
 * (the last page's Link points to itself for ever). Some tenants show the log of `from` once more.
 *
 * The start is found by a search for the oldest log, since `take` without `from` has no documented start. From there a
 * synthetic position a little earlier is tried, and where the tenant refuses it, the lowest of the search's rows is
 * stored and paging goes on behind it. The same search tells whether a cursor that is refused, or older than any
 * tenant keeps its logs, has lost an interval.
 *
 * A page with rows is followed by its own last id: a Link that leads further would skip what lies between. A Link
 * decides behind an empty page, and only where it leads on.
 * https://auth0.com/docs/deploy-monitor/logs/retrieve-log-events-using-mgmt-api
 */
export const logsPager: Pager<LogsCursor> = {
  request(cursor) {
    if (!isSearch(cursor) && cursor.from !== null)
      return { path: logs.path, query: { from: cursor.from, take: String(sizeOf(cursor)) } };
    const since = isStart(cursor) ? parseInstant(cursor.start) : undefined;
    return {
      path: logs.path,
      query: {
        ...(since !== undefined && { q: `date:[${new Date(since).toISOString()} TO *]` }),
        sort: cursor.phase === 'confirm' ? 'date:-1' : 'date:1',
        per_page: String(sizeOf(cursor)),
        page: '0',
      },
    };
  },

  advance(cursor, page) {
    switch (cursor.phase) {
      case 'find':
      case 'search':
        return begin(cursor, oldestOf(page), page.records);
      case 'check':
      case 'refused':
        return check(cursor, page);
      case 'confirm':
        return confirm(cursor, page);
      case 'probe':
      case 'overlap':
      case 'follow':
        return follow(cursor, page);
    }
  },

  // One alone could be that of `from`, shown once more.
  pageSize: (cursor) => ({ ...cursor, perPage: sizeOf(cursor), smallest: 2 }),
  resized: (cursor, size) => ({ ...cursor, ...size }),

  recover(cursor, error) {
    if (error.kind !== 'CursorExpired' && !(error.kind === 'InvalidRequest' && error.context.status === 400))
      return undefined;
    switch (cursor.phase) {
      case 'probe':
        return { cursor: { ...cursor, phase: 'search', from: null }, switchTo: null };
      case 'overlap':
        // A tenant that takes no synthetic positions: it goes on without.
        return {
          cursor: { ...cursor, phase: 'follow', from: cursor.resume, resume: null, overlapRefused: true },
          switchTo: null,
        };
      case 'follow':
        if (namesOtherParameter(error)) return undefined;
        // The position that the Link of an empty page named: whether there is more is asked otherwise.
        if (cursor.hops)
          return { cursor: { ...cursor, phase: 'confirm', from: cursor.hops.home, hops: null }, switchTo: null };
        if (cursor.link) return { cursor: { ...cursor, from: cursor.link, link: null, byLink: true }, switchTo: null };
        // Whether it is too old or wrong in itself is told by what the tenant still keeps.
        return { cursor: { ...cursor, phase: 'refused', resume: cursor.from }, switchTo: null };
      case 'confirm': {
        const onward = goOnHopping(cursor);
        return onward && { cursor: onward, switchTo: null };
      }
      default:
        return undefined;
    }
  },
};

function sizeOf({ perPage = PAGE_SIZE }: LogsCursor): number {
  return perPage;
}

function isSearch(cursor: LogsCursor): boolean {
  return isStart(cursor) || cursor.phase === 'check' || cursor.phase === 'refused' || cursor.phase === 'confirm';
}

/** A 400 about `take`, say, is a wrong request and never an old cursor. */
function namesOtherParameter(error: ExtractError): boolean {
  return (
    /\b(take|per_page|page|sort|fields|include_fields|include_totals|q)\b/.test(error.message) &&
    !/\bfrom\b/.test(error.message)
  );
}
