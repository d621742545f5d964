import { describe, expect, it } from 'vitest';
import { usersPager } from '../../../../src/auth0/paging/users-pager.js';
import { FIRST_USERS_PAGE } from '../../../../src/contracts/cursor.js';
import { drive, kindOf, type Model, numberOf, pageTooLarge, refusal } from './drive.js';

const WALL = 'You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3';
const START = Date.UTC(2026, 0, 1);
const iso = (ms: number) => new Date(ms).toISOString();

interface Ways {
  shape?: 'real' | 'array' | 'data';
  largest?: number;
  clamps?: boolean;
  showsLimit?: boolean;
  /** The total never exceeds this. */
  cappedTotal?: number;
  refusesQ?: boolean;
  ignoresQ?: boolean;
  knowsPage?: boolean;
  /** Users of one import share a `created_at`. */
  sameCreated?: number;
}

/** GET /users: only the first 1,000 of a query can be paged. */
function tenant(count: number, ways: Ways = {}): Model {
  const { shape = 'real', largest = 100, sameCreated = 1, cappedTotal = Infinity, knowsPage = true } = ways;
  const all = Array.from({ length: count }, (_, n) => ({
    user_id: `auth0|${n}`,
    created_at: new Date(START + Math.floor(n / sameCreated) * 1_000).toISOString(),
  }));
  return (query) => {
    const asked = numberOf(query, 'per_page');
    if (asked > largest && !ways.clamps) return pageTooLarge(asked, largest);
    const size = Math.min(asked, largest);
    const start = (knowsPage ? numberOf(query, 'page') : 0) * size;
    if (start + size > 1_000) return refusal(400, WALL, 'invalid_paging');
    const since = /^created_at:\[(\S+) TO \*\]$/.exec(query['q'] ?? '')?.[1];
    if (query['q'] !== undefined && ways.refusesQ) return refusal(400, "'x' on property q", 'invalid_query_string');
    const found = since === undefined || ways.ignoresQ ? all : all.filter((user) => user.created_at >= since);
    const page = found.slice(start, start + size);
    const total = Math.min(found.length, cappedTotal);
    if (shape === 'array') return { body: page };
    const limit = ways.showsLimit === false ? {} : { limit: size };
    return { body: { start, ...limit, length: page.length, total, [shape === 'data' ? 'data' : 'users']: page } };
  };
}

const read = (model: Model) => drive(usersPager, FIRST_USERS_PAGE, 'users', model);
const distinct = (records: readonly Record<string, unknown>[]) => new Set(records.map((r) => r['user_id'])).size;

it('asks in the order of created_at, which does not change', () => {
  expect(read(tenant(1)).queries).toEqual([
    { page: '0', per_page: '100', include_totals: 'true', sort: 'created_at:1' },
  ]);
});

describe.each<NonNullable<Ways['shape']>>(['real', 'data'])('in the shape %s', (shape) => {
  it.each<[string, Ways]>([
    ['as documented', {}],
    ['that refuses more than 50 a page', { largest: 50 }],
    ['that cuts pages down to 50', { largest: 50, clamps: true }],
    ['that cuts pages down to 50 and does not show it', { largest: 50, clamps: true, showsLimit: false }],
  ])('reads up to 999 users of a tenant %s by pages', (_name, ways) => {
    for (const count of [0, 1, 49, 50, 51, 99, 100, 101, 499, 999]) {
      const { stored, done, switchTo } = read(tenant(count, { shape, ...ways }));
      // Where the size of pages is hidden, the wall is near before all were read: the export reads them.
      if (ways.showsLimit === false && count > 500) expect([done, switchTo]).toEqual([false, 'users-export']);
      else expect([count, distinct(stored), stored.length, done]).toEqual([count, count, count, true]);
    }
  });
});

it('reads arrays up to the empty page, and leaves what reaches the wall to the export', () => {
  for (const [count, requests] of [
    [0, 1],
    [1, 2],
    [100, 2],
    [899, 10],
  ] as const) {
    const { stored, done, queries } = read(tenant(count, { shape: 'array' }));
    expect([count, distinct(stored), done, queries.length]).toEqual([count, count, true, requests]);
  }
  for (const count of [901, 999, 1_000, 1_001, 5_000])
    expect(read(tenant(count, { shape: 'array' }))).toMatchObject({ done: false, switchTo: 'users-export' });
});

describe('exactly 1,000', () => {
  it('are all where a count of those from the newest on proves it', () => {
    const { stored, done, queries } = read(tenant(1_000));
    expect([distinct(stored), done, queries.length]).toEqual([1_000, true, 11]);
    expect(queries.at(-1)).toEqual({
      q: `created_at:[${new Date(START + 999_000).toISOString()} TO *]`,
      page: '0',
      per_page: '1',
      include_totals: 'true',
      sort: 'created_at:1',
    });
  });

  it.each([3, 100, 250, 1_000])('are all where %i of them share a created_at', (sameCreated) => {
    expect(read(tenant(1_000, { sameCreated }))).toMatchObject({ done: true, switchTo: null });
  });

  it.each<[string, number, Ways]>([
    ['the count shows more behind a capped total', 1_001, { cappedTotal: 1_000 }],
    ['the count shows more of the same instant', 1_002, { cappedTotal: 1_000, sameCreated: 334 }],
    ['the count is refused', 1_000, { refusesQ: true }],
    ['the count is of all users', 1_000, { ignoresQ: true }],
  ])('are left to the export where %s', (_name, count, ways) => {
    expect(read(tenant(count, ways))).toMatchObject({ done: false, switchTo: 'users-export' });
  });

  it('are left to the export where the users have no created_at', () => {
    const model = tenant(1_000);
    const bare: Model = (query, request) => {
      const { body } = model(query, request);
      return { body: JSON.stringify(body).replaceAll('created_at', 'made_at') };
    };
    expect(read(bare)).toMatchObject({ done: false, switchTo: 'users-export' });
  });
});

it.each([1_001, 2_500, 100_000])('leaves %i to the export after one request, and stores nothing', (count) => {
  const { switchTo, queries, stored, total } = read(tenant(count));
  expect([switchTo, queries.length, stored.length, total]).toEqual(['users-export', 1, 0, count]);
});

it('leaves them to the export where their number passes 1,000 while pages are read', () => {
  let count = 998;
  expect(read((query, request) => tenant((count += 1))(query, request)).switchTo).toBe('users-export');
});

it('never asks for a page that ends beyond the wall', () => {
  for (const ways of [{}, { largest: 50 }, { largest: 50, clamps: true }, { shape: 'array' }] as Ways[])
    for (const count of [950, 1_000])
      for (const query of read(tenant(count, ways)).queries)
        expect((numberOf(query, 'page') + 1) * numberOf(query, 'per_page')).toBeLessThanOrEqual(1_000);
});

it('switches to the export where the tenant names its wall', () => {
  expect(read(() => refusal(400, WALL, 'invalid_paging')).switchTo).toBe('users-export');
});

describe('a tenant that contradicts itself', () => {
  it('by an empty page before its total is left to the export', () => {
    const model = tenant(300);
    const short: Model = (query, request) =>
      query['page'] === '2' ? { body: { limit: 100, total: 300, users: [] } } : model(query, request);
    expect(read(short)).toMatchObject({ done: false, switchTo: 'users-export' });
  });

  it('by the same page again is left to the export', () => {
    expect(read(tenant(300, { knowsPage: false }))).toMatchObject({ done: false, switchTo: 'users-export' });
    expect(read(tenant(300, { shape: 'array', knowsPage: false }))).toMatchObject({ switchTo: 'users-export' });
  });

  it('is not one where a list that is no page of ours comes again: it is whole', () => {
    const all = Array.from({ length: 30 }, (_, n) => ({ user_id: String(n) }));
    expect(read(() => ({ body: all }))).toMatchObject({ done: true, switchTo: null });
  });

  it('by a limit of 0 keeps our own', () => {
    const body = { limit: 0, total: 150, users: Array.from({ length: 100 }, (_, n) => ({ user_id: String(n) })) };
    const { queries } = read(({ page }) =>
      page === '0' ? { body } : { body: { ...body, users: [{ user_id: 'z' }] } },
    );
    expect(queries[1]).toMatchObject({ page: '1', per_page: '100' });
  });
});

it('lets every other refusal stand', () => {
  for (const [status, kind] of [
    [401, 'TokenRejected'],
    [403, 'InsufficientScope'],
    [429, 'RateLimited'],
    [503, 'TenantUnavailable'],
  ] as const)
    expect(kindOf(() => read(() => refusal(status, 'm')))).toBe(kind);
  const model: Model = (query, request) => (query['page'] === '1' ? refusal(400, 'm') : tenant(300)(query, request));
  expect(kindOf(() => read(model))).toBe('InvalidRequest');
});

describe('users that are deleted while pages are read', () => {
  /** Users by name; after so many requests the first of those left is gone, so that all others move up by one. */
  function shrinking(deletedAfter: readonly number[]): Model {
    let users = Array.from({ length: 350 }, (_, n) => ({
      user_id: `auth0|${n}`,
      created_at: new Date(START + n * 1_000).toISOString(),
    }));
    let requests = 0;
    return (query) => {
      const start = numberOf(query, 'page') * 100;
      const page = users.slice(start, start + 100);
      const body = { start, limit: 100, length: page.length, total: users.length, users: page };
      if (deletedAfter.includes(++requests)) users = users.slice(1);
      return { body };
    };
  }

  it('make the pages begin again: the user who moved onto a page that was read would be missed', () => {
    const { stored, done, queries } = read(shrinking([1]));
    const ids = new Set(stored.map((user) => user['user_id']));
    for (let n = 1; n < 350; n++) expect(ids.has(`auth0|${n}`), `auth0|${n}`).toBe(true);
    expect([done, queries.map(({ page }) => page)]).toEqual([true, ['0', '1', '0', '1', '2', '3']]);
  });

  it('again and again end in the export job, which reads all at once', () => {
    const { switchTo, done } = read(shrinking(Array.from({ length: 50 }, (_, n) => n + 1)));
    expect([switchTo, done]).toEqual(['users-export', false]);
  });
});

describe('a total that is wrong', () => {
  const counting = (count: number, total: (real: number, page: number) => unknown): Model => {
    const model = tenant(count);
    return (query, request) => {
      const { body } = model(query, request);
      const wrong = (key: string, value: unknown) =>
        key === 'total' ? total(Number(value), numberOf(query, 'page')) : value;
      return { body: JSON.stringify(body, wrong) };
    };
  };

  it.each<[string, (real: number, page: number) => unknown]>([
    ['lower than a page', () => 3],
    ['that of a page', () => 100],
    ['negative', () => -5],
    ['a text', String],
    ['that grows', (_real, page) => 100 + page],
  ])('(%s) costs no user', (_name, total) => {
    for (const count of [101, 150, 250, 800]) {
      const { stored, done } = read(counting(count, total));
      expect([count, distinct(stored), done]).toEqual([count, count, true]);
    }
  });

  it.each<[string, (real: number, page: number) => unknown]>([
    ['one too high', (real) => real + 1],
    ['that shrinks', (real, page) => real - 50 * page],
  ])('(%s) leads to the export', (_name, total) => {
    expect(read(counting(250, total))).toMatchObject({ done: false, switchTo: 'users-export' });
  });
});

describe('users that share a created_at', () => {
  /** Each page but the first begins with the last user of the page before, and so leaves one out. */
  const repeating =
    (count: number): Model =>
    (query) => {
      const page = numberOf(query, 'page');
      const start = page * 100 - (page > 0 ? 1 : 0);
      const all = Array.from({ length: count }, (_, n) => ({ user_id: String(n), created_at: iso(START) }));
      const end = Math.min(count, page * 100 + 100) - (page > 0 ? 1 : 0);
      return { body: { limit: 100, total: count, users: all.slice(start, end) } };
    };

  it('are counted with those that repeat: whether all came is for the destination to say', () => {
    const { stored, done, cursor } = read(repeating(101));
    expect([stored.length, distinct(stored), done, cursor.seen]).toEqual([101, 100, true, 101]);
    expect(usersPager.otherwise?.(cursor)).toMatchObject({ switchTo: 'users-export' });
  });

  it('are left to the export behind a restart, where those seen before it would hide who is left out', () => {
    let total = 201;
    const model: Model = (query, request) => {
      const { body } = repeating(200)(query, request);
      return {
        body: JSON.stringify(body).replace('"total":200', `"total":${query['page'] === '1' ? (total = 200) : total}`),
      };
    };
    expect(read(model)).toMatchObject({ done: false, switchTo: 'users-export' });
  });
});

it('leaves pages that the tenant cannot serve to the export: soon where a query takes too long', () => {
  const at = (attempt: number, status: number, code?: string) => () =>
    drive(usersPager, FIRST_USERS_PAGE, 'users', () => refusal(status, 'm', code), attempt).switchTo;
  expect(at(2, 503, 'query_timeout')()).toBe('users-export');
  expect(at(2, 504)()).toBe('users-export');
  expect(at(1, 414)()).toBe('users-export');
  expect(at(6, 500)()).toBe('users-export');
  expect(kindOf(at(1, 503, 'query_timeout'))).toBe('TenantUnavailable');
  expect(kindOf(at(5, 500))).toBe('TenantUnavailable');
  expect(kindOf(at(8, 429))).toBe('RateLimited');
  expect(kindOf(at(8, 403))).toBe('InsufficientScope');
});

it('counts what is no record as a row of its page', () => {
  const all = [...Array.from({ length: 100 }, (_, n) => ({ user_id: String(n), created_at: iso(START + n) })), null];
  const model: Model = (query) => {
    const start = numberOf(query, 'page') * 100;
    return { body: { limit: 100, total: 101, users: all.slice(start, start + 100) } };
  };
  expect(read(model)).toMatchObject({ done: true, stored: { length: 100 }, cursor: { seen: 101, nonRecords: 1 } });
});

it('leaves pages that go in a circle to the export', () => {
  const page = (n: number) => Array.from({ length: 5 }, (_, i) => ({ user_id: `u${n}-${i}`, created_at: '2026' }));
  const { queries, switchTo, stored } = read(({ page: at }) => ({ body: { limit: 5, users: page(Number(at) % 2) } }));
  expect([switchTo, stored.length > 9, queries.length < 10]).toEqual(['users-export', true, true]);
});

it('takes pages that go in a circle for read to their end where the users are counted', () => {
  const page = (n: number) => Array.from({ length: 5 }, (_, i) => ({ user_id: `u${n}-${i}`, created_at: '2026' }));
  const model: Model = ({ page: at }) => ({ body: { limit: 5, total: 100, users: page(Number(at) % 2) } });
  expect(read(model)).toMatchObject({ done: true, switchTo: null, total: 100 });
});
