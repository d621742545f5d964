import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { usersChangedPager } from '../../../../src/auth0/paging/users-changed-pager.js';
import type { UsersChangedCursor } from '../../../../src/contracts/cursor.js';
import { drive, kindOf, type Model, numberOf, pageTooLarge, refusal } from './drive.js';

const START = Date.UTC(2026, 0, 1);
const iso = (ms: number) => new Date(ms).toISOString();
const since = (ms: number): UsersChangedCursor => ({
  kind: 'users-changed',
  since: iso(ms),
  page: 0,
  perPage: 100,
});

interface Ways {
  shape?: 'real' | 'array';
  largest?: number;
  clamps?: boolean;
  hidesLimit?: boolean;
  ignoresQ?: boolean;
  unsorted?: boolean;
}

/** GET /users by `updated_at`, of users given by the time at which each was changed last. */
function tenant(updated: readonly number[], ways: Ways = {}): Model {
  const { shape = 'real', largest = 100 } = ways;
  return (query) => {
    const asked = numberOf(query, 'per_page');
    if (asked > largest && !ways.clamps) return pageTooLarge(asked, largest);
    const size = Math.min(asked, largest);
    const start = numberOf(query, 'page') * size;
    if (start + size > 1_000) return refusal(400, 'm', 'invalid_paging');
    const bound = Date.parse(/^updated_at:\[(\S+) TO \*\]$/.exec(query['q'] ?? '')?.[1] ?? '');
    const found = updated
      .map((ms, n) => ({ user_id: String(n), updated_at: iso(ms), ms }))
      .filter(({ ms }) => ways.ignoresQ || ms >= bound)
      .toSorted((a, b) => (ways.unsorted ? a.user_id.localeCompare(b.user_id) : a.ms - b.ms));
    const page = found.slice(start, start + size);
    if (shape === 'array') return { body: page };
    const limit = ways.hidesLimit ? {} : { limit: size };
    return { body: { start, ...limit, length: page.length, total: found.length, users: page } };
  };
}

const times = (count: number, at: (n: number) => number) => Array.from({ length: count }, (_, n) => START + at(n));
const read = (model: Model, cursor = since(START)) => drive(usersChangedPager, cursor, 'users', model);
const distinct = (records: readonly Record<string, unknown>[]) => new Set(records.map((r) => r['user_id'])).size;

it('asks for those from the watermark on, in the order of updated_at', () => {
  const { stored, queries } = read(tenant([START - 1, START, START + 1]));
  expect(stored.map((user) => user['user_id'])).toEqual(['1', '2']);
  expect(queries).toEqual([
    { q: `updated_at:[${iso(START)} TO *]`, sort: 'updated_at:1', page: '0', per_page: '100', include_totals: 'true' },
  ]);
});

it.each<[string, Ways]>([
  ['with totals', {}],
  ['in arrays', { shape: 'array' }],
  ['in pages of 50', { largest: 50 }],
  ['in pages cut down to 50', { largest: 50, clamps: true }],
  ['in arrays cut down to 50', { shape: 'array', largest: 50, clamps: true }],
])('reads each page from the newest change on, %s', (_name, ways) => {
  for (const count of [0, 1, 50, 99, 100, 101, 250, 2_500]) {
    const { stored, done, queries } = read(
      tenant(
        times(count, (n) => n * 10),
        ways,
      ),
    );
    expect([count, distinct(stored), done]).toEqual([count, count, true]);
    expect(queries.length).toBeLessThan(2_500 / 49 + 3);
  }
});

it('reads those of the same instant that a page breaks off', () => {
  const { stored, done } = read(tenant(times(250, (n) => Math.floor(n / 30))));
  expect([distinct(stored), done]).toEqual([250, true]);
});

it('is done where all that is left has one and the same instant', () => {
  for (const shape of ['real', 'array'] as const)
    for (const count of [1, 50, 99]) {
      const { stored, done } = read(
        tenant(
          times(count, () => 0),
          { shape },
        ),
      );
      expect([shape, count, distinct(stored), done]).toEqual([shape, count, count, true]);
    }
});

it.each<[number, Ways]>([
  [100, {}],
  [101, {}],
  [250, {}],
  [1_000, {}],
  [101, { largest: 50 }],
  [1_000, { largest: 50, clamps: true }],
  [250, { largest: 30, clamps: true, hidesLimit: true }],
])('reads %i that share one instant from the last page to the first, %j', (count, ways) => {
  for (const before of [0, 1, 130]) {
    const updated = [...times(before, (n) => n), ...times(count, () => 500)];
    const { stored, done, queries } = read(tenant(updated, ways), since(START + 1));
    const wanted = before === 0 ? count : count + before - 1;
    expect([distinct(stored), done]).toEqual([wanted, true]);
    const pages = queries.filter(({ q }) => q?.includes(iso(START + 500))).map((query) => numberOf(query, 'page'));
    if (pages.length > 1) expect(pages.slice(1)).toEqual(pages.slice(1).map((_, i) => pages.length - 2 - i));
  }
});

it.each<[string, number, Ways]>([
  ['more than can be paged', 1_001, {}],
  ['twice as many', 2_000, {}],
  ['a page of an array', 100, { shape: 'array' }],
  ['a page of an array that was cut down', 60, { shape: 'array', largest: 50, clamps: true }],
])('leaves one instant to the export that holds %s', (_name, count, ways) => {
  const { done, switchTo, queries } = read(
    tenant(
      times(count, () => 5),
      ways,
    ),
  );
  expect([done, switchTo]).toEqual([false, 'users-export']);
  for (const query of queries)
    expect((numberOf(query, 'page') + 1) * numberOf(query, 'per_page')).toBeLessThanOrEqual(1_000);
});

it.each<[string, Model]>([
  [
    'does not know the query',
    tenant(
      times(20, (n) => n * 10 - 50),
      { ignoresQ: true },
    ),
  ],
  [
    'does not sort',
    tenant(
      times(250, (n) => (n * 7_919) % 1_000),
      { unsorted: true },
    ),
  ],
  ['leaves updated_at out', () => ({ body: [{ user_id: 'a' }] })],
  ['names users and shows none', () => ({ body: { total: 7, limit: 100, users: [] } })],
])('takes a snapshot of a tenant that %s', (_name, model) => {
  expect(read(model)).toMatchObject({ done: false, switchTo: 'users-pages', stored: [] });
});

it('keeps its size of pages where the tenant names a limit of 0', () => {
  const users = times(100, (n) => n).map((ms, n) => ({ user_id: String(n), updated_at: iso(ms) }));
  const { queries } = read(({ q = '' }) =>
    q.includes(iso(START)) ? { body: { limit: 0, total: 101, users } } : { body: { total: 0, users: [] } },
  );
  expect(queries[1]).toMatchObject({ per_page: '100' });
});

describe('refusals', () => {
  it('of the wall lead to the export, of the size to smaller pages, all others stand', () => {
    expect(read(() => refusal(400, 'm', 'invalid_paging')).switchTo).toBe('users-export');
    expect(
      read(
        tenant(
          times(70, (n) => n),
          { largest: 50 },
        ),
      ).queries[1],
    ).toMatchObject({ per_page: '50' });
    expect(kindOf(() => read(() => refusal(400, 'm', 'invalid_query_string')))).toBe('InvalidRequest');
    expect(kindOf(() => read(() => refusal(403, 'm')))).toBe('InsufficientScope');
    expect(kindOf(() => read(() => refusal(503, 'm')))).toBe('TenantUnavailable');
  });
});

it.each<[string, (real: number) => unknown]>([
  ['lower than a page', () => 3],
  ['that of a page', () => 100],
  ['a text', String],
])('reads all that have changed where the total is %s', (_name, total) => {
  for (const share of [1, 30])
    for (const count of [1, 99, 100, 101, 150, 250]) {
      const model = tenant(times(count, (n) => Math.floor(n / share)));
      const wrong: Model = (query, request) => ({
        body: JSON.stringify(model(query, request).body, (key, value: unknown) =>
          key === 'total' ? total(Number(value)) : value,
        ),
      });
      const { stored, done } = read(wrong);
      expect([count, share, distinct(stored), done]).toEqual([count, share, count, true]);
    }
});

it('leaves one instant to the export where the total is less than its pages hold', () => {
  const model = tenant(times(250, () => 5));
  const low: Model = (query, request) => ({
    body: JSON.stringify(model(query, request).body).replace('"total":250', '"total":100'),
  });
  expect(read(low)).toMatchObject({ done: false, switchTo: 'users-export' });
});

it('leaves a search that the tenant cannot serve for the pages', () => {
  const slow = refusal(503, 'The query exceeded the timeout.', 'query_timeout');
  expect(drive(usersChangedPager, since(START), 'users', () => slow, 2).switchTo).toBe('users-pages');
});

it('misses nobody, whoever changes while pages are read', () => {
  const scenario = fc.record({
    // Few instants, so that many users share one.
    updated: fc.array(fc.integer({ min: 8, max: 14 }), { maxLength: 30 }),
    changes: fc.array(fc.array(fc.nat({ max: 29 }), { maxLength: 5 }), { minLength: 5, maxLength: 30 }),
    size: fc.constantFrom(3, 5, 8),
    shape: fc.constantFrom<Ways['shape']>('real', 'array'),
  });
  fc.assert(
    fc.property(scenario, ({ updated, changes, size, shape }) => {
      const state = updated.map((at) => START + at);
      const began = START + 100;
      let now = began;
      let request = 0;
      const first = read(
        (query, asked) => {
          const answer = tenant(state, { shape: shape ?? 'real', largest: size, clamps: true })(query, asked);
          for (const user of changes[request] ?? []) if (user < state.length) state[user] = now++;
          request++;
          return answer;
        },
        since(START + 10),
      );
      // Who changes meanwhile may be the next run's, which looks back to the beginning of this one.
      const second = read(tenant(state), since(began));
      for (const { done, switchTo } of [first, second]) {
        if (switchTo === 'users-export') return;
        expect([done, switchTo]).toEqual([true, null]);
      }
      const held = new Map<string, string>();
      for (const user of [...first.stored, ...second.stored]) {
        const [id, at] = [String(user['user_id']), String(user['updated_at'])];
        if (at > (held.get(id) ?? '')) held.set(id, at);
      }
      const wanted = state.flatMap((at, n) => (at >= START + 10 ? [[String(n), iso(at)]] : []));
      expect(wanted.filter(([id = '', at]) => held.get(id) !== at)).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
