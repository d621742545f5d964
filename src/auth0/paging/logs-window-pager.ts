import type { LogsWindowCursor } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import { instantText } from '../../contracts/log-window.js';
import type { RawRecord } from '../../json/page.js';
import { parseInstant } from '../../resources/columns.js';
import { logs } from '../../resources/logs.js';
import { compareLogIds, timeOfLogId } from '../log-id.js';
import { logsPager } from './logs-pager.js';
import type { FetchedPage, Pager, PageStep } from './pager.js';

/** Ids that carry no time are in the order of intake all the same, so that dates go up but for some seconds. */
const DISORDER_MS = 60_000;

/**
 * GET /logs of one interval: read as the live run reads, bounded by the time at which the tenant took the logs in,
 * which is what their ids are in the order of. Where ids carry no time, `date` bounds it. All records are offered as
 * ones that the destination may hold already. It writes no gaps: what the live run has copied is not its business.
 */
export const logsWindowPager: Pager<LogsWindowCursor> = {
  request: (cursor) => logsPager.request(cursor.position),

  advance(cursor, page) {
    const inner = logsPager.advance(cursor.position, page);
    const { gap, ...position } = inner.cursor;
    const lost = gap ?? inner.gap ?? null;
    const moved = { ...cursor, position: { ...position, gap: null } };
    if (lost === null) return take(moved, [...(inner.recheck ?? []), ...inner.take], inner.done);
    // Between two pages the tenant has dropped what would have come next.
    const message = droppedMeanwhile(lost.fromDate ?? lost.from, page);
    if (!cursor.available) throw new ExtractError('RetentionPassed', message);
    return { ...take(moved, [...(inner.recheck ?? []), ...inner.take], inner.done), warning: message };
  },

  pageSize: (cursor) => logsPager.pageSize(cursor.position),
  resized: (cursor, size) => {
    const position = logsPager.resized(cursor.position, size);
    return position && { ...cursor, position };
  },

  recover(cursor, error) {
    const recovered = logsPager.recover(cursor.position, error);
    return recovered && { cursor: { ...cursor, position: recovered.cursor }, switchTo: null };
  },
};

/** The records of a page that belong to the interval, and whether it ends there. */
function take(cursor: LogsWindowCursor, records: readonly RawRecord[], done: boolean): PageStep<LogsWindowCursor> {
  const from = Date.parse(cursor.window.from);
  const to = Date.parse(cursor.window.to);
  const placed = records.map((record) => ({ record, ...placeOf(record) }));
  const inside = placed.filter(({ time }) => time === undefined || (time >= from && time < to));
  const isPast = placed.some(({ timed, time }) => timed && time !== undefined && time >= to);
  const ended = done || isPast || (placed.length > 0 && placed.every(({ time = from }) => time >= to + DISORDER_MS));

  const { last: before } = cursor;
  const ids = inside.map(({ id }) => id).filter((id) => id !== undefined);
  const fresh = [...new Set(ids)].filter((id) => before === null || compareLogIds(id, before) > 0);
  const ordered = fresh.toSorted(compareLogIds);
  const times = placed.map(({ time }) => time).filter((time) => time !== undefined);
  const at = ended ? to : times.length === 0 ? undefined : Math.max(...times);
  return {
    cursor: {
      ...cursor,
      seen: cursor.seen + fresh.length,
      unnamed: cursor.unnamed + inside.filter(({ id }) => id === undefined).length,
      first: cursor.first ?? ordered[0] ?? null,
      last: ordered.at(-1) ?? before,
      at: at === undefined ? cursor.at : new Date(at).toISOString(),
      ended,
    },
    done: ended,
    take: [],
    recheck: inside.map(({ record }) => record),
    total: null,
    switchTo: null,
  };
}

/** When a log was taken in: what its id says, else its date. */
function placeOf(record: RawRecord): { id: string | undefined; time: number | undefined; timed: boolean } {
  const id = logs.keyOf(record);
  const given = id === undefined ? undefined : timeOfLogId(id);
  return { id, time: given ?? parseInstant(record.value['date']), timed: given !== undefined };
}

function droppedMeanwhile(from: string, page: FetchedPage): string {
  const dates = page.records.map(({ value }) => parseInstant(value['date'])).filter((date) => date !== undefined);
  const oldest = dates.length === 0 ? null : instantText(new Date(Math.min(...dates)).toISOString());
  const left = oldest === null ? 'keeps no logs any more' : `keeps logs from ${oldest} on`;
  return `The tenant has dropped logs behind ${from} before they were read: it ${left}`;
}
