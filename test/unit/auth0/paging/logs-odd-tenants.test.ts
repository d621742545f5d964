import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { syntheticLogId } from '../../../../src/auth0/log-id.js';
import { logsPager } from '../../../../src/auth0/paging/logs-pager.js';
import { OLDEST } from '../../../../src/auth0/paging/logs-start.js';
import { type LogsCursor, logsBeginning, logsPosition } from '../../../../src/contracts/cursor.js';
import { drive, kindOf, type Model, numberOf, refusal } from './drive.js';

const START = Date.UTC(2026, 0, 2, 3, 4, 5);

interface Log extends Record<string, unknown> {
  log_id: string;
  date: string;
}

const FORMS = {
  timed: (n: number) => `${syntheticLogId(START + n * 1_000).slice(0, 17)}${String(n).padStart(39, '1')}`,
  uuid: (n: number) => {
    const hex = createHash('sha256').update(String(n)).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  },
  number: (n: number) => String(n + 90),
  scattered: (n: number) => String(((n + 1) * 7_919) % 100_003),
  short: (n: number) => createHash('md5').update(String(n)).digest('base64url').slice(0, 7),
};
type Form = keyof typeof FORMS;

function logsOf(count: number, form: Form = 'timed'): Log[] {
  return Array.from({ length: count }, (_, n) => ({
    log_id: FORMS[form](n),
    date: new Date(START + n * 1_000).toISOString(),
  }));
}

interface Page {
  records: Log[];
  link?: string;
}

/** A tenant with its own way of serving the logs behind a position, which it keeps in the order of intake. */
function tenantOf(logs: readonly Log[], serve: (first: number, take: number, from: string) => Page): Model {
  const at = new Map(logs.map(({ log_id: id }, n) => [id, n]));
  return (query) => {
    const { from } = query;
    if (from === undefined) {
      const sorted = query['sort'] === 'date:-1' ? logs.toReversed() : logs;
      return { body: sorted.slice(0, numberOf(query, 'per_page')) };
    }
    const known = at.get(from);
    if (known === undefined && /[^\d]/.test(from)) return refusal(400, `Invalid log_id in parameter from: ${from}`);
    const { records, link } = serve((known ?? -1) + 1, numberOf(query, 'take'), from);
    return { body: records, ...(link !== undefined && { link: `<https://h/api/v2/logs?from=${link}>; rel="next"` }) };
  };
}

const behind = (log: Log | undefined): LogsCursor => {
  const { log_id: id, date } = log ?? expect.fail();
  return { ...logsBeginning(id, id), logId: id, date };
};
const read = (cursor: LogsCursor, model: Model) => drive(logsPager, cursor, 'logs', model);
const fromStart = (model: Model) => read(logsBeginning(OLDEST), model);
const ids = (records: readonly Record<string, unknown>[]) => records.map((record) => String(record['log_id']));
/** What the destination ends with: records that may be held already are stored where they are not. */
const stored = ({ stored: sent, rechecked }: ReturnType<typeof fromStart>) => [
  ...new Set([...ids(sent), ...ids(rechecked)]),
];

describe.each(['timed', 'uuid', 'number', 'scattered', 'short'] as const)('ids of the form %s', (form) => {
  const logs = logsOf(350, form);
  const all = ids(logs).toSorted();
  const plain = tenantOf(logs, (first, take) => ({ records: logs.slice(first, first + take) }));

  it('are read to their end, each once or asked for before it is stored', () => {
    const reading = fromStart(plain);
    expect([reading.done, stored(reading).toSorted()]).toEqual([true, all]);
    expect(new Set(ids(reading.stored)).size).toBe(reading.stored.length);
    expect(logsPosition(reading.cursor)).toBe(logs.at(-1)?.log_id);
  });

  it('are gone on from', () => {
    const reading = read(behind(logs[199]), plain);
    expect([reading.done, stored(reading)]).toEqual([true, ids(logs.slice(200))]);
  });

  it('may begin a page again that ended the one before, and be the last page for ever', () => {
    const inclusive = tenantOf(logs, (first, take) => ({ records: logs.slice(Math.max(0, first - 1)).slice(0, take) }));
    const reading = fromStart(inclusive);
    expect([reading.done, stored(reading).toSorted()]).toEqual([true, all]);
    const idle = read(behind(logs.at(-1)), inclusive);
    expect(idle).toMatchObject({ done: true, stored: [], rechecked: [], cursor: { from: logs.at(-1)?.log_id } });
    expect(idle.queries).toHaveLength(1);
  });

  it('may come again in greater number, and as the last page for ever', () => {
    const overlapping = tenantOf(logs, (first, take) => ({
      records: logs.slice(Math.max(0, first - 20)).slice(0, take),
    }));
    const reading = fromStart(overlapping);
    expect([reading.done, stored(reading).toSorted()]).toEqual([true, all]);
    expect(read(behind(logs.at(-1)), overlapping)).toMatchObject({ done: true, stored: [] });
  });

  it('are not skipped where a Link is ahead of its page', () => {
    const ahead = tenantOf(logs, (first, take) => {
      const link = logs[Math.min(first + take + 50, logs.length - 1)]?.log_id ?? '';
      return { records: logs.slice(first, first + take), link };
    });
    const reading = fromStart(ahead);
    expect([reading.done, stored(reading).toSorted()]).toEqual([true, all]);
  });

  it('end in an error where the tenant ignores positions', () => {
    const stuck = tenantOf(logs, (_first, take) => ({ records: logs.slice(0, take) }));
    expect(kindOf(() => fromStart(stuck))).toBe('SourceStuck');
  });

  it('are read once where the last page leads back to the first', () => {
    const circle = tenantOf(logs, (first, take) => {
      const records = logs.slice(first, first + take);
      return { records, link: records.at(-1)?.log_id ?? logs[0]?.log_id ?? '' };
    });
    const reading = fromStart(circle);
    expect([reading.done, stored(reading).toSorted()]).toEqual([true, all]);
  });
});

describe('a log without an end', () => {
  const logs = logsOf(300);
  const nameless = (n: number) => ({ body: logs.slice(n * 50, n * 50 + 50).map(({ date }) => ({ date })) });

  it.each([1, 2, 5])('is named where logs without ids go in a circle of %i pages', (length) => {
    let n = 0;
    const model: Model = ({ from }) =>
      from === undefined
        ? { body: logs.slice(0, 50) }
        : { ...nameless(n++ % length), link: `<https://h/api/v2/logs?from=p${n % length}>; rel="next"` };
    expect(kindOf(() => read(behind(logs[0]), model))).toBe('SourceStuck');
    expect(n).toBeLessThan(4 * (length + 2));
  });

  it('ends where pages behind the cursor take turns', () => {
    const at = logs[250] ?? expect.fail();
    let turn = 0;
    const model: Model = ({ from }) => {
      if (from === undefined) return { body: logs.slice(0, 100) };
      if (from >= at.log_id) return { body: logs.slice(251) };
      return { body: logs.slice(++turn % 2 === 0 ? 0 : 50, turn % 2 === 0 ? 50 : 100) };
    };
    const from = syntheticLogId(Date.parse(at.date) - 30_000);
    const { stored: taken } = read({ ...behind(at), phase: 'overlap', from, resume: at.log_id }, (query, request) =>
      query['from'] === logs.at(-1)?.log_id ? { body: [] } : model(query, request),
    );
    expect(ids(taken)).toEqual(ids(logs.slice(251)));
    expect(turn).toBeLessThan(10);
  });
});

describe('an empty page whose Link leads on', () => {
  const logs = logsOf(350);
  /** Behind the 200th log lie so many positions at which nothing is served. */
  const withHoles = (holes: number) =>
    tenantOf(logs, (first, take, from) => {
      const hole = from.startsWith('9009') ? Number(from.slice(4)) : first === 200 ? 0 : null;
      if (hole === null) return { records: logs.slice(first, Math.min(first + take, first < 200 ? 200 : Infinity)) };
      if (hole < holes) return { records: [], link: `9009${String(hole + 1).padStart(52, '0')}` };
      return { records: logs.slice(200, 200 + take) };
    });

  it.each([1, 2, 5, 30])('is followed, %i of them in a row', (holes) => {
    const reading = fromStart(withHoles(holes));
    expect([reading.done, ids(reading.stored)]).toEqual([true, ids(logs)]);
    expect(logsPosition(reading.cursor)).toBe(logs.at(-1)?.log_id);
  });

  it('is followed where positions are opaque', () => {
    const inner = tenantOf(logs, (first, take) =>
      first === 200
        ? { records: [], link: 'Fe26.2*1' }
        : { records: logs.slice(first, Math.min(first + take, first < 200 ? 200 : Infinity)) },
    );
    const model: Model = (query, request) =>
      query['from'] === 'Fe26.2*1' ? { body: logs.slice(200, 300) } : inner(query, request);
    const reading = fromStart(model);
    expect([reading.done, ids(reading.stored)]).toEqual([true, ids(logs)]);
  });

  it('is the end where nothing lies behind it, and the position stays', () => {
    const cursor = behind(logs.at(-1));
    const elsewhere = (link: string) => tenantOf(logs, () => ({ records: [], link }));
    for (const link of [FORMS.timed(3), FORMS.timed(349), FORMS.timed(900), 'a-position'])
      expect(read(cursor, elsewhere(link))).toMatchObject({ done: true, stored: [], cursor: { from: cursor.from } });
  });

  it('is the end where a new position is named each time and the search knows of no newer log', () => {
    const cursor = behind(logs.at(-1));
    let asked = 0;
    const endless = tenantOf(logs, () => ({ records: [], link: `900930${String(++asked).padStart(50, '0')}` }));
    expect(read(cursor, endless)).toMatchObject({ done: true, stored: [], cursor: { from: cursor.from } });
    expect(asked).toBeLessThan(6);
  });

  it('ends in an error where there are newer logs and none is come to', () => {
    const newest = { body: logs.toReversed().slice(0, 100) };
    let cursor = behind(logs[9]);
    const follow = () => {
      for (let asked = 0; asked < 1_100; asked++) {
        const link = `900930${String(asked).padStart(50, '0')}`;
        const records = cursor.phase === 'confirm' ? newest.body.map((value) => ({ raw: '', value })) : [];
        const page = { records, total: null, limit: null, next: null, linkFrom: link };
        ({ cursor } = logsPager.advance(cursor, page));
      }
    };
    expect(kindOf(follow)).toBe('SourceStuck');
  });

  it('is the end where its position is refused and there is nothing newer', () => {
    const cursor = behind(logs.at(-1));
    const inner = tenantOf(logs, () => ({ records: [], link: 'b-position' }));
    const model: Model = (query, request) =>
      query['from'] === 'b-position' ? refusal(400, 'Invalid from') : inner(query, request);
    expect(read(cursor, model)).toMatchObject({ done: true, stored: [], cursor: { from: cursor.from } });
  });
});

it('goes on by opaque Links where the tenant refuses its own ids', () => {
  const logs = logsOf(350);
  const model: Model = (query) => {
    const { from } = query;
    if (from === undefined) return { body: logs.slice(0, numberOf(query, 'per_page')) };
    if (logs.some(({ log_id: id }) => id === from)) return refusal(400, 'Invalid from', 'invalid_query_string');
    const first = from.startsWith('Fe26.') ? Number(from.slice(5)) : 0;
    const link = `<https://h/api/v2/logs?from=Fe26.${Math.min(first + 100, logs.length)}>; rel="next"`;
    return { body: logs.slice(first, first + 100), link };
  };
  const reading = fromStart(model);
  expect([reading.done, ids(reading.stored)]).toEqual([true, ids(logs)]);
});

describe('ids of another form than before', () => {
  it('are gone on with by date', () => {
    const logs = logsOf(300, 'uuid');
    const held = { log_id: FORMS.timed(99), date: new Date(START + 99_000).toISOString() };
    const inner = tenantOf(logs, (first, take) => ({ records: logs.slice(first, first + take) }));
    const model: Model = (query, request) => {
      const since = /^date:\[(\S+) TO \*\]$/.exec(query['q'] ?? '')?.[1];
      if (since !== undefined) return { body: logs.filter(({ date }) => date >= since).slice(0, 100) };
      return query['from'] === held.log_id ? refusal(400, 'Invalid from') : inner(query, request);
    };
    const reading = read(behind(held), model);
    expect(reading.done).toBe(true);
    expect(ids(logs.slice(100)).filter((id) => !stored(reading).includes(id))).toEqual([]);
    expect(reading.gaps).toEqual([]);
  });
});

it('begins before a log whose date is missing or wrong', () => {
  for (const date of [
    undefined,
    1_767_323_045_000,
    '28/Nov/2026:05:00:00 +0000',
    '2300-01-01T00:00:00Z',
    { $date: 1 },
  ]) {
    const [first, ...rest] = logsOf(2);
    const hour = { ...first, log_id: `${syntheticLogId(START - 3_600_000).slice(0, 17)}${'1'.repeat(39)}`, date };
    const logs = [hour, ...rest].map((log) => ({ ...log }));
    const model: Model = ({ from }) => ({
      body: logs.filter(({ log_id: id }) => from === undefined || id > from),
    });
    expect(ids(fromStart(model).stored)).toEqual(ids(logs));
  }
});
