import type { LogsCursor } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import type { RawRecord } from '../../json/page.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { areOrdered, compareLogIds } from '../log-id.js';

/** The records of a page, by what their ids say about the newest log held. */
export interface PlacedPage {
  /** Newer than it. */
  fresh: RawRecord[];
  /** Older, or of unknown place: they may be held or not. */
  doubtful: RawRecord[];
  /** The position behind the page; null where no record has an id. */
  last: string | null;
  /** Whether the ids can be compared with each other and with the newest log held. */
  ordered: boolean;
}

/**
 * Tells new records from those that may be held; the newest log held itself is in neither. Where ids have no order, a
 * page that goes up in it all the same is taken for new.
 */
export function placePage(records: readonly RawRecord[], held: string | null): PlacedPage {
  const placed = records
    .map((record) => ({ record, id: logs.keyOf(record) }))
    .filter(({ id }) => id === undefined || id !== held);
  const ids = records.map((record) => logs.keyOf(record)).filter((id) => id !== undefined);
  const ordered = areOrdered(held === null ? ids : [...ids, held]);
  const isNew = (id: string | undefined): boolean => id === undefined || held === null || compareLogIds(id, held) > 0;
  const allNew = ordered || (isAscending(ids) && ids.every((id) => isNew(id)));
  const isFresh = (id: string | undefined): boolean => id === undefined || (allNew && isNew(id));
  return {
    fresh: placed.filter(({ id }) => isFresh(id)).map(({ record }) => record),
    doubtful: placed.filter(({ id }) => !isFresh(id)).map(({ record }) => record),
    last: lastOf(ids),
    ordered,
  };
}

/** Whether ids go up as texts. */
export function isAscending(ids: readonly string[]): boolean {
  return ids.every((id, i) => i === 0 || compareLogIds(ids[i - 1] ?? '', id) <= 0);
}

/** The highest id; where ids have no order, the last one of the page. */
function lastOf(ids: readonly string[]): string | null {
  if (!areOrdered(ids)) return ids.at(-1) ?? null;
  return ids.reduce<string | null>((last, id) => (last === null || compareLogIds(id, last) > 0 ? id : last), null);
}

/** The newest log held after these records: by id, since dates go up and down. */
export function newestHeld(
  { logId, date }: Pick<LogsCursor, 'logId' | 'date'>,
  records: readonly RawRecord[],
): Pick<LogsCursor, 'logId' | 'date'> {
  const last = lastOf(records.map((record) => logs.keyOf(record)).filter((id) => id !== undefined));
  if (last === null) return { logId, date };
  if (logId !== null && areOrdered([logId, last]) && compareLogIds(last, logId) <= 0) return { logId, date };
  const at = parseInstant(records.find((record) => logs.keyOf(record) === last)?.value['date']);
  return { logId: last, date: at === undefined ? null : new Date(at).toISOString() };
}

/** What is said of a page of logs that leaves no position to go on from. */
export function withoutIds(): ExtractError {
  return new ExtractError('UnreadableAnswer', 'A page of logs without a single log_id');
}
