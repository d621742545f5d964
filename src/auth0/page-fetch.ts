import type { Cursor } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import { cursorText } from '../contracts/types.js';
import { parsePage, parseRecord, type RawRecord } from '../json/page.js';
import { JsonTextError } from '../json/scan.js';
import type { Resource } from '../resources/resource.js';
import type { ManagementApi } from './http.js';
import { pagers } from './paging/index.js';
import { type FetchedPage, linkFrom, type PageStep } from './paging/pager.js';

/** A page, what follows from it, and when it was asked for. */
export interface AnsweredPage {
  step: PageStep<Cursor>;
  /** By our clock, ms since 1970. */
  sentAt: number;
  /** By the tenant's clock, ms since 1970; ours where it does not say. */
  serverTime: number;
}

/**
 * Fetches the page at a cursor; where the tenant refuses a way of asking, the pager may know another. Throws
 * ExtractError with the place in it; `page` is its number in the run.
 */
export async function fetchPage(
  api: ManagementApi,
  resource: Resource,
  start: Cursor,
  { page, signal }: { page?: number; signal?: AbortSignal } = {},
): Promise<AnsweredPage> {
  const pager = pagers[start.kind];
  let cursor = start;
  for (;;) {
    try {
      const { headers, text, sentAt, serverTime } = await api.send(pager.request(cursor), signal);
      const step = pager.advance(cursor, readPage(text, headers, resource.listName));
      return { step, sentAt, serverTime };
    } catch (error) {
      const known = error instanceof ExtractError ? error : undefined;
      const recovered = known && pager.recover(cursor, known);
      if (!recovered) {
        const place = { resource: resource.name, cursor: cursorText(start), ...(page !== undefined && { page }) };
        throw known?.at(place) ?? error;
      }
      if (recovered.switchTo !== null) {
        const now = Date.now();
        return { step: { ...recovered, done: false, take: [], total: null }, sentAt: now, serverTime: now };
      }
      ({ cursor } = recovered);
    }
  }
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

/** One line of an export file as a user. Throws ExtractError with the line's number, never with the line. */
export function readExportLine(line: string, number: number): RawRecord {
  try {
    return parseRecord(line);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new ExtractError('UnreadableAnswer', `Line ${number} of the export file is no user: ${error.message}`);
  }
}
