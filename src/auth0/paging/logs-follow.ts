import type { LogsCursor } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { areOrdered, compareLogIds } from '../log-id.js';
import { newestHeld, placePage, withoutIds } from './logs-order.js';
import { closeGap } from './logs-start.js';
import { type FetchedPage, type PageStep, step } from './pager.js';

/** Empty pages in a row whose Link leads on; beyond that the tenant leads nowhere. */
const MAX_HOPS = 1_000;
/** After so many it is asked whether there is anything to come to: a tenant may name a new position each time. */
const HOPS_BEFORE_DOUBT = 3;

/** Two logs of the same time may be listed in either order: so far their dates say nothing, ms. */
const DISORDER_MS = 60_000;

/** A page in checkpoint mode. */
export function follow(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  if (page.records.length === 0) return emptyPage(cursor, page);
  if (cursor.phase === 'overlap') return overlap(cursor, page);
  const { from, logId: held } = cursor;
  const { fresh, doubtful, last, ordered } = placePage(page.records, held);
  // Records that nobody can name again: only the tenant knows what comes behind them.
  const next = (cursor.byLink === true ? page.linkFrom : null) ?? last ?? page.linkFrom;
  if (next === null) throw withoutIds();
  if (fresh.length === 0 && doubtful.length === 0) return emptyPage(cursor, page);
  const trail = ordered && last !== null ? null : passed(cursor, next);
  const leadsBack = cursor.hops && page.records.every(({ value }) => isNotNewer(cursor, parseInstant(value['date'])));
  const isStuck = trail === 'circle' || next === from || leadsBack || (ordered && fresh.length === 0);
  if (isStuck && (fresh.length === 0 || last === null)) {
    // A Link behind an empty page that leads back: there is nothing new.
    const end = atHome(cursor);
    const asks = cursor.hops ? step(end, [], true, null) : step({ ...end, phase: 'confirm' as const }, [], false, null);
    return { ...asks, recheck: [...fresh, ...doubtful] };
  }
  const moved: LogsCursor = {
    ...cursor,
    ...newestHeld(cursor, page.records),
    phase: 'follow',
    from: next,
    resume: null,
    hops: null,
    trail: trail === 'circle' ? null : trail,
    link: opaque(page.linkFrom, next),
  };
  return closeGap({ ...step(moved, fresh, false, null), recheck: doubtful }, cursor.gap, page.records);
}

/** A page of what lies a little behind the cursor. It ends where the cursor begins. */
function overlap(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  const { from, resume, logId: held } = cursor;
  const { fresh, last } = placePage(page.records, held);
  if (last === null) throw withoutIds();
  const isNew = new Set(fresh);
  const recheck = page.records.filter((record) => !isNew.has(record));
  const reached = fresh.length > 0 || last === held;
  const trail = passed(cursor, last);
  if (!reached && last !== from && trail !== 'circle')
    return { ...step({ ...cursor, from: last, trail }, [], false, null), recheck };
  // Here the overlap meets the cursor: the newest log held must be on this page, or the tenant no longer keeps it.
  if (!page.records.some((record) => logs.keyOf(record) === held))
    return { ...step({ ...cursor, phase: 'check', from: resume, trail: null }, [], false, null), recheck };
  const position = { ...newestHeld(cursor, page.records), from: fresh.length === 0 ? resume : last };
  const moved: LogsCursor = { ...cursor, ...position, phase: 'follow', resume: null, trail: null };
  return closeGap({ ...step(moved, fresh, false, null), recheck }, cursor.gap, page.records);
}

/** A page that brings nothing: the end of the log, unless its Link leads on. */
function emptyPage(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  const { from, resume } = cursor;
  // Some servers answer an id that they do not know with nothing: a search did find logs, so that is no end.
  if (cursor.phase === 'probe') return step({ ...cursor, phase: 'search', from: null }, [], false, null);
  if (cursor.phase === 'overlap')
    return step({ ...cursor, phase: 'check', from: resume, trail: null }, [], false, null);
  const link = page.linkFrom;
  if (link === null || from === null || !leadsOn(cursor, link)) return step(atHome(cursor), [], true, null);
  const trail = areOrdered([link]) ? (cursor.trail ?? null) : passed(cursor, link);
  if (trail === 'circle') return step(atHome(cursor), [], true, null);
  const count = (cursor.hops?.count ?? 0) + 1;
  const phase = count === HOPS_BEFORE_DOUBT || count > MAX_HOPS ? 'confirm' : 'follow';
  const hops = { home: cursor.hops?.home ?? from, count };
  return step({ ...cursor, phase, from: link, hops, trail }, [], false, null);
}

function isNotNewer({ date }: LogsCursor, at: number | undefined): boolean {
  const heldAt = parseInstant(date);
  return at !== undefined && heldAt !== undefined && at <= heldAt;
}

/** Whether a Link names a position that is neither this one nor before it. */
function leadsOn({ from, hops, logId }: LogsCursor, link: string): boolean {
  const known = [from, hops?.home, logId].filter((id) => typeof id === 'string');
  if (known.includes(link)) return false;
  return known.every((id) => !areOrdered([id, link]) || compareLogIds(link, id) > 0);
}

/** The cursor where it stood before Links of empty pages were followed. */
function atHome(cursor: LogsCursor): LogsCursor {
  const { hops, ...rest } = cursor;
  return hops ? { ...rest, from: hops.home } : cursor;
}

/** Brent's way of noticing a circle with one position in memory: the mark moves up at each power of two. */
function passed(cursor: LogsCursor, next: string): NonNullable<LogsCursor['trail']> | 'circle' {
  const { mark, steps } = cursor.trail ?? { mark: cursor.from ?? next, steps: 0 };
  if (next === mark) return 'circle';
  const isPower = (steps & (steps + 1)) === 0;
  return { mark: isPower ? next : mark, steps: steps + 1 };
}

/** A Link's position where it is none that the page's own ids could stand for. */
function opaque(link: string | null, next: string): string | null {
  return link === null || link === next || areOrdered([link]) ? null : link;
}

/**
 * The answer of a search for the newest logs, after pages that brought nothing new. Where none is newer than what is
 * held, that was the end. Else Links are followed further, and a tenant that ignores the cursor is an error. Throws
 * ExtractError (SourceStuck).
 */
export function confirm(cursor: LogsCursor, page: FetchedPage): PageStep<LogsCursor> {
  const { logId: held } = cursor;
  const heldAt = parseInstant(cursor.date);
  const isBehind = (id: string | undefined, date: number | undefined): boolean => {
    if (id === held) return true;
    if (id !== undefined && held !== null && areOrdered([id, held])) return compareLogIds(id, held) <= 0;
    return date !== undefined && heldAt !== undefined && date <= heldAt + DISORDER_MS;
  };
  const placed = page.records.map((record) => ({ id: logs.keyOf(record), date: parseInstant(record.value['date']) }));
  const dates = placed.map(({ date }) => date).filter((date) => date !== undefined);
  // A tenant that ignores the order as well has shown its oldest logs.
  const isSorted = (dates[0] ?? 0) >= (dates.at(-1) ?? 0);
  if (isSorted && placed.every(({ id, date }) => isBehind(id, date)))
    return { ...step({ ...atHome(cursor), phase: 'follow' as const }, [], true, null), recheck: page.records };
  return step(goOnHopping(cursor) ?? raiseStuck(cursor), [], false, null);
}

/** The cursor that follows Links of empty pages further; undefined where none was followed, or too many. */
export function goOnHopping(cursor: LogsCursor): LogsCursor | undefined {
  return cursor.hops && cursor.hops.count <= MAX_HOPS ? { ...cursor, phase: 'follow' } : undefined;
}

function raiseStuck({ hops }: LogsCursor): never {
  const message = hops
    ? `The tenant led on over ${MAX_HOPS} empty pages of logs and to no end`
    : 'The tenant answered with logs that were read before, as if it ignored the cursor';
  throw new ExtractError('SourceStuck', message);
}
