import type { Cursor } from '../../contracts/cursor.js';
import type { ExtractError } from '../../contracts/errors.js';
import type { RunMode } from '../../contracts/types.js';
import type { Page, RawRecord } from '../../json/page.js';
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
  /** Another cursor to go on with after this error, or another mode; undefined: the error stands. */
  recover(cursor: C, error: ExtractError): { cursor: C; switchTo: RunMode | null } | undefined;
}

/** Rows that a page is asked for where the tenant refuses 100: the public cloud's documents name 50 in one place. */
export const SMALL_PAGE_SIZE = 50;

/** A step within the same mode. */
export function step<C extends Cursor>(cursor: C, take: RawRecord[], done: boolean, total: number | null): PageStep<C> {
  return { cursor, take, done, total, switchTo: null };
}

/** Rows of a page as the server cuts it: what it says, where that is usable, else what it was asked for. */
export function pageSize(page: FetchedPage, asked: number): number {
  return page.limit !== null && page.limit > 0 ? page.limit : asked;
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
