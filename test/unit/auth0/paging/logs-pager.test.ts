import { describe, expect, it } from 'vitest';
import { compareLogIds, syntheticLogId } from '../../../../src/auth0/log-id.js';
import { logsPager } from '../../../../src/auth0/paging/logs-pager.js';
import { OLDEST } from '../../../../src/auth0/paging/logs-start.js';
import { linkFrom } from '../../../../src/auth0/paging/pager.js';
import { type LogsCursor, logsBeginning } from '../../../../src/contracts/cursor.js';
import { drive, kindOf, type Model, numberOf, refusal } from './drive.js';

const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const ORIGIN = 'https://acme.eu.auth0.com';

type Log = Record<string, unknown> & { log_id: string; date: string };

/** Logs a second apart; the id of the nth is given `lateBy(n)` ms after its date. */
function logsOf(count: number, lateBy: (n: number) => number = () => 10): Log[] {
  return Array.from({ length: count }, (_, n) => {
    const date = START + n * 1_000;
    const id = `${syntheticLogId(date + lateBy(n)).slice(0, 17)}${String(n).padStart(39, '1')}`;
    return { _id: id, log_id: id, date: new Date(date).toISOString(), type: 's' };
  });
}

interface Ways {
  /** What becomes of positions that are no log's id. */
  unknownId?: 'accepted' | 'refused' | 'expired' | 'nothing';
  unsortedSearch?: boolean;
  ignoresFrom?: boolean;
  link?: (from: string, last: string) => string | undefined;
  reversePages?: boolean;
  take?: number;
}

/** GET /logs: a search, or checkpoint mode with an exclusive `from`. */
function tenant(logs: readonly Log[], ways: Ways = {}): Model {
  const byId = logs.toSorted((a, b) => compareLogIds(a.log_id, b.log_id));
  const byDate = logs.toSorted((a, b) => Date.parse(a.date) - Date.parse(b.date));
  return (query) => {
    const { from } = query;
    if (from === undefined) {
      const since = /^date:\[(\S+) TO \*\]$/.exec(query['q'] ?? '')?.[1];
      const found = byDate.filter(({ date }) => since === undefined || Date.parse(date) >= Date.parse(since));
      const page = found.slice(0, numberOf(query, 'per_page'));
      return { body: ways.unsortedSearch ? page.toReversed() : page };
    }
    const known = logs.some(({ log_id: id }) => id === from);
    if (!known && ways.unknownId === 'refused')
      return refusal(400, `Invalid log_id in parameter from: ${from}`, 'invalid_query_string');
    if (!known && ways.unknownId === 'expired') return refusal(400, 'The log_id in parameter from has expired');
    if (!known && ways.unknownId === 'nothing') return { body: [], link: link(from) };
    const behind = ways.ignoresFrom ? byId : byId.filter(({ log_id: id }) => compareLogIds(id, from) > 0);
    const page = behind.slice(0, Math.min(numberOf(query, 'take'), ways.take ?? 100));
    const last = page.at(-1)?.log_id ?? from;
    const given = ways.link ? ways.link(from, last) : link(last);
    return { body: ways.reversePages ? page.toReversed() : page, ...(given !== undefined && { link: given }) };
  };
}

function link(from: string): string {
  return `<${ORIGIN}/api/v2/logs?from=${encodeURIComponent(from)}&take=100>; rel="next"`;
}

const fromStart = (start = OLDEST): LogsCursor => logsBeginning(start);
const behind = (log: Log): LogsCursor => ({
  ...logsBeginning(log.log_id, log.log_id),
  logId: log.log_id,
  date: log.date,
});
const read = (cursor: LogsCursor, model: Model) => drive(logsPager, cursor, 'logs', model);
const idsOf = (records: readonly Record<string, unknown>[]) => records.map((record) => String(record['log_id']));
const missing = (logs: readonly Log[], stored: readonly Record<string, unknown>[]) => {
  const ids = new Set(idsOf(stored));
  return logs.filter(({ log_id: id }) => !ids.has(id)).length;
};

/** A late log: its id comes a minute after its date, among those of other logs. */
const late = (n: number) => (n === 3 ? 59_000 : 10);

describe('from the oldest log', () => {
  it('starts a minute before it, and reads every log once, in order', () => {
    const logs = logsOf(250);
    const { stored, queries, cursor, done } = read(fromStart(), tenant(logs));
    expect(idsOf(stored)).toEqual(idsOf(logs));
    expect(queries[0]).toEqual({ sort: 'date:1', per_page: '100', page: '0' });
    expect(queries[1]).toEqual({ from: syntheticLogId(START - 60_000), take: '100' });
    // The end is the empty page, however short the one before it was.
    expect(queries.slice(2).map(({ from }) => from)).toEqual([99, 199, 249].map((n) => logs[n]?.log_id));
    const last = logs.at(-1);
    expect({ cursor, done }).toMatchObject({
      done: true,
      cursor: { phase: 'follow', from: last?.log_id, start: OLDEST, logId: last?.log_id, date: last?.date },
    });
  });

  it.each([1, 50, 99, 100, 101, 250])('reads %i logs whichever way the tenant takes the position', (count) => {
    const logs = logsOf(count, late);
    for (const unknownId of ['accepted', 'refused', 'expired', 'nothing'] as const) {
      const { stored, done, queries } = read(fromStart(), tenant(logs, { unknownId }));
      expect([unknownId, missing(logs, stored), done]).toEqual([unknownId, 0, true]);
      expect(queries.length).toBeLessThan(8);
    }
  });

  it('goes behind the lowest id of a search where the ids carry no time', () => {
    const logs = logsOf(150).map((log, n) => ({ ...log, log_id: `id-${String(n).padStart(6, '0')}` }));
    const { stored, done, queries } = read(fromStart(), tenant(logs));
    expect([missing(logs, stored), done]).toEqual([0, true]);
    expect(queries[1]).toEqual({ from: 'id-000000', take: '100' });
  });

  it('stores in the order of ids there too, so that the newest one held has all others before it', () => {
    const logs = logsOf(250, late);
    const { stored, cursors } = read(fromStart(), tenant(logs, { unknownId: 'refused' }));
    expect(idsOf(stored)).toEqual(idsOf(stored).toSorted(compareLogIds));
    const held = new Set<string>();
    let at = 0;
    for (const cursor of cursors) {
      while (at < stored.length && !held.has(cursor.logId ?? '')) held.add(idsOf(stored)[at++] ?? '');
      const before = logs.filter(({ log_id: id }) => cursor.logId !== null && compareLogIds(id, cursor.logId) <= 0);
      expect(before.every(({ log_id: id }) => held.has(id))).toBe(true);
    }
  });

  it('is done at once where there are no logs, and stays at its start', () => {
    expect(read(fromStart(), tenant([]))).toMatchObject({ done: true, stored: [], cursor: fromStart() });
  });

  it('refuses a search that is not sorted: the oldest log would be unknown', () => {
    expect(kindOf(() => read(fromStart(), tenant(logsOf(20), { unsortedSearch: true })))).toBe('UnreadableAnswer');
  });

  it('refuses logs without an id', () => {
    expect(kindOf(() => read(fromStart(), () => ({ body: [{ date: '2026-01-02T03:04:05.000Z' }] })))).toBe(
      'UnreadableAnswer',
    );
  });

  it('lets a refusal of the search itself stand', () => {
    const model: Model = () => refusal(400, "Query validation error: 'x' on property q", 'invalid_query_string');
    expect(kindOf(() => read(fromStart(), model))).toBe('InvalidRequest');
  });
});

describe('from an instant', () => {
  const since = '2026-01-02T03:05:05.500Z';

  it('starts at its second', () => {
    const logs = logsOf(150);
    const { stored, queries } = read(fromStart(since), tenant(logs));
    expect(queries[0]).toMatchObject({ q: `date:[${since} TO *]`, sort: 'date:1' });
    expect(queries[1]).toMatchObject({ from: syntheticLogId(Date.parse(since)) });
    expect(idsOf(stored)).toEqual(idsOf(logs.slice(60)));
  });

  it.each(['refused', 'expired', 'nothing'] as const)('reads all from there where the position is %s', (unknownId) => {
    const logs = logsOf(150, late);
    const { stored, queries, done } = read(fromStart(since), tenant(logs, { unknownId }));
    const wanted = logs.filter(({ date }) => date >= since);
    expect([missing(wanted, stored), done]).toEqual([0, true]);
    expect(queries.filter(({ q }) => q === `date:[${since} TO *]`)).toHaveLength(2);
  });

  it('later than all logs is done at once', () => {
    expect(read(fromStart('2027-01-01'), tenant(logsOf(10)))).toMatchObject({ done: true, stored: [] });
  });
});

describe('from a position', () => {
  it('reads what comes behind it', () => {
    const logs = logsOf(150);
    const [, , third] = logs;
    const { stored, queries } = read(behind(third ?? expect.fail()), tenant(logs));
    expect(idsOf(stored)).toEqual(idsOf(logs.slice(3)));
    expect(queries.every(({ from }) => from !== undefined)).toBe(true);
  });

  it('at the end is done after one request, and moves nothing', () => {
    const logs = logsOf(5);
    const cursor = behind(logs.at(-1) ?? expect.fail());
    expect(read(cursor, tenant(logs))).toMatchObject({ done: true, stored: [], cursor, queries: [{}] });
  });

  it('that was asked for is no probe: it fails rather than starting somewhere else', () => {
    const asked = logsBeginning('9002026', '9002026');
    expect(kindOf(() => read(asked, tenant(logsOf(5), { unknownId: 'expired' })))).toBe('InvalidRequest');
    expect(kindOf(() => read(asked, tenant(logsOf(5), { unknownId: 'refused' })))).toBe('InvalidRequest');
    expect(read(asked, tenant(logsOf(5), { unknownId: 'nothing' }))).toMatchObject({ done: true, stored: [] });
  });

  it.each(['refused', 'expired'] as const)(
    'that is too old (%s) goes on with the oldest kept log, and says what is lost',
    (unknownId) => {
      const logs = logsOf(150);
      const [first] = logs;
      const kept = logs.slice(20);
      const { stored, gaps, done, cursor } = read(behind(first ?? expect.fail()), tenant(kept, { unknownId }));
      expect([idsOf(stored), done]).toEqual([idsOf(kept), true]);
      expect(gaps).toMatchObject([
        { from: first?.log_id, fromDate: first?.date, to: kept[0]?.log_id, toDate: kept[0]?.date },
      ]);
      expect(cursor).toMatchObject({ phase: 'follow', gap: null });
    },
  );

  it('that is refused although older logs are kept is an error, and no gap', () => {
    const logs = logsOf(50);
    const model = tenant(logs);
    const refuses: Model = (query, request) =>
      query['from'] === undefined ? model(query, request) : refusal(400, 'Invalid from', 'invalid_query_string');
    expect(kindOf(() => read(behind(logs[20] ?? expect.fail()), refuses))).toBe('InvalidRequest');
  });

  it('does not take an error of another kind for a refused position', () => {
    for (const status of [401, 403, 429, 502]) {
      let requests = 0;
      const logs = tenant(logsOf(5));
      const model: Model = (query, request) => (++requests === 2 ? refusal(status, 'm') : logs(query, request));
      expect(kindOf(() => read(fromStart(), model))).not.toMatch(/no error|InvalidRequest/);
      expect(requests).toBe(2);
    }
  });
});

describe('the overlap', () => {
  const overlap = (log: Log): LogsCursor => ({
    ...behind(log),
    phase: 'overlap',
    from: syntheticLogId(Date.parse(log.date) - 30_000),
    resume: log.log_id,
  });

  it('asks again for what lies a little behind the cursor, and takes what is new', () => {
    const logs = logsOf(150);
    const at = logs[119] ?? expect.fail();
    const { stored, rechecked, queries, gaps } = read(overlap(at), tenant(logs));
    expect(idsOf(stored)).toEqual(idsOf(logs.slice(120)));
    expect(idsOf(rechecked)).toEqual(idsOf(logs.slice(89, 120)));
    expect([queries.length, gaps]).toEqual([2, []]);
  });

  it('costs one request more where nothing is new', () => {
    const logs = logsOf(150);
    const { stored, queries, cursor } = read(overlap(logs[149] ?? expect.fail()), tenant(logs));
    expect([stored, queries.length]).toEqual([[], 2]);
    expect(cursor).toMatchObject({ phase: 'follow', from: logs[149]?.log_id, resume: null });
  });

  it('shows a gap where the newest log held is no longer kept, though the tenant says nothing', () => {
    const logs = logsOf(150);
    const held = logs[10] ?? expect.fail();
    const kept = logs.slice(60);
    const { stored, gaps } = read(overlap(held), tenant(kept));
    expect(idsOf(stored)).toEqual(idsOf(kept));
    expect(gaps).toMatchObject([{ from: held.log_id, to: kept[0]?.log_id }]);
  });

  it('is given up, and that is remembered, where only it is refused', () => {
    const logs = logsOf(150);
    const { stored, gaps, cursor } = read(overlap(logs[99] ?? expect.fail()), tenant(logs, { unknownId: 'refused' }));
    expect(idsOf(stored)).toEqual(idsOf(logs.slice(100)));
    expect([gaps, cursor]).toMatchObject([[], { overlapRefused: true, phase: 'follow' }]);
  });

  it('with nothing kept at all is a gap only where the end of the log was not reached lately', () => {
    const held = logsOf(1)[0] ?? expect.fail();
    expect(read({ ...overlap(held), recent: true }, tenant([]))).toMatchObject({ done: true, gaps: [] });
    expect(read(overlap(held), tenant([]))).toMatchObject({ done: true, gaps: [{ from: held.log_id, to: '' }] });
  });
});

describe('pages', () => {
  it('may be shorter than asked for', () => {
    const logs = logsOf(120);
    expect(idsOf(read(fromStart(), tenant(logs, { take: 50 })).stored)).toEqual(idsOf(logs));
  });

  it('need not be sorted', () => {
    const logs = logsOf(250);
    const { stored, cursor, done } = read(fromStart(), tenant(logs, { reversePages: true }));
    expect([missing(logs, stored), stored.length, done]).toEqual([0, 250, true]);
    expect(cursor).toMatchObject({ logId: logs.at(-1)?.log_id, date: logs.at(-1)?.date });
  });

  it.each<[string, Ways['link']]>([
    ['none', () => undefined],
    ['one to itself', (from) => link(from)],
    ['one that names another relation', (_from, last) => link(last).replace('next', 'prev')],
    ['one without from', () => `<${ORIGIN}/api/v2/logs?take=100>; rel="next"`],
    ['one to another host', (_from, last) => link(last).replace(ORIGIN, 'https://evil.example')],
  ])('are followed where the Link is %s', (_name, given) => {
    const logs = logsOf(250);
    const { stored, queries } = read(fromStart(), tenant(logs, { ...(given && { link: given }) }));
    expect(idsOf(stored)).toEqual(idsOf(logs));
    expect(queries.slice(1).every((query) => Object.keys(query).join() === 'from,take')).toBe(true);
  });

  it('are followed by their last id, and not by an opaque cursor', () => {
    const logs = logsOf(150);
    const positions = new Map<string, string>();
    const inner = tenant(logs, {
      link(_from, last) {
        positions.set(`Fe26.2*${last.slice(-4)}+/=`, last);
        return link(`Fe26.2*${last.slice(-4)}+/=`);
      },
    });
    const { stored, cursor } = read(fromStart(), (query, request) => {
      const from = positions.get(query['from'] ?? '') ?? query['from'];
      return inner({ ...query, ...(from !== undefined && { from }) }, request);
    });
    expect(idsOf(stored)).toEqual(idsOf(logs));
    expect(cursor).toMatchObject({ from: logs.at(-1)?.log_id, logId: logs.at(-1)?.log_id });
  });

  it('that come again end in an error, not in a loop', () => {
    expect(kindOf(() => read(fromStart(), tenant(logsOf(250), { ignoresFrom: true })))).toBe('SourceStuck');
    const [first] = logsOf(1);
    const stuck = tenant(logsOf(250), { ignoresFrom: true });
    expect(kindOf(() => read(behind(first ?? expect.fail()), stuck))).toBe('SourceStuck');
    expect(kindOf(() => read(behind(logsOf(300).at(-1) ?? expect.fail()), stuck))).toBe('SourceStuck');
  });

  it('without a single id end in an error', () => {
    const cursor = logsBeginning('x', 'x');
    expect(kindOf(() => read(cursor, () => ({ body: [{ date: '2026-01-02' }] })))).toBe('UnreadableAnswer');
  });

  it('give the date of the newest log by id, or none where it is unreadable', () => {
    const logs = logsOf(3);
    const [a, b, c] = logs;
    const cursor = (body: unknown) =>
      logsPager.advance(logsBeginning('x', 'x'), {
        records: (Array.isArray(body) ? body : []).map((value: Log) => ({ raw: JSON.stringify(value), value })),
        total: null,
        limit: null,
        next: null,
        linkFrom: null,
      }).cursor;
    expect(cursor([c, a, b])).toMatchObject({ logId: c?.log_id, date: c?.date });
    expect(cursor([a, { ...b, date: { $date: 1 } }])).toMatchObject({ logId: b?.log_id, date: null });
  });
});

describe('Link header', () => {
  it.each([
    [null, null],
    ['', null],
    [link('900'), '900'],
    [`</api/v2/logs?take=100&from=900>; rel=next`, '900'],
    [`<https://h/a?from=a%2Bb%3D>;rel="next"; title="x"`, 'a+b='],
    [`<https://h/a?from=1>; rel="prev", <https://h/a?from=2>; rel="next"`, '2'],
    [`<https://h/a?from=1>; rel="last"`, null],
    [`<https://h/a?from=1>; rel="nextish"`, null],
    [`<https://h/a?from=>; rel="next"`, null],
    [`<https://[bad/?from=1>; rel="next"`, null],
    ['https://h/a?from=1; rel="next"', null],
  ])('%s', (header, from) => {
    expect(linkFrom(header)).toBe(from);
  });
});
