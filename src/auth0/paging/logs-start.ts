import type { LogsCursor } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import type { RawRecord } from '../../json/page.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { areOrdered, compareLogIds, isTimedLogId, syntheticLogId, timeOfLogId } from '../log-id.js';
import { isAscending, newestHeld, withoutIds } from './logs-order.js';
import { type FetchedPage, type PageStep, step } from './pager.js';

/** `start` of a run that begins with the oldest log that the tenant keeps. */
export const OLDEST = 'oldest';

/** The log with the lowest `date` need not have the lowest id: ids are given up to some seconds after it. */
const STEP_BACK_MS = 60_000;

/** Whether a cursor still has to find where to begin. */
export function isStart(cursor: LogsCursor): boolean {
  return cursor.phase === 'find' || cursor.phase === 'search';
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
  // What has no order of its own is taken in that of the search.
  const lowest = areOrdered(ids) ? ids.toSorted(compareLogIds)[0] : ids[0];
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
export function begin(cursor: LogsCursor, oldest: OldestKept | undefined, records: RawRecord[]): PageStep<LogsCursor> {
  const gap = isStillKept(cursor.gap, oldest) ? null : cursor.gap;
  if (!oldest) {
    const nothing = step({ ...cursor, gap: null }, [], true, null);
    return gap?.unlessKept === true
      ? { ...nothing, gap: { ...gap, to: '', toDate: null } }
      : step(cursor, [], true, null);
  }
  const rest = { ...cursor, gap, resume: null };
  if (cursor.phase !== 'search' && oldest.timed) {
    const since = isStart(cursor) ? parseInstant(cursor.start) : undefined;
    // A date may be missing, or be any: the id says when the log was taken in.
    const takenIn = timeOfLogId(oldest.id) ?? Infinity;
    const from = syntheticLogId(since ?? Math.max(0, Math.min(oldest.date ?? Infinity, takenIn) - STEP_BACK_MS));
    return step({ ...rest, phase: 'probe', from }, [], false, null);
  }
  const ids = records.map((record) => logs.keyOf(record)).filter((id) => id !== undefined);
  // Only the lowest of the rows is taken from the search: the others come again behind it, in order. Where ids have
  // none, nobody knows what comes behind the first: what comes twice is stored once.
  const lowest = records.filter((record) => logs.keyOf(record) === oldest.id);
  const taken = areOrdered(ids) || isAscending(ids) ? lowest : records;
  const position = newestHeld({ ...cursor, logId: null, date: null }, lowest);
  const found = step({ ...rest, phase: 'follow' as const, from: oldest.id, ...position }, taken, false, null);
  return closeGap(found, gap, records);
}

/** Whether all that was held before is still kept, so that a pending gap is none. */
function isStillKept(gap: LogsCursor['gap'], oldest: OldestKept | undefined): boolean {
  if (gap?.unlessKept !== true || oldest === undefined) return false;
  const at = parseInstant(gap.fromDate);
  if (oldest.date !== undefined && at !== undefined && oldest.date <= at) return true;
  return gap.from !== '' && areOrdered([oldest.id, gap.from]) && compareLogIds(oldest.id, gap.from) <= 0;
}

/** The answer of a search for the oldest kept log: is what is held connected with what is kept? */
export function check(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  const oldest = oldestOf(page);
  const held = cursor.logId ?? cursor.resume ?? '';
  const heldAt = cursor.date === null ? undefined : parseInstant(cursor.date);
  // A position that somebody has given is one of the tenant's only where it looks like its ids.
  const looksAlike = cursor.logId !== null || oldest?.id.length === held.length;
  const comparable = oldest === undefined || (areOrdered([oldest.id, held]) && looksAlike);
  const isOlder = oldest?.date !== undefined && heldAt !== undefined && oldest.date <= heldAt;
  const connected = oldest !== undefined && ((comparable && compareLogIds(oldest.id, held) <= 0) || isOlder);
  const stays = { ...cursor, phase: 'follow' as const, from: cursor.resume, resume: null };
  if (cursor.phase === 'refused') {
    if (connected && comparable) throw refused('although it still keeps older logs: it is malformed, not expired');
    if (!comparable && (cursor.logId === null || heldAt === undefined))
      throw refused('which is no log id of the form that its logs have');
    // Its ids are of another form than they were: only dates can say where to go on.
    if (connected && heldAt !== undefined && oldest !== undefined) {
      const start = new Date(Math.max(0, heldAt - STEP_BACK_MS)).toISOString();
      const anew = { ...cursor, phase: 'find' as const, from: null, resume: null, start };
      return { ...step(anew, [], false, null), warning: OTHER_IDS };
    }
  }
  // Which of two ids of different forms came first is not known, and no gap can be proven.
  const unknown = oldest !== undefined && !comparable && (oldest.date === undefined || heldAt === undefined);
  if (connected || unknown) {
    const phase = cursor.from === cursor.resume ? 'follow' : 'overlap';
    return step({ ...cursor, phase, resume: phase === 'follow' ? null : cursor.resume }, [], false, null);
  }
  // Nothing is kept, and the end of the log was reached a short while ago: nothing has happened since.
  if (!oldest && cursor.recent) return step(stays, [], true, null);
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
  return { ...step(stays, [], true, null), gap: { ...gap, to: '', toDate: null } };
}

const OTHER_IDS =
  'The tenant gives its logs ids of another form than before: going on by their dates, a minute before the newest one held';

function refused(why: string): ExtractError {
  return new ExtractError(
    'InvalidRequest',
    `The tenant refuses the cursor${why.startsWith('which') ? ',' : ''} ${why}`,
    {
      status: 400,
    },
  );
}

/** The step with the gap before these records, if there is one: now it is known where it ends. */
export function closeGap(
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
