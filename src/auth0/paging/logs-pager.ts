import { type LogsCursor, PAGE_SIZE } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import type { RawRecord } from '../../json/page.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { compareLogIds, isTimedLogId, syntheticLogId } from '../log-id.js';
import { type FetchedPage, type Pager, type PageStep, step } from './pager.js';

/** `start` of a run that begins with the oldest log that the tenant keeps. */
export const OLDEST = 'oldest';

/** The log with the lowest `date` need not have the lowest id: ids are given up to some seconds after it. */
const STEP_BACK_MS = 60_000;

/**
 * GET /logs in checkpoint mode: `from` is exclusive, ids ascend, and the end is the empty page, never a missing Link
 * (the last page's Link points to itself for ever).
 *
 * The start is found by a search for the oldest log, since `take` without `from` has no documented start. From there a
 * synthetic position a little earlier is tried, and where the tenant refuses it, the lowest of the search's rows is
 * stored and paging goes on behind it. The same search tells whether a cursor that is refused, or older than any
 * tenant keeps its logs, has lost an interval.
 * https://auth0.com/docs/deploy-monitor/logs/retrieve-log-events-using-mgmt-api
 */
export const logsPager: Pager<LogsCursor> = {
  request(cursor) {
    if (!isSearch(cursor) && cursor.from !== null)
      return { path: logs.path, query: { from: cursor.from, take: String(PAGE_SIZE) } };
    const since = isStart(cursor) ? parseInstant(cursor.start) : undefined;
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
    switch (cursor.phase) {
      case 'find':
      case 'search':
        return begin(cursor, oldestOf(page), page.records);
      case 'check':
      case 'refused':
        return check(cursor, page);
      case 'probe':
      case 'overlap':
      case 'follow':
        return follow(cursor, page);
    }
  },

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
        // Whether it is too old or wrong in itself is told by what the tenant still keeps.
        if (namesOtherParameter(error)) return undefined;
        return { cursor: { ...cursor, phase: 'refused', resume: cursor.from }, switchTo: null };
      default:
        return undefined;
    }
  },
};

function isStart(cursor: LogsCursor): boolean {
  return cursor.phase === 'find' || cursor.phase === 'search';
}

function isSearch(cursor: LogsCursor): boolean {
  return isStart(cursor) || cursor.phase === 'check' || cursor.phase === 'refused';
}

/** A 400 about `take`, say, is a wrong request and never an old cursor. */
function namesOtherParameter(error: ExtractError): boolean {
  return (
    /\b(take|per_page|page|sort|fields|include_fields|include_totals|q)\b/.test(error.message) &&
    !/\bfrom\b/.test(error.message)
  );
}

/** The oldest log of an answer to the search for it. */
export interface OldestKept {
  id: string;
  /** ms since 1970. */
  date: number | undefined;
  /** All ids of the page carry the time at which they were given. */
  timed: boolean;
}

/** The oldest log of a search by date. Throws ExtractError when the answer is not in that order. */
export function oldestOf(page: FetchedPage): OldestKept | undefined {
  const ids = page.records.map((record) => logs.keyOf(record)).filter((id) => id !== undefined);
  const lowest = ids.toSorted(compareLogIds)[0];
  if (lowest === undefined) {
    if (page.records.length > 0) throw withoutIds();
    return undefined;
  }
  const dates = page.records.map((record) => parseInstant(record.value['date'])).filter((date) => date !== undefined);
  const [first] = dates;
  if (first !== undefined && dates.some((date) => date < first))
    throw new ExtractError(
      'UnreadableAnswer',
      'The tenant did not sort the logs by date, so the oldest one is unknown',
    );
  return { id: lowest, date: first, timed: ids.every(isTimedLogId) };
}

/** The answer of a search for the start. */
function begin(cursor: LogsCursor, oldest: OldestKept | undefined, records: RawRecord[]): PageStep<LogsCursor> {
  if (!oldest) return step(cursor, [], true, null);
  const rest = { ...cursor, resume: null };
  if (cursor.phase !== 'search' && oldest.date !== undefined && oldest.timed) {
    const since = isStart(cursor) ? parseInstant(cursor.start) : undefined;
    const from = syntheticLogId(since ?? oldest.date - STEP_BACK_MS);
    return step({ ...rest, phase: 'probe', from }, [], false, null);
  }
  // Only the lowest of the rows is taken from the search: the others come again behind it, in order.
  const lowest = records.filter((record) => logs.keyOf(record) === oldest.id);
  const position = newest({ ...cursor, logId: null, date: null }, lowest);
  const found = step({ ...rest, phase: 'follow' as const, from: oldest.id, ...position }, lowest, false, null);
  return closeGap(found, cursor.gap, records);
}

/** The answer of a search for the oldest kept log: is what is held connected with what is kept? */
function check(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  const oldest = oldestOf(page);
  const held = cursor.logId ?? cursor.resume ?? '';
  const heldAt = cursor.date === null ? undefined : parseInstant(cursor.date);
  const connected =
    oldest !== undefined &&
    (compareLogIds(oldest.id, held) <= 0 ||
      (oldest.date !== undefined && heldAt !== undefined && oldest.date <= heldAt));
  const comparable = oldest === undefined || oldest.id.length === held.length;
  if (cursor.phase === 'refused' && (connected || !comparable))
    throw new ExtractError(
      'InvalidRequest',
      connected
        ? 'The tenant refuses the cursor although it still keeps older logs: it is malformed, not expired'
        : 'The tenant refuses the cursor, which is no log id of the form that its logs have',
      { status: 400 },
    );
  if (connected) {
    const phase = cursor.from === cursor.resume ? 'follow' : 'overlap';
    return step({ ...cursor, phase, resume: phase === 'follow' ? null : cursor.resume }, [], false, null);
  }
  // Nothing is kept, and the end of the log was reached a short while ago: nothing has happened since.
  if (!oldest && cursor.recent && cursor.phase === 'check')
    return step({ ...cursor, phase: 'follow', from: cursor.resume, resume: null }, [], true, null);
  const gap = {
    // One that is open already began earlier.
    from: cursor.gap?.from ?? held,
    fromDate: cursor.gap === null ? cursor.date : cursor.gap.fromDate,
    reason:
      cursor.phase === 'refused'
        ? 'the cursor is older than the logs that the tenant keeps'
        : 'the oldest log that the tenant keeps is newer than the newest one held',
  };
  if (oldest)
    return begin({ ...cursor, phase: 'find', start: OLDEST, overlapRefused: false, gap }, oldest, page.records);
  // With nothing kept the cursor stays: the next run looks again, and its gap row replaces this one.
  const stays = { ...cursor, phase: 'follow' as const, from: cursor.resume, resume: null };
  return { ...step(stays, [], true, null), gap: { ...gap, to: '', toDate: null } };
}

/** The step with the gap before these records, if there is one: now it is known where it ends. */
function closeGap(
  stepped: PageStep<LogsCursor>,
  gap: LogsCursor['gap'],
  records: readonly RawRecord[],
): PageStep<LogsCursor> {
  if (gap === null) return stepped;
  const first = records
    .map((record) => ({ id: logs.keyOf(record), date: parseInstant(record.value['date']) }))
    .toSorted((a, b) => compareLogIds(a.id ?? '', b.id ?? ''))
    .find(({ id }) => id !== undefined);
  const toDate = first?.date === undefined ? null : new Date(first.date).toISOString();
  return { ...stepped, cursor: { ...stepped.cursor, gap: null }, gap: { ...gap, to: first?.id ?? '', toDate } };
}

/** A page in checkpoint mode. */
function follow(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  const { phase, from, resume } = cursor;
  const isOverlap = phase === 'overlap';
  if (page.records.length === 0) {
    // Some servers answer an id that they do not know with nothing: a search did find logs, so that is no end.
    if (phase === 'probe') return step({ ...cursor, phase: 'search', from: null }, [], false, null);
    if (isOverlap) return step({ ...cursor, phase: 'check', from: resume }, [], false, null);
    return step(cursor, [], true, null);
  }
  const held = cursor.logId;
  const isNew = (record: RawRecord) => {
    const id = logs.keyOf(record);
    return id === undefined || held === null || compareLogIds(id, held) > 0;
  };
  const take = page.records.filter((record) => isNew(record));
  const recheck = page.records.filter((record) => !isNew(record));
  const position = newest(cursor, page.records);
  const last = lastIdOf(page.records);
  if (last === null) throw withoutIds();
  const next = page.linkFrom !== null && page.linkFrom !== from ? page.linkFrom : last;
  const advances = isOverlap || phase === 'probe' ? next !== from : take.length > 0 && next !== from;
  if (!advances)
    throw new ExtractError(
      'SourceStuck',
      'The tenant answered with logs that were read before, as if it ignored the cursor',
    );

  // The overlap ends where the cursor begins.
  if (isOverlap && take.length === 0 && last !== held)
    return { ...step({ ...cursor, from: next }, [], false, null), recheck };
  // Here the overlap meets the cursor: the newest log held must be on this page, or the tenant no longer keeps it.
  if (isOverlap && !recheck.some((record) => logs.keyOf(record) === held))
    return { ...step({ ...cursor, phase: 'check', from: resume }, [], false, null), recheck };
  const onward = isOverlap && take.length === 0 ? resume : next;
  const moved: LogsCursor = { ...cursor, ...position, phase: 'follow', from: onward, resume: null };
  return closeGap({ ...step(moved, take, false, null), recheck }, cursor.gap, page.records);
}

function withoutIds(): ExtractError {
  return new ExtractError('UnreadableAnswer', 'A page of logs without a single log_id');
}

function lastIdOf(records: readonly RawRecord[]): string | null {
  let last: string | null = null;
  for (const record of records) {
    const id = logs.keyOf(record);
    if (id !== undefined && (last === null || compareLogIds(id, last) > 0)) last = id;
  }
  return last;
}

/** The newest log held after these records: by id, since dates go up and down. */
function newest(cursor: LogsCursor, records: readonly RawRecord[]): Pick<LogsCursor, 'logId' | 'date'> {
  let { logId } = cursor;
  let newestRecord: RawRecord | undefined;
  for (const record of records) {
    const id = logs.keyOf(record);
    if (id === undefined || (logId !== null && compareLogIds(id, logId) <= 0)) continue;
    logId = id;
    newestRecord = record;
  }
  if (newestRecord === undefined) return { logId, date: cursor.date };
  const at = parseInstant(newestRecord.value['date']);
  return { logId, date: at === undefined ? null : new Date(at).toISOString() };
}
