import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterStatus, createPacer, waitForPause } from '../../../src/auth0/pacer.js';
import { afterResponse, type RateResponse, readRateResponse, waitFor } from '../../../src/auth0/rate-bucket.js';
import {
  createLabClock,
  type LabAnswer,
  type LabTenant,
  rate,
  startLoad,
  tenantByTheMoment,
  tenantByTheSecond,
  tenantByTheWindow,
} from './pacer-lab.js';

const NOW = 1_800_000_000_000;
const PRODUCTION = { requestsPerSecond: 16, burst: 50 };
/** Answers between 20 and 140 ms each way, the same in every run, overtaking each other. */
const uneven = (request: number): number => 20 + ((request * 7919) % 121);
const plain = (status = 200, headers: Record<string, string> = {}) => ({
  status,
  headers: new Headers(headers),
  sentAt: NOW,
  receivedAt: NOW,
});

describe('sustained rate', () => {
  it.each([
    [0, 0],
    [0.2, 10],
    [0.5, 25],
  ])('headroom %f reaches the whole refill and leaves %i tokens in the bucket', async (headroom, reserve) => {
    const limited = tenantByTheSecond(PRODUCTION);
    const left: number[] = [];
    const tenant: LabTenant = {
      take(serverMs) {
        const answer = limited.take(serverMs);
        left.push(Number(answer?.headers.get('x-ratelimit-remaining')));
        return answer;
      },
    };
    const { clock, sent, refused } = startLoad({ tenant, headroom, latency: uneven });
    await clock.runUntil(310_000);
    // From 10 s on, when the burst is used up.
    const reached = rate(sent, 10_000, 310_000);
    expect(reached).toBeGreaterThanOrEqual(16 * 0.98);
    expect(reached).toBeLessThanOrEqual(16.1);
    expect(refused).toEqual([]);
    expect(Math.min(...left)).toBeGreaterThanOrEqual(reserve);
  });

  it.each([
    ['tokens that trickle in', tenantByTheMoment(PRODUCTION), 15.5],
    ['a small plan', tenantByTheSecond({ requestsPerSecond: 2, burst: 10 }), 1.95],
    ['a bucket of one second', tenantByTheSecond({ requestsPerSecond: 20, burst: 20 }), 14.8],
    ['a rate a minute', tenantByTheMoment({ requestsPerSecond: 100 / 60, burst: 10 }), 1.6],
    ['windows of a minute', tenantByTheWindow(100, 60), 1.26],
  ])('%s', async (_, tenant, low) => {
    const { clock, sent, refused } = startLoad({ tenant, latency: uneven, callers: 6 });
    await clock.runUntil(240_000);
    expect(rate(sent, 0, 240_000)).toBeGreaterThanOrEqual(low);
    expect(refused).toEqual([]);
  });

  it.each([1, 2, 6])('a bucket of one second, without headroom, by %i callers', async (callers) => {
    const tenant = tenantByTheSecond({ requestsPerSecond: 16, burst: 16 });
    const { clock, sent, refused } = startLoad({ tenant, headroom: 0, callers, latency: () => 6 });
    await clock.runUntil(101_000);
    expect(rate(sent, 1_000, 101_000)).toBeGreaterThanOrEqual(0.98 * 16);
    expect(refused).toEqual([]);
  });

  it.each([
    ['a clock 90 s behind', { skewMs: -90_000 }],
    ['a clock 1.5 s ahead', { skewMs: 1_500 }],
    ['a clock an hour ahead, without a Date header', { skewMs: 3_600_000, dated: false }],
    ['a clock an hour behind, without a Date header', { skewMs: -3_600_000, dated: false }],
  ])('%s', async (_, skew) => {
    const { clock, sent, refused } = startLoad({ tenant: tenantByTheSecond(PRODUCTION), latency: uneven, ...skew });
    await clock.runUntil(70_000);
    expect(rate(sent, 10_000, 70_000)).toBeGreaterThanOrEqual(15.5);
    expect(rate(sent, 10_000, 70_000)).toBeLessThanOrEqual(16.1);
    expect(refused).toEqual([]);
  });
});

describe('what disturbs the count', () => {
  it('the start does not take more than its burst', async () => {
    const { clock, sent } = startLoad({ tenant: tenantByTheSecond(PRODUCTION), latency: uneven });
    await clock.runUntil(12_000);
    expect(rate(sent, 0, 4_000) * 4).toBeLessThanOrEqual(40 + 4 * 16);
    expect(rate(sent, 4_000, 12_000)).toBeLessThanOrEqual(16.1);
  });

  it('answers that never come are not missed for ever', async () => {
    const limited = tenantByTheSecond(PRODUCTION);
    let turn = 0;
    const tenant: LabTenant = {
      take(serverMs) {
        const answer = limited.take(serverMs);
        return turn++ % 10 === 0 ? undefined : answer;
      },
    };
    const { clock, sent, refused } = startLoad({ tenant, latency: uneven });
    await clock.runUntil(130_000);
    expect(rate(sent, 10_000, 130_000)).toBeGreaterThan(11);
    expect(rate(sent, 10_000, 130_000)).toBeLessThanOrEqual(16.1);
    expect(refused).toEqual([]);
  });
});

describe('others on the same tenant', () => {
  it.each([
    [0.2, 5, 1],
    [0.2, 5, 5],
    [0.2, 5, 10],
    [0.2, 10, 1],
    [0.5, 5, 25],
  ])(
    'headroom %f leaves alone %i requests a second that come %i at once, and uses what they leave',
    async (headroom, foreignRps, foreignBurst) => {
      const load = { tenant: tenantByTheSecond(PRODUCTION), headroom, latency: uneven, foreignRps, foreignBurst };
      const { clock, sent, refused, foreignRefused } = startLoad(load);
      await clock.runUntil(130_000);
      const reached = rate(sent, 10_000, 130_000);
      expect(reached + foreignRps).toBeLessThanOrEqual(16.1);
      expect(reached).toBeGreaterThanOrEqual(0.95 * (16 - foreignRps));
      expect(refused).toEqual([]);
      expect(foreignRefused).toEqual([]);
    },
  );

  it('another worker shares the limit evenly, without refusals', async () => {
    const tenant = tenantByTheSecond(PRODUCTION);
    const first = startLoad({ tenant, latency: uneven });
    const second = startLoad({ tenant, latency: uneven });
    for (let time = 0; time <= 60_000; time += 20) {
      await first.clock.runUntil(time);
      await second.clock.runUntil(time);
    }
    const [one, two] = [rate(first.sent, 10_000, 60_000), rate(second.sent, 10_000, 60_000)];
    expect(one + two).toBeLessThanOrEqual(16.1);
    expect(Math.min(one, two)).toBeGreaterThan(5);
    expect(first.refused.length + second.refused.length).toBeLessThanOrEqual(2);
  });

  it('a tenant that is used up by others still lets us get on', async () => {
    const { clock, sent } = startLoad({ tenant: tenantByTheSecond(PRODUCTION), foreignRps: 14, latency: uneven });
    await clock.runUntil(60_000);
    expect(rate(sent, 20_000, 60_000)).toBeGreaterThan(0.2);
    expect(rate(sent, 20_000, 60_000)).toBeLessThan(3);
  });
});

describe('a limit that changes', () => {
  it.each([
    ['up', PRODUCTION, { requestsPerSecond: 32, burst: 50 }, 0.2, 31, 32.2],
    ['up, without headroom', PRODUCTION, { requestsPerSecond: 32, burst: 50 }, 0, 31, 32.2],
    ['down', PRODUCTION, { requestsPerSecond: 8, burst: 50 }, 0.2, 7.8, 8.1],
    ['to a smaller plan', PRODUCTION, { requestsPerSecond: 2, burst: 10 }, 0.2, 1.9, 2.1],
    ['to a larger plan', { requestsPerSecond: 2, burst: 10 }, PRODUCTION, 0.2, 15.5, 16.1],
  ])('%s is followed', async (_, before, after, headroom, low, high) => {
    const tenant = tenantByTheSecond(before);
    const { clock, sent, refused } = startLoad({ tenant, headroom, latency: uneven });
    await clock.runUntil(30_000);
    const refusedBefore = refused.length;
    tenant.limit = after;
    await clock.runUntil(270_000);
    expect(rate(sent, 90_000, 270_000)).toBeGreaterThanOrEqual(low);
    expect(rate(sent, 90_000, 270_000)).toBeLessThanOrEqual(high);
    expect(refused.length - refusedBefore).toBeLessThanOrEqual(2);
  });

  it('a limit that is lifted is forgotten', async () => {
    const limited = tenantByTheSecond({ requestsPerSecond: 2, burst: 5 });
    let isLimited = true;
    const tenant: LabTenant = {
      take: (ms) => (isLimited ? limited.take(ms) : { status: 200, headers: new Headers() }),
    };
    const { clock, sent } = startLoad({ tenant, callers: 4, latency: () => 50 });
    await clock.runUntil(20_000);
    isLimited = false;
    await clock.runUntil(60_000);
    expect(rate(sent, 40_000, 60_000)).toBeGreaterThan(35);
  });

  it('two limits side by side are both kept', async () => {
    const [logs, users] = [{ requestsPerSecond: 2, burst: 10 }, PRODUCTION].map(tenantByTheSecond);
    let turn = 0;
    const tenant: LabTenant = { take: (ms) => (turn++ % 2 === 0 ? logs : users)?.take(ms) };
    const { clock, sent, refused } = startLoad({ tenant, callers: 4, latency: uneven });
    await clock.runUntil(60_000);
    expect(refused).toEqual([]);
    expect(rate(sent, 20_000, 60_000)).toBeGreaterThan(2.5);
  });
});

describe('no limit', () => {
  it('costs no wait: all requests go without the clock moving', async () => {
    const { now, sleep } = createLabClock();
    const pacer = createPacer({ headroom: 0.2, maxRps: null, now, sleep });
    for (let request = 0; request < 5_000; request++) {
      await pacer.acquire();
      pacer.observe(plain());
    }
    // Nor does it matter if no answer is ever reported.
    await Promise.all(Array.from({ length: 5_000 }, () => pacer.acquire()));
  });

  it('costs next to no work', async () => {
    const pacer = createPacer({ headroom: 0.2, maxRps: null });
    const answer = plain();
    const start = performance.now();
    for (let request = 0; request < 20_000; request++) {
      await pacer.acquire();
      pacer.observe(answer);
    }
    // 20 µs each would be 400 ms; the bound leaves room for a busy machine.
    expect(performance.now() - start).toBeLessThan(4_000);
  });
});

describe('a refusal', () => {
  it('holds all callers as long as it says, then lets one go ahead to see', async () => {
    const { now, sleep, runUntil } = createLabClock();
    const pacer = createPacer({ headroom: 0.2, maxRps: null, now, sleep });
    const granted: [name: string, time: number][] = [];
    const ask = (name: string): void => void pacer.acquire().then(() => granted.push([name, now()]));
    pacer.observe(plain(429, { 'retry-after': '7' }));
    for (const name of ['a', 'b', 'c']) ask(name);
    await runUntil(6_999);
    expect(granted).toEqual([]);
    await runUntil(7_100);
    expect(granted).toEqual([['a', 7_000]]);
    pacer.observe(plain());
    await runUntil(7_200);
    expect(granted).toEqual([
      ['a', 7_000],
      ['b', 7_100],
      ['c', 7_100],
    ]);
  });

  it('does not hold for ever when the one that goes ahead gets no answer', async () => {
    const { now, sleep, runUntil } = createLabClock();
    const pacer = createPacer({ headroom: 0.2, maxRps: null, now, sleep });
    const granted: number[] = [];
    pacer.observe(plain(429));
    for (let caller = 0; caller < 3; caller++) void pacer.acquire().then(() => granted.push(now()));
    await runUntil(20_000);
    expect(granted).toEqual([1_000, 6_000, 11_000]);
  });

  const reset = (seconds: number) => ({
    'x-ratelimit-limit': '50',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': String(NOW / 1000 + seconds),
  });
  it.each<[string, Record<string, string>, number]>([
    ['Retry-After', { 'retry-after': '30' }, 30_000],
    ['reset', reset(9), 9_000],
    ['Retry-After before reset', { ...reset(9), 'retry-after': '3' }, 3_000],
    ['a day', { 'retry-after': '86400' }, 900_000],
    ['nothing', {}, 1_000],
  ])('%s', (_, headers, wait) => {
    const moment = { now: 5_000, sent: 5_000 };
    const pause = afterStatus(undefined, plain(429, headers), moment);
    expect(pause).toMatchObject({ refusedAt: 5_000, until: 5_000 + wait });
  });

  it('that does not say how long is waited out longer each time, but not for those under way together', () => {
    let pause = afterStatus(undefined, plain(429), { now: 1_000, sent: 900 });
    pause = afterStatus(pause, plain(429), { now: 1_010, sent: 910 });
    expect(pause).toMatchObject({ until: 2_010, untold: 1 });
    pause = afterStatus(pause, plain(429), { now: 2_100, sent: 2_050 });
    expect(pause).toMatchObject({ until: 4_100, untold: 2 });
    pause = afterStatus(pause, plain(429), { now: 4_200, sent: 4_150 });
    expect(pause).toMatchObject({ until: 8_200, untold: 3 });
    for (let n = 0; n < 20; n++) pause = afterStatus(pause, plain(429), { now: 9_000, sent: 9_000 });
    expect(pause?.until).toBe(69_000);
  });

  it('is over with the first answer to a request sent after it, not to one from before', () => {
    const pause = { refusedAt: 1_000, until: 3_000, untold: 0 };
    expect(afterStatus(pause, plain(), { now: 3_100, sent: 990 })).toBe(pause);
    expect(afterStatus(pause, plain(500), { now: 3_100, sent: 3_000 })).toBeUndefined();
    expect(afterStatus(undefined, plain(), { now: 0, sent: 0 })).toBeUndefined();
  });

  it.each([
    [2_000, 1_000, 1_000],
    [3_000, 1_000, 0],
    [3_200, 3_000, 4_800],
    [8_000, 3_000, 0],
  ])('at %i, the last request having gone at %i, leaves %i to wait', (now, lastGrant, wait) => {
    expect(waitForPause({ refusedAt: 1_000, until: 3_000, untold: 0 }, { now, lastGrant })).toBe(wait);
  });
});

describe('queue', () => {
  const slow = () => {
    const lab = createLabClock();
    return { ...lab, pacer: createPacer({ headroom: 0, maxRps: 1, now: lab.now, sleep: lab.sleep }) };
  };

  it('serves callers in their order', async () => {
    const { pacer, runUntil, now } = slow();
    const order: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) void pacer.acquire().then(() => order.push(`${name}${now()}`));
    await runUntil(1_500);
    void pacer.acquire().then(() => order.push(`e${now()}`));
    await runUntil(10_000);
    expect(order).toEqual(['a0', 'b1000', 'c2000', 'd3000', 'e4000']);
  });

  it('nobody gets in front who comes at the moment of another’s turn', async () => {
    const { pacer, runUntil, sleep } = slow();
    const order: string[] = [];
    void sleep(1_000).then(async () => {
      await pacer.acquire();
      order.push('late');
    });
    await pacer.acquire();
    void pacer.acquire().then(() => order.push('early'));
    await runUntil(10_000);
    expect(order).toEqual(['early', 'late']);
  });

  it('an aborted caller leaves, and takes nobody else’s turn', async () => {
    const { pacer, runUntil, now } = slow();
    const order: string[] = [];
    const [first, second] = [new AbortController(), new AbortController()];
    void pacer.acquire().then(() => order.push(`a${now()}`));
    const b = pacer.acquire(first.signal).catch((error: unknown) => error);
    const c = pacer.acquire(second.signal).catch((error: unknown) => error);
    void pacer.acquire().then(() => order.push(`d${now()}`));
    await runUntil(300);
    const reason = new Error('no longer wanted');
    first.abort(reason);
    second.abort();
    expect(await b).toBe(reason);
    expect(await c).toMatchObject({ name: 'AbortError' });
    await runUntil(10_000);
    expect(order).toEqual(['a0', 'd1000']);
  });

  it('a caller that comes aborted is turned away and uses nothing up', async () => {
    const { pacer, runUntil } = slow();
    await expect(pacer.acquire(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    let isGranted = false;
    void pacer.acquire().then(() => (isGranted = true));
    await runUntil(0);
    expect(isGranted).toBe(true);
  });

  it('goes on after all have left', async () => {
    const { pacer, runUntil, now } = slow();
    await pacer.acquire();
    const controller = new AbortController();
    const left = pacer.acquire(controller.signal).catch(() => 'left');
    controller.abort();
    let time: number | undefined;
    void pacer.acquire().then(() => (time = now()));
    expect(await left).toBe('left');
    await runUntil(5_000);
    expect(time).toBe(1_000);
  });

  it('keeps no timer of the real clock when the last one leaves', async () => {
    const pacer = createPacer({ headroom: 0, maxRps: 0.01 });
    await pacer.acquire();
    const controller = new AbortController();
    const waiting = pacer.acquire(controller.signal).catch(() => 'left');
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    controller.abort();
    expect(await waiting).toBe('left');
    expect(timers()).toBe(before - 1);
  });

  it.each([-0.1, 0.91, Number.NaN])('refuses a headroom of %f', (headroom) => {
    expect(() => createPacer({ headroom, maxRps: null })).toThrow(RangeError);
  });

  it.each([0, -1, Number.NaN])('refuses a rate of %f', (maxRps) => {
    expect(() => createPacer({ headroom: 0, maxRps })).toThrow(RangeError);
  });
});

describe('reading a response', () => {
  const limit = { 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '49', 'x-ratelimit-reset': '1800000001' };
  it.each<[string, Record<string, string>, Partial<RateResponse> | undefined]>([
    ['all headers', limit, { limit: 50, remaining: 49, resetSecond: 1_800_000_001, clockOffset: 700 - NOW }],
    ['none', {}, undefined],
    ['no limit', { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '1800000001' }, undefined],
    ['no remaining', { 'x-ratelimit-limit': '50' }, undefined],
    ['no number', { ...limit, 'x-ratelimit-limit': 'many' }, undefined],
    ['a limit of 0', { ...limit, 'x-ratelimit-limit': '0' }, undefined],
    ['a negative rest', { ...limit, 'x-ratelimit-remaining': '-1' }, undefined],
    ['more left than there can be', { ...limit, 'x-ratelimit-remaining': '99' }, { remaining: 50 }],
    ['no reset', { 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '49' }, { resetSecond: 1_800_000_001 }],
    [
      'a clock 90 s ahead',
      { ...limit, date: new Date(NOW + 90_000).toUTCString() },
      { clockOffset: 700 - NOW - 90_000 },
    ],
    ['a clock 1 s behind', { ...limit, date: new Date(NOW - 1_000).toUTCString() }, { clockOffset: 700 - NOW }],
  ])('%s', (_, headers, expected) => {
    const response = readRateResponse({ ...plain(200, headers), sentAt: NOW - 60 }, 700);
    if (expected === undefined) expect(response).toBeUndefined();
    else expect(response).toMatchObject({ ...expected, sent: 640, received: 700 });
  });
});

describe('what a bucket allows', () => {
  const response: RateResponse = { limit: 50, remaining: 49, resetSecond: 1, sent: 0, received: 0, clockOffset: 0 };
  const calm = { now: 500, lastGrant: 0, inFlight: [] as readonly number[], headroom: 0.2 };

  it.each<[string, Partial<RateResponse>, Partial<typeof calm>, number]>([
    ['nothing while there is plenty', {}, {}, 0],
    ['a part of the time to the refill for each token', { remaining: 14 }, { lastGrant: 500 }, 100],
    ['a second at most for all of them', { remaining: 14, resetSecond: 60 }, { lastGrant: 500 }, 200],
    ['nothing down to the headroom', { remaining: 11 }, {}, 0],
    ['at the headroom until the refill', { remaining: 10 }, {}, 500],
    ['where requests under way take the rest', { remaining: 13 }, { inFlight: [100, 200, 300] }, 500],
    [
      'not for those that are lost',
      { remaining: 13, sent: 5_000, resetSecond: 6 },
      { now: 5_500, inFlight: [1, 2, 3] },
      0,
    ],
    ['to the last token without headroom', { remaining: 1 }, { headroom: 0 }, 0],
    ['at the headroom no longer than 5 s', { remaining: 10, resetSecond: 40 }, {}, 4_500],
    ['at nothing until the refill', { remaining: 0, resetSecond: 40 }, {}, 39_500],
    ['at nothing no longer than a minute', { remaining: 0, resetSecond: 4_000 }, {}, 59_500],
    ['not once the refill has come', { remaining: 3 }, { now: 1_100 }, 0],
    [
      'then for the one that went ahead to see',
      { remaining: 3 },
      { now: 1_100, lastGrant: 1_000, inFlight: [1_000] },
      900,
    ],
  ])('waits: %s', (_, fields, moment, wait) => {
    const bucket = afterResponse(undefined, { ...response, ...fields });
    expect(waitFor(bucket, { ...calm, ...moment })).toBe(wait);
  });

  it('takes the word of the newer response, in whatever order they arrive', () => {
    const first = afterResponse(undefined, { ...response, remaining: 30, sent: 10, received: 100 });
    const overtaken = afterResponse(first, { ...response, remaining: 35, sent: 5, received: 120 });
    expect(overtaken.remaining).toBe(30);
    expect(afterResponse(first, { ...response, remaining: 29, sent: 5, received: 120 }).remaining).toBe(29);
    expect(
      afterResponse(first, { ...response, remaining: 40, sent: 50, received: 130, resetSecond: 2 }).remaining,
    ).toBe(40);
  });

  it('learns by the refills how far the clocks differ', () => {
    const ahead = { ...response, resetSecond: 3_600, clockOffset: 0 };
    const first = afterResponse(undefined, ahead);
    // The refill that was announced has come: it was no hour away.
    const second = afterResponse(first, { ...ahead, resetSecond: 3_601, sent: 900, received: 1_000 });
    expect(second.resetSecond * 1_000 + second.clockOffset).toBe(2_000);
  });
});

describe('for any load', () => {
  const settings = {
    headroom: fc.double({ min: 0, max: 0.9, noNaN: true }),
    callers: fc.integer({ min: 1, max: 20 }),
    latencyMs: fc.integer({ min: 1, max: 2_000 }),
  };
  /** Whatever an answer may say, true or not; undefined: there is none. */
  const anyAnswer = fc.option(
    fc.record({
      status: fc.constantFrom(200, 200, 200, 404, 500),
      limit: fc.integer({ min: 1, max: 60 }),
      remaining: fc.integer({ min: 0, max: 60 }),
      resetIn: fc.constantFrom(-3_600, -1, 0, 1, 2, 60, 3_600),
    }),
    { nil: undefined },
  );
  const tenantOf = (
    answers: readonly (({ status: number } & Record<'limit' | 'remaining' | 'resetIn', number>) | undefined)[],
  ): LabTenant => {
    let turn = 0;
    return {
      take(serverMs): LabAnswer | undefined {
        const answer = answers[turn++ % answers.length];
        if (answer === undefined) return undefined;
        const headers = new Headers({
          'x-ratelimit-limit': String(answer.limit),
          'x-ratelimit-remaining': String(answer.remaining),
          'x-ratelimit-reset': String(Math.floor(serverMs / 1000) + answer.resetIn),
        });
        return { status: answer.status, headers };
      },
    };
  };
  const longestGap = (sent: readonly number[], end: number): number =>
    sent.reduce((longest, time, index) => Math.max(longest, (sent[index + 1] ?? end) - time), 0);

  it('no second holds more than maxRps + 1 requests', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...settings, maxRps: fc.double({ min: 0.5, max: 60, noNaN: true }), isLimited: fc.boolean() }),
        async ({ headroom, callers, latencyMs, maxRps, isLimited }) => {
          const unlimited: LabTenant = { take: () => ({ status: 200, headers: new Headers() }) };
          const tenant = isLimited ? tenantByTheSecond(PRODUCTION) : unlimited;
          const { clock, sent } = startLoad({ tenant, headroom, callers, maxRps, latency: () => latencyMs });
          await clock.runUntil(6_000);
          for (const start of sent) {
            const within = sent.filter((time) => time >= start && time < start + 1_000);
            expect(within.length).toBeLessThanOrEqual(maxRps + 1);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('requests go on, whatever the answers say and whether they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...settings, answers: fc.array(anyAnswer, { minLength: 1, maxLength: 30 }) }),
        async ({ headroom, callers, latencyMs, answers }) => {
          const load = { tenant: tenantOf(answers), headroom, callers, latency: () => latencyMs };
          const { clock, sent } = startLoad(load);
          await clock.runUntil(200_000);
          // All callers may be waiting for answers when one is let go.
          expect(longestGap(sent, 200_000)).toBeLessThanOrEqual(60_001 + 2 * latencyMs);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  it('a request goes at least every 5 s while there are tokens', async () => {
    const withTokens = anyAnswer.filter((answer) => answer !== undefined && answer.remaining > 0);
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...settings, answers: fc.array(withTokens, { minLength: 1, maxLength: 30 }) }),
        async ({ headroom, latencyMs, answers }) => {
          const load = { tenant: tenantOf(answers), headroom, callers: 1, latency: () => latencyMs };
          const { clock, sent } = startLoad(load);
          await clock.runUntil(60_000);
          expect(longestGap(sent, 60_000)).toBeLessThanOrEqual(5_001 + 2 * latencyMs);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  it('each caller is served in its turn or turned away, and none is forgotten', async () => {
    const call = fc.record({
      at: fc.integer({ min: 0, max: 5_000 }),
      abortAfter: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 1, maxLength: 25 }),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        async (calls, maxRps) => {
          const { now, sleep, runUntil } = createLabClock();
          const pacer = createPacer({ headroom: 0.2, maxRps, now, sleep });
          const asked: number[] = [];
          const served: number[] = [];
          const left: number[] = [];
          for (const [id, { at, abortAfter }] of calls.entries()) {
            const controller = new AbortController();
            const run = async (): Promise<void> => {
              await sleep(at);
              asked.push(id);
              if (abortAfter !== undefined) void sleep(abortAfter).then(() => controller.abort());
              await pacer.acquire(controller.signal).then(
                () => served.push(id),
                () => left.push(id),
              );
            };
            void run();
          }
          await runUntil(120_000);
          expect(served.length + left.length).toBe(calls.length);
          expect(served).toEqual(asked.filter((id) => served.includes(id)));
        },
      ),
      { numRuns: 60 },
    );
  });
});
