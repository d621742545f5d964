import type { Cursor, PageSize } from '../../contracts/cursor.js';
import type { ExtractError } from '../../contracts/errors.js';
import type { RunMode } from '../../contracts/types.js';
import { type Page, type RawRecord, rowsOf } from '../../json/page.js';
import type { ApiRequest } from '../http.js';

/** A page as a pager sees it: its records, its envelope, and the `from` of its Link header. */
export interface FetchedPage extends Page {
  linkFrom: string | null;
}

/** An interval of the source that could not be read: what is held before it, and what is kept after it. */
export interface Gap {
  from: string;
  fromDate: string | null;
  /** '' where nothing is kept any more. */
  to: string;
  toDate: string | null;
  reason: string;
}

/** What follows from a page. */
export interface PageStep<C extends Cursor> {
  cursor: C;
  /** The end of the source was reached. */
  done: boolean;
  /** Records of the page that are to be stored. */
  take: RawRecord[];
  /** Records the source says it has, where it says so. */
  total: number | null;
  /** Another way of reading is needed: start over in that mode. */
  switchTo: RunMode | null;
  /** The pages were read to their end, and do not add up: they stand where the other way cannot be had. */
  readToEnd?: boolean;
  /** Records that the destination may hold already: they are stored only where it does not. */
  recheck?: RawRecord[];
  gap?: Gap;
  /** Something that an operator has to know of. */
  warning?: string;
}

/** A way of paging: pure decisions, the requests are sent by somebody else. */
export interface Pager<C extends Cursor> {
  request(cursor: C): ApiRequest;
  /** Throws ExtractError when the source does not advance. */
  advance(cursor: C, page: FetchedPage): PageStep<C>;
  /** How many records the next page is asked for, and the fewest that it may be (1 unless it says otherwise). */
  pageSize(cursor: C): PageSize & { smallest?: number };
  /** The same position with pages of another size; undefined where it is none of theirs. */
  resized(cursor: C, size: PageSize): C | undefined;
  /**
   * Another cursor to go on with after this error, or another mode; undefined: the error stands. `attempt`: how often
   * the page was asked for, this time included.
   */
  recover(cursor: C, error: ExtractError, attempt?: number): OtherWay<C> | undefined;
  /** Another way of reading, after the end of this one, where what was read does not add up. */
  otherwise?(cursor: C): OtherWay<C> | undefined;
}

/** Where to go on, and in which mode: null stands for the same one. */
export interface OtherWay<C extends Cursor> {
  cursor: C;
  switchTo: RunMode | null;
  /** Why, where an operator has to know of it. */
  warning?: string;
}

/** Rows that a page is asked for where the tenant refuses 100: the public cloud's documents name 50 in one place. */
export const SMALL_PAGE_SIZE = 50;

/** A step within the same mode. */
export function step<C extends Cursor>(cursor: C, take: RawRecord[], done: boolean, total: number | null): PageStep<C> {
  return { cursor, take, done, total, switchTo: null };
}

/** Rows of a page as the server cuts it: what it says, where that is no more than it was asked for. */
export function pageSize(page: FetchedPage, asked: number): number {
  return page.limit !== null && page.limit > 0 ? Math.min(page.limit, asked) : asked;
}

/**
 * The total of a page that ends `end` rows behind the list's beginning. Null where there is none, and where it is less
 * than these rows: a total that its own page contradicts says nothing.
 */
export function totalAt(page: FetchedPage, end: number): number | null {
  return page.total !== null && page.total >= end ? page.total : null;
}

/**
 * Whether a list ends with a page that ends `end` rows behind its beginning, by what the page itself says: it is not
 * full, and the total agrees. Anything else only an empty page can say.
 */
export function isLastPage(page: FetchedPage, end: number, asked: number): boolean {
  return page.total === end && rowsOf(page) < pageSize(page, asked);
}

/** Requests for a page that a tenant cannot answer in time before it is read another way: a query has 2 s at Auth0. */
const TOO_SLOW_ATTEMPTS = 2;
/** The same of a page that it does not answer for whatever other reason: half a minute. */
const UNANSWERED_ATTEMPTS = 6;

/**
 * Whether a page is one that the tenant cannot serve this way, so that another way of reading is worth trying.
 * https://auth0.com/docs/manage-users/user-search (503 `query_timeout`)
 */
export function cannotServe(error: ExtractError, attempt: number): boolean {
  const { kind, message, context } = error;
  const { status, code = '' } = context;
  if (kind === 'SourceStuck') return true;
  if (status === 414) return true;
  // A host that cannot be reached at all cannot be reached for anything else.
  const isAnswer = kind === 'TenantUnavailable' || kind === 'UnreadableAnswer';
  const isLostAnswer = kind === 'TenantUnreachable' && (code === 'TimeoutError' || code === 'ECONNRESET');
  if (!isAnswer && !isLostAnswer) return false;
  const isTooSlow =
    ['query_timeout', 'TimeoutError'].includes(code) ||
    status === 504 ||
    status === 408 ||
    /time[d-]? ?out/i.test(message);
  return attempt >= (isTooSlow ? TOO_SLOW_ATTEMPTS : UNANSWERED_ATTEMPTS);
}

/** Another way of reading because of an error, and what an operator should know of it. */
export function leaving<C extends Cursor>(cursor: C, switchTo: RunMode | null, error: ExtractError): OtherWay<C> {
  if (error.kind === 'SourceStuck') return { cursor, switchTo, warning: `${error.message}: they are read another way` };
  const { status, code } = error.context;
  const said = [status === undefined ? undefined : `HTTP ${status}`, code].filter((part) => part !== undefined);
  const what = said.length > 0 ? said.join(', ') : error.kind;
  return { cursor, switchTo, warning: `The tenant does not answer for a page (${what}): it is read another way` };
}

/** The `from` parameter of a `Link: <...>; rel="next"` header. Its host is never used. */
export function linkFrom(link: string | null): string | null {
  for (const match of link?.matchAll(/<([^>]*)>([^,]*)/g) ?? []) {
    const [, target, parameters] = match;
    if (target === undefined || !/\brel=(?:next\b|"next")/.test(parameters ?? '')) continue;
    const from = parseUrl(target)?.searchParams.get('from');
    if (from) return from;
  }
  return null;
}

function parseUrl(target: string): URL | null {
  try {
    return new URL(target, 'http://relative.invalid');
  } catch {
    return null;
  }
}
