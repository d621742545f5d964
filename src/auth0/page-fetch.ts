import type { Cursor } from '../contracts/cursor.js';
import { ExtractError } from '../contracts/errors.js';
import { cursorText } from '../contracts/types.js';
import { parsePage, parseRecord, type RawRecord, rowsOf, VALUES_OF_SMALL_PAGE } from '../json/page.js';
import { JsonTextError, JsonTooLargeError } from '../json/scan.js';
import { isCut, skimRecord } from '../json/skim.js';
import type { Resource } from '../resources/resource.js';
import type { ManagementApi } from './http.js';
import { pagers } from './paging/index.js';
import { regrown, shrunk } from './paging/page-size.js';
import { type FetchedPage, linkFrom, type PageStep } from './paging/pager.js';
import type { BodyOptions } from './wire.js';

/** A page, what follows from it, and when it was asked for. */
export interface AnsweredPage {
  step: PageStep<Cursor>;
  /** Elements of the page that were no records. */
  nonRecords: number;
  /** Records that are too large to be read, without their large values. */
  lost: RawRecord[];
  /** By our clock, ms since 1970. */
  sentAt: number;
  /** By the tenant's clock, ms since 1970; ours where it does not say, and then `tellsTime` is false. */
  serverTime: number;
  tellsTime: boolean;
}

/** More bytes than this are no page: it is asked for again with fewer records. What a worker holds of one is several times as much. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
/** The same of a page that cannot be smaller: its record is too large. */
const MAX_RECORD_BYTES = 32 * 1024 * 1024;

/**
 * Fetches the page at a cursor. A page that is too large is asked for again with fewer records; a record that is too large
 * by itself is passed and named. Where the tenant refuses a way of asking, the pager may know another. Throws
 * ExtractError with the place in it; `page` is its number in the run, `attempt` counts how often it was asked for.
 */
export async function fetchPage(
  api: ManagementApi,
  resource: Resource,
  start: Cursor,
  {
    page,
    attempt = 1,
    signal,
    maxBytes = MAX_RECORD_BYTES,
  }: { page?: number; attempt?: number; signal?: AbortSignal; maxBytes?: number } = {},
): Promise<AnsweredPage> {
  const pager = pagers[start.kind];
  let cursor = start;
  let warning: string | undefined;
  for (;;) {
    try {
      const read = await readAt(api, resource, cursor, { signal, maxBytes, attempt });
      return warning === undefined ? read : { ...read, step: { warning, ...read.step } };
    } catch (error) {
      const known = error instanceof ExtractError ? error : undefined;
      const smaller = known?.kind === 'AnswerTooLarge' ? shrunk(pager, cursor) : null;
      if (smaller !== null) {
        cursor = smaller;
        continue;
      }
      const recovered = known && pager.recover(cursor, known, attempt);
      if (!recovered) {
        const place = { resource: resource.name, cursor: cursorText(start), ...(page !== undefined && { page }) };
        throw known?.at(place) ?? error;
      }
      if (recovered.switchTo !== null) {
        const now = Date.now();
        const step = { ...recovered, done: false, take: [], total: null };
        return { step, nonRecords: 0, lost: [], sentAt: now, serverTime: now, tellsTime: false };
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

/**
 * How a page is read, one way after the other while it is too large and cannot be asked for smaller: whole, then without
 * its largest values (what is whole without them stays whole), then without all that is no short one.
 */
const waysOf = (maxBytes: number): readonly BodyOptions[] => [
  { maxBytes },
  { skim: maxBytes / 4 },
  { skim: SHORT_VALUE },
];
const SHORT_VALUE = 4 * 1024;

/** What a page is read with. */
interface Reading {
  signal: AbortSignal | undefined;
  maxBytes: number;
  attempt: number;
}

async function readAt(api: ManagementApi, resource: Resource, cursor: Cursor, reading: Reading): Promise<AnsweredPage> {
  const isSmallest = shrunk(pagers[cursor.kind], cursor) === null;
  const ways = isSmallest ? waysOf(reading.maxBytes) : [{ maxBytes: Math.min(reading.maxBytes, MAX_PAGE_BYTES) }];
  let tooLarge: ExtractError | undefined;
  for (const way of ways) {
    try {
      return await readOnce(api, resource, cursor, { ...reading, way, isSmallest });
    } catch (error) {
      if (!(error instanceof ExtractError) || error.kind !== 'AnswerTooLarge') throw error;
      tooLarge = error;
    }
  }
  throw tooLarge ?? new ExtractError('Internal', 'A page was not read in any way');
}

async function readOnce(
  api: ManagementApi,
  resource: Resource,
  cursor: Cursor,
  { way, isSmallest, signal, maxBytes, attempt }: Reading & { way: BodyOptions; isSmallest: boolean },
): Promise<AnsweredPage> {
  const pager = pagers[cursor.kind];
  const { headers, text, sentAt, serverTime } = await api.send({ ...pager.request(cursor), ...way }, signal);
  const page = readPage(text, headers, resource.listName, isSmallest ? undefined : VALUES_OF_SMALL_PAGE);
  refuseNonsense(page, resource, attempt);
  const { perPage } = pager.pageSize(cursor);
  if (way.skim !== undefined && rowsOf(page) > perPage)
    throw new ExtractError('AnswerTooLarge', `The tenant sends ${rowsOf(page)} records for ${perPage}`, {
      status: 200,
    });
  const { take, recheck, ...step } = pager.advance(cursor, page);
  const isLost = ({ raw }: RawRecord): boolean => way.skim !== undefined && isCut(raw);
  const isWhole = (record: RawRecord): boolean => !isLost(record);
  const lost = [...(recheck ?? []), ...take].filter(isLost);
  const next = withoutRows(
    regrown(pager, step.cursor, { bytes: text.length, maxBytes: Math.min(maxBytes, MAX_PAGE_BYTES) }),
    lost.length,
  );
  return {
    step: { ...step, cursor: next, take: take.filter(isWhole), ...(recheck && { recheck: recheck.filter(isWhole) }) },
    nonRecords: page.nonRecords ?? 0,
    lost,
    sentAt,
    serverTime,
    tellsTime: headers.has('date'),
  };
}

/** Rows of a list that brought no record: so many ids fewer than rows are no sign of rows that repeat one. */
function withoutRows(cursor: Cursor, rows: number): Cursor {
  if (rows === 0 || (cursor.kind !== 'users-pages' && cursor.kind !== 'clients')) return cursor;
  return { ...cursor, nonRecords: (cursor.nonRecords ?? 0) + rows };
}

/** The page in an answer's body. Throws ExtractError (UnreadableAnswer, AnswerTooLarge). */
export function readPage(text: string, headers: Headers, listName: string, mostValues?: number): FetchedPage {
  try {
    return { ...parsePage(text, listName, mostValues), linkFrom: linkFrom(headers.get('link')) };
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const kind = error instanceof JsonTooLargeError ? 'AnswerTooLarge' : 'UnreadableAnswer';
    throw new ExtractError(kind, `The tenant's answer is no list of ${listName}: ${error.message}`, { status: 200 });
  }
}

/**
 * One line of an export file as a user; undefined for one that is no JSON object. Of one that holds more than can be taken,
 * what is left without its large values (see `isCut`).
 */
export function readExportLine(line: string): RawRecord | undefined {
  try {
    return parseRecord(line);
  } catch (error) {
    if (error instanceof JsonTooLargeError && !isCut(line)) return readExportLine(skimRecord(line, SHORT_VALUE));
    if (!(error instanceof JsonTextError)) throw error;
    return undefined;
  }
}

/** Throws ExtractError (UnreadableAnswer) for a file that holds lines, and no user: it is something else. */
export function refuseNonsenseFile(lines: number, nonRecords: number): void {
  if (lines === 0 || nonRecords < lines) return;
  throw new ExtractError('UnreadableAnswer', 'No line of the export file is a user');
}
