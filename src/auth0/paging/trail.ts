import type { Cursor, Trail, Trailing } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import type { RawRecord } from '../../json/page.js';
import { textDigest } from './digest.js';
import type { FetchedPage, Pager } from './pager.js';

/** Pages in a row without a single record, after which a list leads nowhere. */
const MAX_BARREN = 50;
/** Pages with records after which it is counted how many of them are different. */
const PAGES_BEFORE_COUNT = 100;

/**
 * A pager of a list that notices when it is led on without an end: in a circle, however long, or over page after page
 * without a record. Pages in a circle whose tenant counts its records have come to their end, and whether they add up
 * decides what follows; else ExtractError (SourceStuck) is thrown, and there may be another way. Without `idOf` pages may
 * come again, or be empty, and are counted only.
 */
export function watched<C extends Extract<Cursor, Trailing>>(
  pager: Pager<C>,
  idOf?: (record: RawRecord) => string,
): Pager<C> {
  return {
    ...pager,
    advance(cursor, page) {
      const step = pager.advance(cursor, page);
      if (step.done || step.switchTo !== null) return step;
      // Nothing is taken where a list is begun again: what was passed before says nothing then.
      const isAnew = step.take.length === 0 && page.records.length > 0;
      if (isAnew) return step;
      const trail = behind(cursor.trail, page, idOf);
      if (trail === 'circle') {
        if (step.total === null) throw new ExtractError('SourceStuck', CIRCLE);
        return { ...step, done: true, warning: CIRCLE };
      }
      if (idOf !== undefined && trail.barren > MAX_BARREN)
        throw new ExtractError('SourceStuck', `The tenant led on over ${MAX_BARREN} pages without a record`);
      return { ...step, cursor: { ...step.cursor, trail } };
    },
  };
}

const CIRCLE = 'The tenant leads its pages in a circle: after the last one come those that were read before';

/** Brent's way of noticing a circle with one page in memory: the mark moves up at each power of two. */
function behind(trail: Trail | undefined, page: FetchedPage, idOf?: (record: RawRecord) => string): Trail | 'circle' {
  const next = page.next === null ? null : textDigest(page.next);
  const { steps = 0, records = 0, barren = 0, last = '', mark = { page: '', next: null } } = trail ?? {};
  const n = steps + barren + 1;
  const isEmpty = page.records.length === 0;
  const isCompared = !isEmpty && idOf !== undefined;
  const own = isCompared ? textDigest(page.records.map((record) => idOf(record)).join('\n')) : last;
  // With the page before it: a record that is new in front of pages of one shows a page twice, and is no circle.
  const pair = isCompared ? textDigest(`${last} ${own}`) : '';
  if ((next !== null && next === mark.next) || (pair !== '' && pair === mark.page)) return 'circle';
  const isPower = (n & (n - 1)) === 0;
  return {
    steps: isEmpty ? steps : steps + 1,
    records: records + page.records.length,
    barren: isEmpty ? barren + 1 : 0,
    last: own,
    mark: isPower ? { page: pair, next } : mark,
  };
}

/** Records may come again, but not so often: those that came, for each that is known by now. */
const MOST_REPETITIONS = 3;

/** Whether a cursor has come so far that its records are to be counted. */
export function isCountDue(cursor: Trailing): cursor is Trailing & { trail: Trail } {
  return cursor.trail !== undefined && cursor.trail.steps >= PAGES_BEFORE_COUNT;
}

/** Throws ExtractError (SourceStuck) for a source that brings the same records again and again; `ids` are different ones. */
export function refuseRepetition(source: string, records: number, ids: number): void {
  if (records <= ids * MOST_REPETITIONS) return;
  const message = `${source} brought ${records} records, only ${ids} of them different, and goes on`;
  throw new ExtractError('SourceStuck', message);
}
