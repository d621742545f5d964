import { describe, expect, it } from 'vitest';

import { ApiError } from '../../../src/emulator/api-error.js';
import { compileFields, exportLine } from '../../../src/emulator/export-file.js';
import {
  decideFault,
  faultRuleSchema,
  type FaultCount,
  type FaultRoute,
  type FaultRule,
} from '../../../src/emulator/faults.js';
import { isBeyondWall, pageParameters, takeParameter, type Page } from '../../../src/emulator/paging.js';
import { takeToken, type BucketState } from '../../../src/emulator/rate-bucket.js';
import { parseSearchQuery, queryDate, rangeTest } from '../../../src/emulator/search-query.js';

function refusal(attempt: () => unknown): {
  readonly status: number;
  readonly message: string;
  readonly errorCode: string;
} {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ApiError) {
      const body: ReturnType<typeof refusal> = JSON.parse(error.body);
      return body;
    }
  }
  throw new Error('Nothing was refused.');
}

function page(text: string): Page {
  return pageParameters(new URLSearchParams(text));
}

describe('paging', () => {
  it('ends at a thousand rows whatever there is', () => {
    expect(isBeyondWall(page('page=9&per_page=100'))).toBe(false);
    expect(isBeyondWall(page('page=10&per_page=100'))).toBe(true);
    expect(isBeyondWall(page('page=19'))).toBe(false);
    expect(isBeyondWall(page('page=20'))).toBe(true);
    expect(isBeyondWall(page('page=33&per_page=30'))).toBe(true);
  });

  it('refuses sizes out of range in the words of the API', () => {
    expect(refusal(() => page('per_page=101')).message).toMatch(
      /^Query validation error: 'Value 101 is greater than maximum 100' on property per_page/,
    );
    expect(refusal(() => page('page=-1')).message).toContain('less than minimum 0');
    expect(refusal(() => page('page=x')).errorCode).toBe('invalid_query_string');
    expect(refusal(() => takeParameter(new URLSearchParams('take=0'))).message).toContain('less than minimum 1');
    expect(refusal(() => page('include_totals=maybe')).message).toContain('boolean');
  });
});

describe('search queries', () => {
  it('parse ranges with every kind of bracket', () => {
    expect(parseSearchQuery('updated_at:[2020-01-01 TO 2021-01-01T00:00:00.000Z}')).toEqual({
      kind: 'range',
      field: 'updated_at',
      low: { value: '2020-01-01', inclusive: true },
      high: { value: '2021-01-01T00:00:00.000Z', inclusive: false },
    });
    expect(parseSearchQuery('updated_at:{"2020-01-01" TO *]')).toMatchObject({
      low: { value: '2020-01-01', inclusive: false },
      high: { value: undefined },
    });
  });

  it('parse AND, OR, NOT, parentheses, quotes and prefixes', () => {
    expect(parseSearchQuery('user_id:"auth0|a\\"b" AND NOT (name:x OR name:y*)')).toEqual({
      kind: 'and',
      parts: [
        { kind: 'equals', field: 'user_id', value: 'auth0|a"b' },
        {
          kind: 'not',
          part: {
            kind: 'or',
            parts: [
              { kind: 'equals', field: 'name', value: 'x' },
              { kind: 'prefix', field: 'name', value: 'y' },
            ],
          },
        },
      ],
    });
    expect(parseSearchQuery('a:1 b:2')).toMatchObject({ kind: 'and' });
  });

  it.each(['hello', 'a:', 'a:[1 TO 2', '(a:1', 'a:1 AND', 'a:1)'])('refuse %s', (text) => {
    expect(refusal(() => parseSearchQuery(text)).errorCode).toBe('invalid_query_string');
  });

  it('bound ranges of dates to the millisecond', () => {
    const at = queryDate('2020-01-01T00:00:00.000Z');
    const within = (low: boolean, high: boolean) => {
      const bounds = {
        low: { value: '2020-01-01', inclusive: low },
        high: { value: '2020-01-01T00:00:00.002', inclusive: high },
      };
      const test = rangeTest(bounds, queryDate);
      return [at, at + 1, at + 2].map(test);
    };
    expect(within(true, true)).toEqual([true, true, true]);
    expect(within(false, true)).toEqual([false, true, true]);
    expect(within(true, false)).toEqual([true, true, false]);
    expect(refusal(() => queryDate('yesterday')).errorCode).toBe('invalid_query_string');
  });
});

describe('takeToken', () => {
  it('gives the burst, then refuses until the next second, then gives the refill', () => {
    const limit = { requestsPerSecond: 2, burst: 3 };
    let state: BucketState | undefined;
    const ask = (nowMs: number) => {
      const verdict = takeToken(limit, state, nowMs);
      ({ state } = verdict);
      return verdict;
    };
    expect([ask(5100), ask(5200), ask(5300)].map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
    ]);
    expect(ask(5900)).toMatchObject({ allowed: false, remaining: 0, resetSecond: 6 });
    expect([ask(6000), ask(6001), ask(6002)].map(({ allowed }) => allowed)).toEqual([true, true, false]);
    expect(ask(60_000)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it('gathers fractions', () => {
    const limit = { requestsPerSecond: 0.5, burst: 1 };
    const first = takeToken(limit, undefined, 0);
    expect(first).toMatchObject({ allowed: true, resetSecond: 2 });
    expect(takeToken(limit, first.state, 1000).allowed).toBe(false);
    expect(takeToken(limit, first.state, 2000).allowed).toBe(true);
  });
});

function fired(rules: readonly FaultRule[], routes: readonly FaultRoute[], seed = 1): readonly (number | undefined)[] {
  let counts: readonly FaultCount[] = [];
  return routes.map((route) => {
    const decision = decideFault(rules, counts, route, seed);
    ({ counts } = decision);
    return decision.rule === undefined ? undefined : rules.indexOf(decision.rule);
  });
}

describe('decideFault', () => {
  const six: readonly FaultRoute[] = ['logs', 'logs', 'logs', 'logs', 'logs', 'logs'];
  const none = undefined;

  it('fires by nth, every and times', () => {
    expect(fired([{ nth: 2, action: 'reset' }], six)).toEqual([none, 0, none, none, none, none]);
    expect(fired([{ every: 3, action: 'reset' }], six)).toEqual([none, none, 0, none, none, 0]);
    expect(fired([{ times: 2, action: 'reset' }], six)).toEqual([0, 0, none, none, none, none]);
    expect(fired([{ every: 2, times: 1, action: 'reset' }], six)).toEqual([none, 0, none, none, none, none]);
  });

  it('counts only requests of its route', () => {
    expect(fired([{ route: 'users', nth: 2, action: 'hang' }], ['users', 'logs', 'users', 'users'])).toEqual([
      none,
      none,
      0,
      none,
    ]);
  });

  it('lets the first rule that fires win while all of them count', () => {
    const rules: readonly FaultRule[] = [
      { nth: 1, action: 'html' },
      { nth: 2, action: 'reset' },
    ];
    expect(fired(rules, six)).toEqual([0, 1, none, none, none, none]);
  });

  it('draws the same requests for the same seed', () => {
    const many = Array.from({ length: 400 }, (): FaultRoute => 'logs');
    const rules: readonly FaultRule[] = [{ probability: 0.25, action: 'reset' }];
    const drawn = fired(rules, many);
    expect(drawn).toEqual(fired(rules, many));
    expect(drawn).not.toEqual(fired(rules, many, 2));
    const hits = drawn.filter((hit) => hit === 0).length;
    expect(hits).toBeGreaterThan(60);
    expect(hits).toBeLessThan(140);
  });

  it('leaves requests without a fault route alone', () => {
    expect(decideFault([{ action: 'reset' }], [], undefined, 1).rule).toBeUndefined();
  });

  it('refuses rules it does not know', () => {
    expect(faultRuleSchema.safeParse({ action: 'explode' }).success).toBe(false);
    expect(faultRuleSchema.safeParse({ route: 'moon', action: 'reset' }).success).toBe(false);
    expect(faultRuleSchema.safeParse({ action: { status: 503, headers: { 'retry-after': '1' } } }).success).toBe(true);
  });
});

describe('exportLine', () => {
  const members = [
    ['user_id', '"auth0|1"'],
    ['identities', '[{"connection":"db"}]'],
    ['user_metadata', '{"x":{"y":1.10}}'],
  ] as const;

  it('holds the fields named, in their order, renamed and by path, their texts untouched', () => {
    const fields = compileFields([
      { name: 'user_metadata' },
      { name: 'identities[0].connection', export_as: 'how "they" come' },
      { name: 'user_id' },
      { name: 'blocked' },
    ]);
    expect(exportLine(members, fields, false)).toBe(
      '{"user_metadata":{"x":{"y":1.10}},"how \\"they\\" come":"db","user_id":"auth0|1"}',
    );
    expect(exportLine(members, fields, true)).toContain(',"blocked":null}');
  });
});
