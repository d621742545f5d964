import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterStatus, createPacer, waitForPause } from '../../../src/auth0/pacer.js';
import {
  afterAnswer,
  afterGrant,
  type Bucket,
  levelAt,
  openBucket,
  probeIfDue,
  type RateAnswer,
  readRateAnswer,
  reserveOf,
  waitFor,
} from '../../../src/auth0/rate-bucket.js';
import { addAnswer, measureRefill, type RefillWindow } from '../../../src/auth0/rate-refill.js';
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
    [0, 16 * 0.98, 16.1],
    [0.2, 0.95 * 0.8 * 16, 13.6],
  ])(
    'headroom %f reaches at least %f and at most %f a second, with next to no refusals',
    async (headroom, low, high) => {
      const { clock, sent, refused } = startLoad({
        tenant: tenantByTheSecond(PRODUCTION),
        headroom,
        latency: uneven,
      });
      await clock.runUntil(310_000);
      // From 10 s on, when the burst is used up.
      const reached = rate(sent, 10_000, 310_000);
      expect(reached).toBeGreaterThanOrEqual(low);
      expect(reached).toBeLessThanOrEqual(high);
      expect(refused.length * 500).toBeLessThanOrEqual(sent.length);
    },
  );

  it.each([
    ['tokens that trickle in', tenantByTheMoment(PRODUCTION), 12.16],
    ['a small plan', tenantByTheSecond({ requestsPerSecond: 2, burst: 10 }), 1.52],
    ['a bucket of one second', tenantByTheSecond({ requestsPerSecond: 20, burst: 20 }), 15.2],
    ['a rate a minute', tenantByTheMoment({ requestsPerSecond: 100 / 60, burst: 10 }), 1.26],
    ['windows of a minute', tenantByTheWindow(100, 60), 1.26],
  ])('%s', async (_, tenant, low) => {
    const { clock, sent, refused } = startLoad({ tenant, latency: uneven, callers: 6 });
    await clock.runUntil(240_000);
    expect(rate(sent, 0, 240_000)).toBeGreaterThanOrEqual(low);
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
    expect(rate(sent, 10_000, 70_000)).toBeGreaterThanOrEqual(12.16);
    expect(rate(sent, 10_000, 70_000)).toBeLessThanOrEqual(13.6);
    expect(refused).toEqual([]);
  });
});

describe('what disturbs the count', () => {
  it('the start does not take more than its burst', async () => {
    const { clock, sent } = startLoad({ tenant: tenantByTheSecond(PRODUCTION), latency: uneven });
    await clock.runUntil(12_000);
    expect(rate(sent, 4_000, 12_000)).toBeLessThanOrEqual(0.85 * 16);
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
    expect(rate(sent, 10_000, 130_000)).toBeLessThanOrEqual(13.6);
    expect(refused).toEqual([]);
  });
});

describe('others on the same tenant', () => {
  it.each([
    [0, 5, 1],
    [0, 5, 5],
    [0.2, 5, 1],
    [0.2, 5, 5],
    [0.2, 5, 10],
    [0.2, 10, 1],
  ])(
    'headroom %f leaves alone %i requests a second that come %i at once',
    async (headroom, foreignRps, foreignBurst) => {
      const load = { tenant: tenantByTheSecond(PRODUCTION), headroom, latency: uneven, foreignRps, foreignBurst };
      const { clock, sent, refused, foreignRefused } = startLoad(load);
      await clock.runUntil(130_000);
      const reached = rate(sent, 10_000, 130_000);
      expect(reached + foreignRps).toBeLessThanOrEqual(16.1);
      expect(reached).toBeGreaterThanOrEqual(Math.min(0.95 * 0.8 * 16, 0.9 * (16 - foreignRps)));
      expect(refused.length * 500).toBeLessThanOrEqual(sent.length);
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
    ['up', PRODUCTION, { requestsPerSecond: 32, burst: 50 }, 0.2, 23, 27],
    ['up, without headroom', PRODUCTION, { requestsPerSecond: 32, burst: 50 }, 0, 31, 32.2],
    ['down', PRODUCTION, { requestsPerSecond: 8, burst: 50 }, 0.2, 6.08, 7.2],
    ['to a smaller plan', PRODUCTION, { requestsPerSecond: 2, burst: 10 }, 0.2, 1.5, 1.8],
    ['to a larger plan', { requestsPerSecond: 2, burst: 10 }, PRODUCTION, 0.2, 12.16, 13.6],
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

describe('reading an answer', () => {
  const limit = { 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '49', 'x-ratelimit-reset': '1800000001' };
  it.each<[string, Record<string, string>, Partial<RateAnswer> | undefined]>([
    [
      'all headers',
      limit,
      { limit: 50, remaining: 49, resetSecond: 1_800_000_001, taken: true, clockOffset: 700 - NOW },
    ],
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
    const answer = readRateAnswer({ ...plain(200, headers), sentAt: NOW - 60 }, 700);
    if (expected === undefined) expect(answer).toBeUndefined();
    else expect(answer).toMatchObject({ ...expected, sent: 640, received: 700 });
  });

  it('a refusal has taken no token', () => {
    expect(readRateAnswer(plain(429, limit), 0)?.taken).toBe(false);
  });
});

describe('estimating the refill', () => {
  /** Windows of consecutive seconds, each given by what its answers left, in the order in which they were sent. */
  const windowsOf = (...seconds: number[][]): readonly RefillWindow[] => {
    let windows: readonly RefillWindow[] = [];
    let sent = 0;
    for (const [second, answers] of seconds.entries())
      for (const remaining of answers)
        windows = addAnswer(windows, { resetSecond: 100 + second, remaining, sent: sent++ });
    return windows;
  };
  /** What n answers leave when nobody else asks. */
  const down = (from: number, n: number): number[] => Array.from({ length: n }, (_, index) => from - index);

  it.each<[string, readonly RefillWindow[], number | undefined, number]>([
    ['nothing seen', [], undefined, 0],
    ['one window', windowsOf(down(49, 30)), undefined, 0],
    ['one step', windowsOf(down(29, 16), down(29, 16), [29]), undefined, 15],
    ['all that comes is used', windowsOf(down(25, 16), down(25, 16), down(25, 16), [25]), 16, 15],
    ['others take 5 a second', windowsOf([25, 20, 15, 10], [25, 20, 15, 10], [25, 20, 15, 10], [25]), 16, 15],
    ['less is used than comes', windowsOf(down(12, 8), down(20, 8), down(28, 8), [36]), 16, 15],
    ['running over', windowsOf(down(49, 12), down(49, 12), down(49, 12), [49]), undefined, 11],
    [
      'high up, where running over is easily missed',
      windowsOf(down(42, 5), down(42, 5), down(42, 5), [42]),
      undefined,
      4,
    ],
    ['tokens trickle in', windowsOf([8, 7, 8, 7], [8, 7, 8, 7], [8, 7, 8, 7], [8]), 4, 3],
    ['the window under way is not finished', windowsOf(down(25, 16), down(25, 16), down(25, 16), [10]), 16, 15],
  ])('%s', (_, windows, measured, atLeast) => {
    expect(measureRefill(windows, 50)).toEqual({ measured, atLeast });
  });

  it('does not measure over a gap', () => {
    const [first, second, third, fourth] = windowsOf(down(25, 16), down(25, 16), down(25, 16), [25]);
    if (!first || !second || !third || !fourth) throw new Error('windows are missing');
    const later = [third, fourth].map((window) => ({ ...window, resetSecond: window.resetSecond + 60 }));
    expect(measureRefill([first, second, ...later], 50).measured).toBeUndefined();
  });

  it('does not measure a bucket of few tokens', () => {
    const windows = windowsOf([1, 0], [1, 0], [1, 0], [1]);
    expect(measureRefill(windows, 4).measured).toBeUndefined();
    expect(measureRefill(windows, 5).measured).toBe(2);
  });

  it('does not depend on the order in which answers arrive', () => {
    const answers = [0, 1, 2, 3].flatMap((second) =>
      down(25, 16).map((remaining, n) => ({ resetSecond: second, remaining, sent: second * 16 + n })),
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(answers, { minLength: answers.length }), (shuffled) => {
        const windows = shuffled.reduce<readonly RefillWindow[]>(addAnswer, []);
        expect(measureRefill(windows, 50)).toEqual({ measured: 16, atLeast: 15 });
      }),
    );
  });

  it('nor where tokens trickle in', () => {
    const answers = [0, 1, 2, 3].flatMap((second) =>
      [20, 19, 20, 19, 19, 20].map((remaining, n) => ({ resetSecond: second, remaining, sent: second * 6 + n })),
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(answers, { minLength: answers.length }), (shuffled) => {
        const windows = shuffled.reduce<readonly RefillWindow[]>(addAnswer, []);
        expect(windows.map(({ last }) => last)).toEqual([20, 20, 20, 20]);
        expect(measureRefill(windows, 50)).toEqual({ measured: 6, atLeast: 5 });
      }),
    );
  });

  it('never finds more than comes, where it comes at the top of each second', () => {
    const load = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 }), { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 10, max: 60 }), load, (refill, size, seconds) => {
        let tokens = size;
        let windows: readonly RefillWindow[] = [];
        let sent = 0;
        for (const [resetSecond, gaps] of seconds.entries()) {
          tokens = Math.min(size, tokens + refill);
          // Each of our requests comes after some of others'.
          for (const others of gaps) {
            tokens -= others + 1;
            if (tokens < 0) tokens = 0;
            else windows = addAnswer(windows, { resetSecond, remaining: tokens, sent: sent++ });
          }
        }
        const { measured, atLeast } = measureRefill(windows, size);
        expect(measured ?? 0).toBeLessThanOrEqual(refill + 1e-9);
        expect(atLeast).toBeLessThanOrEqual(refill);
      }),
    );
  });
});

describe('what a bucket allows', () => {
  const answer: RateAnswer = {
    limit: 50,
    remaining: 49,
    resetSecond: 1,
    sent: 0,
    received: 0,
    clockOffset: 0,
    taken: true,
  };
  const bucket = (fields: Partial<Bucket>): Bucket => ({
    ...openBucket(answer, 0.2),
    refill: 16,
    isMeasured: true,
    ...fields,
  });
  const calm = { now: 500, lastGrant: 0, inFlight: 0, headroom: 0.2 };

  it.each([
    ['headroom', 0.2, {}, 10],
    ['no headroom: a tenth', 0, {}, 5],
    ['no headroom, a refill that nearly fills it', 0, { refill: 48 }, 2],
    ['no headroom, a refill that fills it', 0, { refill: 50 }, 0],
    ['no headroom, one that was never seen whole, but nearly', 0, { isMeasured: false, proven: 43 }, 0],
    ['no headroom, one that is not known', 0, { isMeasured: false }, 5],
    ['a bucket of two', 0.2, { size: 2, refill: 2 }, 0],
  ])('reserve: %s', (_, headroom, fields, reserve) => {
    expect(reserveOf(bucket(fields), headroom)).toBe(reserve);
  });

  it.each([
    ['as the answer said', { remaining: 30 }, {}, 30],
    ['less those under way', { remaining: 30 }, { inFlight: 7 }, 23],
    ['with the refill when it is due', { remaining: 20 }, { now: 1_000 }, 36],
    ['with each refill', { remaining: 0 }, { now: 3_100 }, 48],
    ['never more than it holds', { remaining: 30 }, { now: 60_000 }, 50],
    ['one token a refill that is not known', { remaining: 3, isMeasured: false }, { now: 2_100 }, 5],
    ['what was seen of a refill that is not known', { remaining: 3, isMeasured: false, proven: 9 }, { now: 1_100 }, 12],
  ])('level: %s', (_, fields, moment, level) => {
    expect(levelAt(bucket(fields), { ...calm, ...moment })).toBe(level);
  });

  it.each([
    ['nothing while there is plenty', { remaining: 49, credit: 30 }, {}, 0],
    ['until our share allows it', { remaining: 49, credit: 0, creditAt: 500 }, { lastGrant: 499 }, 78.125],
    ['not for our share without headroom', { remaining: 49, credit: 0, creditAt: 500 }, { headroom: 0 }, 0],
    ['longer as it empties', { remaining: 12, credit: 30 }, { lastGrant: 500 }, 312.5],
    ['less while it is fuller', { remaining: 30, credit: 30 }, { lastGrant: 500 }, 31.25],
    ['at the reserve until the refill', { remaining: 10, credit: 30 }, { lastGrant: 400 }, 500],
    ['at the reserve no longer than 5 s', { remaining: 10, credit: 30, resetSecond: 40 }, {}, 4_500],
    ['at nothing until the refill', { remaining: 0, credit: 30, resetSecond: 40 }, {}, 39_500],
    ['at nothing no longer than a minute', { remaining: 0, credit: 30, resetSecond: 4_000 }, {}, 59_500],
    ['not below the reserve for an unknown refill', { remaining: 3, isMeasured: false }, { now: 1_100 }, 0],
    ['then only one at a time', { remaining: 3, isMeasured: false }, { now: 1_100, inFlight: 1 }, 900],
    ['longer while it makes up for a look', { remaining: 40, credit: -5, creditAt: 500 }, { lastGrant: 500 }, 91.91],
  ])('waits: %s', (_, fields, moment, wait) => {
    expect(waitFor(bucket(fields), { ...calm, ...moment })).toBeCloseTo(wait, 2);
  });
});

describe('looking for the refill of a bucket that runs full', () => {
  const answer: RateAnswer = {
    limit: 50,
    remaining: 49,
    resetSecond: 1,
    sent: 0,
    received: 0,
    clockOffset: 0,
    taken: true,
  };
  const full: Bucket = { ...openBucket(answer, 0.2), refill: 16, isMeasured: true, probeAt: 30_000 };
  const due = { now: 30_000, lastGrant: 29_900, inFlight: 0, headroom: 0.2 };

  it.each<[string, number, number, number]>([
    ['the whole bucket', 50, 0.2, 50],
    ['a third where it cannot show', 60, 0.5, 20],
    ['the whole of a very small one', 2, 0.5, 2],
  ])('the first guess is %s', (_, limit, headroom, refill) => {
    expect(openBucket({ ...answer, limit }, headroom).refill).toBeCloseTo(refill, 5);
  });

  it.each<[string, Partial<Bucket>, Partial<typeof due>, number | undefined]>([
    ['when it is due', {}, {}, 33_000],
    ['not before', {}, { now: 29_999 }, undefined],
    ['not while the refill is not known, for then nothing holds back', { isMeasured: false }, {}, undefined],
    ['not without headroom', {}, { headroom: 0 }, undefined],
    ['not where it would take what is to be left free', {}, { headroom: 0.5 }, undefined],
    ['not while the bucket is lower', { remaining: 39, resetSecond: 31 }, {}, undefined],
    ['no longer than 3 s', { probingUntil: 29_000 }, {}, undefined],
    ['on as begun', { probingUntil: 31_000 }, {}, 31_000],
  ])('it looks: %s', (_, fields, moment, until) => {
    expect(probeIfDue({ ...full, ...fields }, { ...due, ...moment }).probingUntil).toBe(until);
  });

  it('it has looked when the bucket is nearly down to the reserve', () => {
    const probing = { ...full, resetSecond: 31, probingUntil: 33_000 };
    expect(afterGrant({ ...probing, remaining: 16 }, due).probingUntil).toBe(33_000);
    expect(afterGrant({ ...probing, remaining: 15 }, due).probingUntil).toBeUndefined();
    expect(afterGrant({ ...probing, remaining: 15 }, due).credit).toBe(full.credit - 1);
  });

  it('it looks again soon where more came than was known', () => {
    const windows = [
      { resetSecond: 31, min: 15, max: 49, answers: 35, last: 15, lastSent: 30_900 },
      { resetSecond: 32, min: 44, max: 49, answers: 6, last: 44, lastSent: 31_900 },
    ];
    const seen = { ...answer, resetSecond: 33, sent: 32_000, received: 32_050 };
    const found = afterAnswer({ ...full, windows, probeAt: 60_000 }, seen, 0.2);
    expect(found).toMatchObject({ refill: 34, isMeasured: true, probeAt: 37_050 });
    expect(afterAnswer({ ...full, windows, refill: 40, probeAt: 60_000 }, seen, 0.2).probeAt).toBe(60_000);
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
    Math.max(...sent.map((time, index) => (sent[index + 1] ?? end) - time));

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
