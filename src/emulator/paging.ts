import { managementError, queryError, type ApiError } from './api-error.js';
import type { FieldSelection } from './wire-text.js';

/** Rows that page-wise reading reaches at most. */
export const PAGING_WALL = 1000;
const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 50;
const CURSOR_LIFE_MS = 24 * 3_600_000;

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  page: 'Page index of the results to return. First page is 0.',
  per_page: 'Number of results per page.',
  take: 'Number of results per page. Defaults to 50.',
};

/** A page as asked for. */
export interface Page {
  readonly page: number;
  readonly perPage: number;
  readonly start: number;
  readonly includeTotals: boolean;
}

/**
 * Reads an integer parameter; the fallback when it is absent.
 * Throws the API's 400 when it is no integer or out of range.
 */
export function integerParameter(
  query: URLSearchParams,
  name: string,
  range: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const text = query.get(name);
  if (text === null) return range.fallback;
  const hint = `on property ${name} (${DESCRIPTIONS[name] ?? name}).`;
  if (!/^-?\d+$/.test(text)) throw queryError(`'Expected type integer but found type string' ${hint}`);
  const value = Number(text);
  if (value < range.min) throw queryError(`'Value ${value} is less than minimum ${range.min}' ${hint}`);
  if (value > range.max) throw queryError(`'Value ${value} is greater than maximum ${range.max}' ${hint}`);
  return value;
}

/** Reads a boolean parameter; the fallback when it is absent. Throws the API's 400 for anything but true and false. */
export function booleanParameter(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const text = query.get(name);
  if (text === null) return fallback;
  if (text !== 'true' && text !== 'false') {
    throw queryError(`'Expected type boolean but found type string' on property ${name}.`);
  }
  return text === 'true';
}

/** Reads page, per_page and include_totals. Throws the API's 400 for values out of range. */
export function pageParameters(query: URLSearchParams): Page {
  const page = integerParameter(query, 'page', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
  const perPage = integerParameter(query, 'per_page', { min: 0, max: MAX_PAGE_SIZE, fallback: DEFAULT_PAGE_SIZE });
  return { page, perPage, start: page * perPage, includeTotals: booleanParameter(query, 'include_totals', false) };
}

/** Reads `take`. Throws the API's 400 for values out of range. */
export function takeParameter(query: URLSearchParams): number {
  return integerParameter(query, 'take', { min: 1, max: MAX_PAGE_SIZE, fallback: DEFAULT_PAGE_SIZE });
}

/** A checkpoint's `next`: the place in a list at which the following page begins. */
export function writeCursor(list: string, place: number, nowMs: number): string {
  return Buffer.from(`${list},${nowMs},${place}`).toString('base64url');
}

/** The place that a cursor of this list names. Throws the API's 400 for one of another form, and after its life. */
export function readCursor(list: string, cursor: string, nowMs: number): number {
  const parts = /^(\w+),(\d+),(\d+)$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (parts === null || parts[1] !== list)
    throw managementError(400, "The 'from' parameter is invalid.", 'invalid_paging');
  if (nowMs - Number(parts[2]) >= CURSOR_LIFE_MS)
    throw managementError(400, "The 'from' parameter has expired.", 'invalid_paging');
  return Number(parts[3]);
}

/** Whether a page ends beyond the wall, however many rows there are. */
export function isBeyondWall(page: Page): boolean {
  return page.start + page.perPage > PAGING_WALL;
}

/** Refusal of a page of users beyond the wall. */
export function userWallError(): ApiError {
  return managementError(
    400,
    'You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation',
    'invalid_paging',
  );
}

/** Refusal of a page of logs beyond the wall. */
export function logWallError(page: Page): ApiError {
  return managementError(
    400,
    `Requesting page ${page.page} exceeds the allowed maximum of ${PAGING_WALL} records: please consider searching by checkpoint https://auth0.com/docs/logs/retrieve-log-events-using-mgmt-api#retrieve-logs-by-checkpoint`,
    'invalid_paging',
  );
}

/** Reads fields and include_fields. Throws the API's 400 when include_fields is no boolean. */
export function fieldSelection(query: URLSearchParams): FieldSelection | undefined {
  const include = booleanParameter(query, 'include_fields', true);
  const names = (query.get('fields') ?? '').split(',').map((name) => name.trim());
  const known = new Set(names.filter((name) => name !== ''));
  return known.size === 0 ? undefined : { names: known, include };
}

/** Reads `sort` as `field:1` or `field:-1`. Throws the API's 400 for any other form. */
export function sortParameter(
  query: URLSearchParams,
): { readonly field: string; readonly descending: boolean } | undefined {
  const text = query.get('sort');
  if (text === null || text === '') return undefined;
  const parts = /^([A-Za-z_.]+):(-?1)$/.exec(text);
  if (parts === null)
    throw queryError(`'String does not match pattern ^(((-1|1)|[a-zA-Z_.]+):(1|-1))$: ${text}' on property sort.`);
  return { field: parts[1] ?? '', descending: parts[2] === '-1' };
}

/** Which part of a list a page shows; `repeats`: as a tenant whose order is not the same from one page to the next. */
export function boundsOf(length: number, { start, perPage }: Page, repeats: boolean): [start: number, end: number] {
  const shift = repeats && start > 0 ? 1 : 0;
  return [start - shift, Math.min(length, start + perPage) - shift];
}
