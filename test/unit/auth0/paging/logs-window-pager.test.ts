import { describe, expect, it } from 'vitest';
import { compareLogIds, syntheticLogId } from '../../../../src/auth0/log-id.js';
import { logsWindowPager } from '../../../../src/auth0/paging/logs-window-pager.js';
import { afterPause, type LogsWindowCursor, windowBeginning } from '../../../../src/contracts/cursor.js';
import { drive, kindOf, type Model, numberOf, refusal } from './drive.js';

const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const iso = (second: number) => new Date(START + second * 1_000).toISOString();

type Log = { log_id: string; date: string };

/** A log a second, its id given `lateBy(n)` ms after its date. */
function logsOf(count: number, lateBy: (n: number) => number = () => 10): Log[] {
  return Array.from({ length: count }, (_, n) => {
    const date = START + n * 1_000;
    const id = `${syntheticLogId(date + lateBy(n)).slice(0, 17)}${String(n).padStart(39, '1')}`;
    return { log_id: id, date: new Date(date).toISOString() };
  });
}

/** The same logs with ids that carry no time. */
const untimed = (logs: readonly Log[]): Log[] =>
  logs.map((log, n) => ({ ...log, log_id: `log${String(n).padStart(20, '0')}` }));

interface Ways {
  /** Logs that are kept: those from this one on. */
  keptFrom?: () => number;
  /** What becomes of a position that is no longer kept. */
  expired?: 'refused' | 'oldest';
  refusesSynthetic?: boolean;
}

function tenant(all: readonly Log[], ways: Ways = {}): Model {
  return (query) => {
    const first = ways.keptFrom?.() ?? 0;
    const kept = all.slice(first);
    const byId = kept.toSorted((a, b) => compareLogIds(a.log_id, b.log_id));
    const { from } = query;
    if (from === undefined) {
      const since = /^date:\[(\S+) TO \*\]$/.exec(query['q'] ?? '')?.[1];
      const found = kept.filter(({ date }) => since === undefined || Date.parse(date) >= Date.parse(since));
      return { body: found.slice(0, numberOf(query, 'per_page')) };
    }
    const isKnown = all.some(({ log_id: id }) => id === from);
    if (ways.refusesSynthetic && !isKnown) return refusal(400, 'Invalid log_id in parameter from');
    const oldest = byId[0]?.log_id ?? '';
    if (ways.expired === 'refused' && isKnown && compareLogIds(from, oldest) < 0)
      return refusal(400, 'The log_id in parameter from has expired');
    return { body: byId.filter(({ log_id: id }) => compareLogIds(id, from) > 0).slice(0, 100) };
  };
}

const window = (from: number, to: number, available = false) =>
  windowBeginning({ from: iso(from), to: iso(to) }, available);
const read = (cursor: LogsWindowCursor, model: Model) => drive(logsWindowPager, cursor, 'logs', model);
const idsOf = (records: readonly Record<string, unknown>[]) => records.map((record) => record['log_id']);
const ids = (logs: readonly Log[]) => logs.map(({ log_id: id }) => id);

describe('an interval of the log', () => {
  const logs = logsOf(700);

  it.each([
    [200, 450],
    [0, 100],
    [1, 2],
    [0, 700],
    [500, 5_000],
  ])('from second %d to %d is read whole, and nothing besides', (from, to) => {
    const { rechecked, stored, cursor, done, gaps } = read(window(from, to), tenant(logs));
    const wanted = ids(logs.slice(from, to));
    expect(idsOf(rechecked)).toEqual(wanted);
    expect({ done, stored, gaps }).toEqual({ done: true, stored: [], gaps: [] });
    expect(cursor).toMatchObject({
      seen: wanted.length,
      first: wanted[0],
      last: wanted.at(-1),
      at: iso(to),
      ended: true,
    });
  });

  it('ends at the first page that goes beyond it', () => {
    const { queries } = read(window(200, 220), tenant(logs));
    // The search for its start, and the page with the minute before it.
    expect(queries).toHaveLength(2);
  });

  it('is bounded by when logs were taken in, as ids are', () => {
    // Two that happened within it and were taken in before or after.
    const late = logsOf(300, (n) => (n === 149 ? 3_000 : 10)).toSorted((a, b) => compareLogIds(a.log_id, b.log_id));
    const before = read(window(100, 150), tenant(late));
    const after = read(window(150, 200), tenant(late));
    const [straggler = ''] = ids(late.filter(({ date }) => date === iso(149)));
    expect(idsOf(before.rechecked)).not.toContain(straggler);
    expect(idsOf(after.rechecked)).toContain(straggler);
    expect([...before.rechecked, ...after.rechecked]).toHaveLength(100);
  });

  it('is bounded by date where ids carry no time', () => {
    const { rechecked, queries } = read(window(200, 450), tenant(untimed(logs)));
    expect(idsOf(rechecked)).toEqual(ids(untimed(logs).slice(200, 450)));
    // A minute more, since dates are not in the order of ids; the rest is left alone.
    expect(queries.length).toBeLessThan(7);
  });

  it('is read where the tenant takes no made-up positions', () => {
    const { rechecked } = read(window(200, 450), tenant(logs, { refusesSynthetic: true }));
    expect(idsOf(rechecked)).toEqual(ids(logs.slice(200, 450)));
  });

  it('is empty where nothing happened', () => {
    const few = [...logs.slice(0, 10), ...logs.slice(600)];
    expect(read(window(200, 300), tenant(few)).cursor).toMatchObject({ seen: 0, first: null, last: null, ended: true });
    expect(read(window(200, 300), tenant([])).cursor).toMatchObject({ seen: 0, ended: true });
  });

  it('counts an id that comes twice once, and keeps a log without one', () => {
    const twice = [...logs.slice(0, 50), ...logs.slice(49, 60)];
    expect(read(window(0, 60), tenant(twice)).cursor.seen).toBe(60);
    const odd = tenant(logs.slice(0, 20));
    const withUnnamed: Model = (query, request) => {
      const answer = odd(query, request);
      const body = Array.isArray(answer.body) && query['from'] !== undefined ? [...answer.body] : answer.body;
      if (Array.isArray(body) && body.length > 0 && query['from'] !== undefined) body.push({ date: iso(5) });
      return { ...answer, body };
    };
    expect(read(window(0, 60), withUnnamed).cursor).toMatchObject({ seen: 20, unnamed: 1 });
  });
});

describe('logs that are dropped while an interval is read', () => {
  const logs = logsOf(700);

  /** Drops all before the 500th once 150 have been read. */
  function dropping(expired: 'refused' | 'oldest') {
    let pages = 0;
    const model = tenant(logs, { expired, keptFrom: () => (pages > 2 ? 500 : 0) });
    const counted: Model = (query, request) => {
      pages++;
      return model(query, request);
    };
    return counted;
  }

  it('end it with what is left, where the tenant refuses the position', () => {
    expect(kindOf(() => read(window(0, 650), dropping('refused')))).toBe('RetentionPassed');
  });

  it('are left out with a warning where what is left was asked for', () => {
    const { rechecked, gaps } = read(window(0, 650, true), dropping('refused'));
    expect(gaps).toEqual([]);
    expect(idsOf(rechecked).slice(-150)).toEqual(ids(logs.slice(500, 650)));
    expect(rechecked.length).toBeLessThan(650);
  });

  it('are noticed after a pause also where the tenant goes on as if nothing was missing', () => {
    const model = tenant(logs);
    const first = drive(logsWindowPager, window(0, 150), 'logs', model);
    const midway = { ...first.cursor, window: { from: iso(0), to: iso(650) }, ended: false };
    const dropped = tenant(logs, { keptFrom: () => 500 });
    // Without the look at what is kept, they would be skipped in silence.
    expect(kindOf(() => read(midway, dropped))).toBe('no error');
    const resumed = afterPause(midway);
    if (resumed.kind !== 'logs-window') throw new Error('another kind of cursor');
    expect(kindOf(() => read(resumed, dropped))).toBe('RetentionPassed');
    expect(kindOf(() => read(resumed, tenant(logs)))).toBe('no error');
  });
});
