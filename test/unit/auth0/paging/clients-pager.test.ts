import { describe, expect, it } from 'vitest';
import { clientsPager } from '../../../../src/auth0/paging/clients-pager.js';
import { FIRST_CLIENTS_PAGE } from '../../../../src/contracts/cursor.js';
import { drive, kindOf, type Model, numberOf, pageTooLarge, refusal } from './drive.js';

interface Ways {
  shape?: 'real' | 'array' | 'data';
  /** The largest page that is accepted; what is larger is refused, or cut down in silence. */
  largest?: number;
  clamps?: boolean;
  knowsTake?: boolean;
  knowsPage?: boolean;
  knowsTotals?: boolean;
  /** Whether `limit` is shown in the envelope. */
  showsLimit?: boolean;
  wall?: number;
}

const idOf = (n: number) => `client-${String(n).padStart(4, '0')}`;

/** GET /clients of a tenant with so many clients. */
function tenant(count: number, ways: Ways = {}): Model {
  const { shape = 'real', largest = 100, knowsTake = true, knowsPage = true, knowsTotals = true } = ways;
  const all = Array.from({ length: count }, (_, n) => ({ client_id: idOf(n), name: 'n' }));
  const name = shape === 'data' ? 'data' : 'clients';
  return (query) => {
    const byTake = knowsTake && query['take'] !== undefined;
    const asked = byTake
      ? numberOf(query, 'take')
      : (query['per_page'] ?? '') === ''
        ? 50
        : numberOf(query, 'per_page');
    if (asked > largest && !ways.clamps) return pageTooLarge(asked, largest);
    const size = Math.min(asked, largest);
    if (byTake) {
      const start = query['from'] === undefined ? 0 : Number(query['from'].replace('sealed*', ''));
      const page = all.slice(start, start + size);
      const next = start + size < count ? { next: `sealed*${start + size}` } : {};
      return { body: { ...next, [name]: page } };
    }
    const start = knowsPage ? Number(query['page'] ?? 0) * size : 0;
    if (ways.wall !== undefined && start + size > ways.wall)
      return refusal(
        400,
        `Requesting page ${query['page']} exceeds the allowed maximum of ${ways.wall} records`,
        'invalid_paging',
      );
    const page = all.slice(start, start + size);
    if (shape === 'array' || !knowsTotals || query['include_totals'] !== 'true')
      return { body: shape === 'data' ? { data: page } : page };
    return { body: { start, ...(ways.showsLimit !== false && { limit: size }), total: count, [name]: page } };
  };
}

const read = (model: Model) => drive(clientsPager, FIRST_CLIENTS_PAGE, 'clients', model);
const distinct = (records: readonly Record<string, unknown>[]) => new Set(records.map((r) => r['client_id'])).size;

it('reads one page with totals where it holds all', () => {
  const { stored, queries, done, total } = read(tenant(99));
  expect(queries).toEqual([{ page: '0', per_page: '100', include_totals: 'true' }]);
  expect([stored.length, done, total]).toEqual([99, true, 99]);
});

it('asks behind a full page, whatever the total says', () => {
  const { stored, queries, done } = read(tenant(100));
  expect(queries.map(({ page }) => page)).toEqual(['0', '1']);
  expect([stored.length, done]).toEqual([100, true]);
});

it('reads by checkpoint where one page does not hold all', () => {
  const { stored, queries, done, total } = read(tenant(101));
  expect(queries.slice(1)).toEqual([{ take: '100' }, { take: '100', from: 'sealed*100' }]);
  expect([stored.length, distinct(stored), done, total]).toEqual([101, 101, true, 101]);
});

describe.each<NonNullable<Ways['shape']>>(['real', 'array', 'data'])('in the shape %s', (shape) => {
  const cases: [string, Ways][] = [
    ['as documented', {}],
    ['that knows no take', { knowsTake: false }],
    ['that names no totals', { knowsTotals: false }],
    ['that knows neither take nor totals', { knowsTake: false, knowsTotals: false }],
    ['that refuses more than 50 a page', { largest: 50 }],
    ['that refuses more than 50 a page and knows no take', { largest: 50, knowsTake: false }],
    ['that cuts pages down to 50', { largest: 50, clamps: true }],
    ['that cuts pages down to 50 and does not show it', { largest: 50, clamps: true, showsLimit: false }],
    ['that cuts pages down to 50 and knows no take', { largest: 50, clamps: true, knowsTake: false }],
    [
      'that cuts pages down to 50, knows no take and does not show it',
      { largest: 50, clamps: true, knowsTake: false, showsLimit: false },
    ],
  ];
  it.each(cases)('reads all clients of a tenant %s', (_name, ways) => {
    for (const count of [0, 1, 49, 50, 51, 60, 99, 100, 101, 150, 200, 350]) {
      const { stored, done, queries } = read(tenant(count, { shape, ...ways }));
      expect([count, distinct(stored), stored.length, done]).toEqual([count, count, count, true]);
      expect(queries.length).toBeLessThan(14);
    }
  });
});

it('takes a list that comes again for whole, where the tenant knows no pages', () => {
  for (const shape of ['array', 'data'] as const) {
    const ways = { shape, knowsTake: false, knowsPage: false, knowsTotals: false, largest: 1_000 } as const;
    const { stored, done, queries } = read(() => tenant(30, ways)({ per_page: '1000' }, { path: '' }));
    expect([stored.length, done, queries.length]).toEqual([30, true, 2]);
  }
});

it('does not take it for whole where the tenant says that there is more', () => {
  expect(kindOf(() => read(tenant(150, { knowsTake: false, knowsPage: false })))).toBe('SourceStuck');
});

it('does not take it for whole where it is exactly one page', () => {
  expect(kindOf(() => read(tenant(150, { shape: 'array', knowsPage: false, knowsTake: false })))).toBe('SourceStuck');
  expect(read(tenant(150, { shape: 'array', knowsPage: false }))).toMatchObject({
    done: true,
    stored: { length: 250 },
  });
});

it('ends where its pages do, and leaves it to the total whether they were all', () => {
  const model = tenant(150, { knowsTake: false });
  const short: Model = (query, request) =>
    query['page'] === '1' ? { body: { start: 100, limit: 100, total: 150, clients: [] } } : model(query, request);
  expect(read(short)).toMatchObject({ done: true, total: 150, cursor: { seen: 100 } });
});

describe('a total that is wrong', () => {
  const counting = (count: number, total: (real: number) => unknown, ways: Ways = {}): Model => {
    const model = tenant(count, ways);
    return (query, request) => {
      const { body } = model(query, request);
      return { body: JSON.stringify(body, (key, value: unknown) => (key === 'total' ? total(Number(value)) : value)) };
    };
  };

  it.each<[string, (real: number) => unknown]>([
    ['lower than a page', () => 3],
    ['that of a page', () => 100],
    ['a little too high', (real) => real + 1],
    ['far too high', (real) => real * 7],
    ['negative', () => -1],
    ['a text', String],
    ['null', () => null],
  ])('(%s) costs no client', (_name, total) => {
    for (const knowsTake of [true, false])
      for (const count of [1, 99, 100, 101, 150, 200, 250]) {
        const { stored, done, queries } = read(counting(count, total, { knowsTake }));
        expect([count, knowsTake, distinct(stored), done]).toEqual([count, knowsTake, count, true]);
        expect(queries.length).toBeLessThan(8);
      }
  });
});

describe('a way that the tenant cannot serve', () => {
  const slow = refusal(503, 'The query exceeded the timeout.', 'query_timeout');
  const readAt = (attempt: number, model: Model) => drive(clientsPager, FIRST_CLIENTS_PAGE, 'clients', model, attempt);

  it('is left for the other one at the second attempt, once in each direction', () => {
    const noPages: Model = (query, request) => (query['take'] === undefined ? slow : tenant(150)(query, request));
    expect(kindOf(() => readAt(1, noPages))).toBe('TenantUnavailable');
    expect(readAt(2, noPages)).toMatchObject({ done: true, stored: { length: 150 } });
    const noTake: Model = (query, request) => (query['take'] !== undefined ? slow : tenant(150)(query, request));
    expect(readAt(2, noTake)).toMatchObject({ done: true, stored: { length: 150 } });
    expect(kindOf(() => readAt(2, () => slow))).toBe('TenantUnavailable');
  });

  it('is left where take is refused as unknown', () => {
    const model: Model = (query, request) =>
      query['take'] === undefined ? tenant(150)(query, request) : refusal(400, 'm', 'invalid_query_string');
    expect(read(model)).toMatchObject({ done: true, stored: { length: 150 } });
  });

  it('is left where pages do not add up, if take was not tried', () => {
    expect(clientsPager.otherwise?.(FIRST_CLIENTS_PAGE)).toMatchObject({ cursor: { paging: 'checkpoint', seen: 0 } });
    expect(clientsPager.otherwise?.({ ...FIRST_CLIENTS_PAGE, paging: 'offset', takeTried: true })).toBeUndefined();
  });
});

it('counts what is no record as a row of its page', () => {
  const all = [...Array.from({ length: 149 }, (_, n) => ({ client_id: idOf(n) })), null];
  const model: Model = ({ page = '0', per_page: size = '50' }) => {
    const start = Number(page) * Number(size);
    return { body: { total: 150, limit: Number(size), clients: all.slice(start, start + Number(size)) } };
  };
  expect(read(model)).toMatchObject({ done: true, stored: { length: 149 }, cursor: { seen: 150, nonRecords: 1 } });
});

it.each([1, 2, 3, 7, 40])('ends in an error where checkpoints run in a circle of %i', (length) => {
  let n = 0;
  const model: Model = ({ take }) =>
    take === undefined
      ? { body: { total: 500, limit: 1, clients: [{ client_id: 'a' }] } }
      : { body: { clients: [{ client_id: 'a' }], next: n < 5 ? `before-${n++}` : `circle-${n++ % length}` } };
  expect(kindOf(() => read(model))).toBe('SourceStuck');
  expect(n).toBeLessThan(5 * (length + 5));
});
it('says so where pages end at the wall and the tenant knows no take', () => {
  expect(kindOf(() => read(tenant(1_200, { knowsTake: false, wall: 1_000 })))).toBe('PagingLimit');
});

it('reads thousands by checkpoint, behind the wall of pages', () => {
  const { stored, done } = read(tenant(3_210, { wall: 1_000 }));
  expect([distinct(stored), done]).toEqual([3_210, true]);
});

it('reads pages where the same checkpoint comes again', () => {
  const model: Model = (query) =>
    query['take'] === undefined
      ? tenant(150)(query, { path: '' })
      : { body: { clients: [{ client_id: 'a' }], next: 'same' } };
  const { stored, done } = read(model);
  expect([distinct(stored), done]).toEqual([151, true]);
});

describe('a list without an end', () => {
  const pageOf = (n: number, size = 100) => Array.from({ length: size }, (_, i) => ({ client_id: idOf(n * size + i) }));
  const inCircle = (length: number, size: number, envelope: Record<string, unknown>): Model => {
    return ({ page = '0' }) => ({ body: { ...envelope, clients: pageOf(Number(page) % length, size) } });
  };

  it.each([
    [2, 100],
    [2, 1],
    [3, 100],
    [7, 10],
    [40, 3],
  ])('is named where pages go in a circle of %i with %i records', (length, size) => {
    expect(kindOf(() => read(inCircle(length, size, {})))).toBe('SourceStuck');
  });

  it('is read to its end where it goes in a circle and counts its records', () => {
    const { stored, done, queries } = read(inCircle(2, 100, { total: 200 }));
    expect([distinct(stored), done]).toEqual([200, true]);
    expect(queries.length).toBeLessThan(10);
  });

  it('is named where each page names a new one, and they go in a circle', () => {
    let n = 0;
    const model: Model = () => ({ body: { next: `next-${n++}`, clients: pageOf(n % 3) } });
    expect(kindOf(() => read(model))).toBe('SourceStuck');
    expect(n).toBeLessThan(30);
  });

  it('is named where pages bring no record', () => {
    let n = 0;
    expect(kindOf(() => read(() => ({ body: { clients: [], next: `next-${n++}` } })))).toBe('SourceStuck');
    expect(n).toBeLessThan(150);
  });

  it('is none where some pages are empty', () => {
    const model: Model = ({ from = '0' }) => ({
      body: {
        clients: Number(from) % 40 === 0 ? pageOf(Number(from)) : [],
        ...(from !== '200' && { next: String(Number(from) + 1) }),
      },
    });
    expect(read(model)).toMatchObject({ done: true, stored: { length: 600 } });
  });
});

it('follows a checkpoint that the first page brings', () => {
  const model: Model = ({ from }) =>
    from === undefined
      ? { body: { clients: [{ client_id: 'a' }], next: 'n' } }
      : { body: { clients: [{ client_id: 'b' }] } };
  const { stored, queries } = read(model);
  expect(stored.map((r) => r['client_id'])).toEqual(['a', 'b']);
  expect(queries[1]).toEqual({ from: 'n', take: '100' });
});

it('never asks for pages without a size, whatever limit the tenant names', () => {
  const all = Array.from({ length: 120 }, (_, n) => ({ client_id: idOf(n) }));
  const model: Model = ({ page = '0', take }) =>
    take === undefined
      ? { body: { total: 120, limit: 0, clients: all.slice(Number(page) * 100, Number(page) * 100 + 100) } }
      : { body: all.slice(0, 50) };
  const { stored, queries } = read(model);
  expect(distinct(stored)).toBe(120);
  expect(queries.every((query) => query['per_page'] !== '0')).toBe(true);
});

it('lets every other refusal stand, and does not ask again', () => {
  for (const [status, kind] of [
    [403, 'InsufficientScope'],
    [404, 'InvalidRequest'],
    [429, 'RateLimited'],
  ] as const) {
    let requests = 0;
    const model: Model = () => (requests++, refusal(status, 'm'));
    expect([kindOf(() => read(model)), requests]).toEqual([kind, 1]);
  }
});

it('keeps its size of pages half way through: another size would mean other pages', () => {
  const sizes: (string | undefined)[] = [];
  const model: Model = (query, request) => {
    sizes.push(query['take'] ?? query['per_page']);
    return query['from'] === undefined ? tenant(150)(query, request) : refusal(400, 'm', 'invalid_query_string');
  };
  expect(kindOf(() => read(model))).toBe('InvalidRequest');
  expect(sizes).toEqual(['100', '100', '100']);
});
