import { type LogsCursor, PAGE_SIZE } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import type { RawRecord } from '../../json/page.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { compareLogIds, isTimedLogId, syntheticLogId } from '../log-id.js';
import { type FetchedPage, type Pager, step } from './pager.js';

/** `start` of a run that begins with the oldest log that the tenant keeps. */
export const OLDEST = 'oldest';
/** The same, once the tenant has refused a synthetic position: by the ids that a search finds. */
const BY_SEARCH = 'search:';

/** The log with the lowest `date` need not have the lowest id: ids are given up to some seconds after it. */
const STEP_BACK_MS = 60_000;

/**
 * GET /logs in checkpoint mode: `from` is exclusive, ids ascend, and the end is the empty page, never a missing Link
 * (the last page's Link points to itself for ever).
 *
 * The start is found by a search for the oldest log, since `take` without `from` has no documented start. From there a
 * synthetic position a little earlier is tried, and where the tenant refuses it, the search's own rows are stored and
 * paging goes on behind the lowest of them.
 * https://auth0.com/docs/deploy-monitor/logs/retrieve-log-events-using-mgmt-api
 */
export const logsPager: Pager<LogsCursor> = {
  request(cursor) {
    if (cursor.from !== null) return { path: logs.path, query: { from: cursor.from, take: String(PAGE_SIZE) } };
    const since = startInstant(cursor.start);
    return {
      path: logs.path,
      query: {
        ...(since !== undefined && { q: `date:[${new Date(since).toISOString()} TO *]` }),
        sort: 'date:1',
        per_page: String(PAGE_SIZE),
        page: '0',
      },
    };
  },

  advance(cursor, page) {
    return cursor.from === null ? begin(cursor, page) : follow(cursor, cursor.from, page);
  },

  recover(cursor, error) {
    const refused = error.kind === 'CursorExpired' || error.kind === 'InvalidRequest';
    if (refused && isProbe(cursor)) return { cursor: bySearch(cursor), switchTo: null };
    return undefined;
  },
};

/** Whether the position is a synthetic one that has not been answered with rows yet. */
function isProbe(cursor: LogsCursor): boolean {
  return (
    cursor.from !== null && cursor.logId === null && cursor.start !== cursor.from && !cursor.start.startsWith(BY_SEARCH)
  );
}

function bySearch(cursor: LogsCursor): LogsCursor {
  return { ...cursor, from: null, start: `${BY_SEARCH}${cursor.start}` };
}

function startInstant(start: string): number | undefined {
  return parseInstant(start.startsWith(BY_SEARCH) ? start.slice(BY_SEARCH.length) : start);
}

/** The first page of a search for the start. */
function begin(cursor: LogsCursor, page: FetchedPage) {
  const ids = page.records.map((record) => logs.keyOf(record)).filter((id) => id !== undefined);
  const lowest = ids.toSorted(compareLogIds)[0];
  if (lowest === undefined) return step(cursor, [], true, null);

  const dates = page.records.map((record) => parseInstant(record.value['date'])).filter((date) => date !== undefined);
  const [first] = dates;
  if (first !== undefined && dates.some((date) => date < first))
    throw new ExtractError(
      'UnreadableAnswer',
      'The tenant did not sort the logs by date, so the oldest one is unknown',
    );

  if (!cursor.start.startsWith(BY_SEARCH) && first !== undefined && ids.every(isTimedLogId)) {
    const from = syntheticLogId(startInstant(cursor.start) ?? first - STEP_BACK_MS);
    return step({ ...cursor, from }, [], false, null);
  }
  return step({ ...cursor, from: lowest, ...newest(cursor, page.records) }, page.records, false, null);
}

/** A page in checkpoint mode. */
function follow(cursor: LogsCursor, from: string, page: FetchedPage) {
  if (page.records.length === 0) {
    // Some servers answer an id that they do not know with nothing: a search did find logs, so that is no end.
    if (isProbe(cursor)) return step(bySearch(cursor), [], false, null);
    return step(cursor, [], true, null);
  }
  const position = newest(cursor, page.records);
  const last = position.logId;
  if (last === null) throw new ExtractError('UnreadableAnswer', 'A page of logs without a single log_id');
  const next = page.linkFrom !== null && page.linkFrom !== from ? page.linkFrom : last;
  const advanced = cursor.logId === null ? next !== from : compareLogIds(last, cursor.logId) > 0;
  if (!advanced || next === from)
    throw new ExtractError(
      'SourceStuck',
      'The tenant answered with logs that were read before, as if it ignored the cursor',
    );
  return step({ ...cursor, from: next, ...position }, page.records, false, null);
}

/** The newest log held after these records: by id, since dates go up and down. */
function newest(cursor: LogsCursor, records: readonly RawRecord[]): Pick<LogsCursor, 'logId' | 'date'> {
  let { logId, date } = cursor;
  for (const record of records) {
    const id = logs.keyOf(record);
    if (id === undefined || (logId !== null && compareLogIds(id, logId) <= 0)) continue;
    logId = id;
    const at = parseInstant(record.value['date']);
    date = at === undefined ? null : new Date(at).toISOString();
  }
  return { logId, date };
}
