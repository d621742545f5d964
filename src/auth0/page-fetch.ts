import type { Cursor } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import { cursorText } from '../contracts/types.js';
import { parsePage, parseRecord, type RawRecord, rowsOf } from '../json/page.js';
import { JsonTextError } from '../json/scan.js';
import type { Resource } from '../resources/resource.js';
import type { ManagementApi } from './http.js';
import { pagers } from './paging/index.js';
import { type FetchedPage, linkFrom, type PageStep } from './paging/pager.js';

/** A page, what follows from it, and when it was asked for. */
export interface AnsweredPage {
  step: PageStep<Cursor>;
  /** Elements of the page that were no records. */
  nonRecords: number;
  /** By our clock, ms since 1970. */
  sentAt: number;
  /** By the tenant's clock, ms since 1970; ours where it does not say, and then `tellsTime` is false. */
  serverTime: number;
  tellsTime: boolean;
}

/**
 * Fetches the page at a cursor; where the tenant refuses a way of asking, the pager may know another. Throws
 * ExtractError with the place in it; `page` is its number in the run, `attempt` counts how often it was asked for.
 */
export async function fetchPage(
  api: ManagementApi,
  resource: Resource,
  start: Cursor,
  { page, attempt = 1, signal }: { page?: number; attempt?: number; signal?: AbortSignal } = {},
): Promise<AnsweredPage> {
  const pager = pagers[start.kind];
  let cursor = start;
  let warning: string | undefined;
  for (;;) {
    try {
      const { headers, text, sentAt, serverTime } = await api.send(pager.request(cursor), signal);
      const fetched = readPage(text, headers, resource.listName);
      refuseNonsense(fetched, resource, attempt);
      const step = pager.advance(cursor, fetched);
      const { nonRecords = 0 } = fetched;
      const tellsTime = headers.has('date');
      return { step: warning === undefined ? step : { warning, ...step }, nonRecords, sentAt, serverTime, tellsTime };
    } catch (error) {
      const known = error instanceof ExtractError ? error : undefined;
      const recovered = known && pager.recover(cursor, known, attempt);
      if (!recovered) {
        const place = { resource: resource.name, cursor: cursorText(start), ...(page !== undefined && { page }) };
        throw known?.at(place) ?? error;
      }
      if (recovered.switchTo !== null) {
        const now = Date.now();
        const step = { ...recovered, done: false, take: [], total: null };
        return { step, nonRecords: 0, sentAt: now, serverTime: now, tellsTime: false };
      }
      ({ cursor } = recovered);
      ({ warning = warning } = recovered);
    }
  }
}

/** Times that a page is asked for again of which nothing is a record: whoever answers may come to its senses. */
const NONSENSE_ATTEMPTS = 3;

/** Throws ExtractError (UnreadableAnswer) for a page that holds something, and no record. */
function refuseNonsense(page: FetchedPage, { listName }: Resource, attempt: number): void {
  if (page.records.length > 0 || rowsOf(page) === 0 || attempt > NONSENSE_ATTEMPTS) return;
  throw new ExtractError('UnreadableAnswer', `Nothing of the tenant's list of ${listName} is a record`, {
    status: 200,
  });
}

/** The page in an answer's body. Throws ExtractError (UnreadableAnswer). */
export function readPage(text: string, headers: Headers, listName: string): FetchedPage {
  try {
    return { ...parsePage(text, listName), linkFrom: linkFrom(headers.get('link')) };
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new ExtractError('UnreadableAnswer', `The tenant's answer is no list of ${listName}: ${error.message}`, {
      status: 200,
    });
  }
}

/** One line of an export file as a user; undefined for one that is no JSON object. */
export function readExportLine(line: string): RawRecord | undefined {
  try {
    return parseRecord(line);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    return undefined;
  }
}

/** Throws ExtractError (UnreadableAnswer) for a file that holds lines, and no user: it is something else. */
export function refuseNonsenseFile(lines: number, nonRecords: number): void {
  if (lines === 0 || nonRecords < lines) return;
  throw new ExtractError('UnreadableAnswer', 'No line of the export file is a user');
}
