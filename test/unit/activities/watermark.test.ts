import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watermarkOf } from '../../../src/activities/watermark.js';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 0, 2, 12);

describe('the watermark', () => {
  it('stays behind the newest change and the time that the run took', () => {
    expect(watermarkOf({ newest: NOON, tookMs: MINUTE, epoch: 0, serverTime: null, before: null })).toBe(
      NOON - 6 * MINUTE,
    );
  });

  it('is what it was, or none, where no change is known', () => {
    const before = { watermark: NOON, epoch: 1 };
    expect(watermarkOf({ newest: null, tookMs: 1, epoch: 2, serverTime: null, before })).toBe(NOON);
    expect(watermarkOf({ newest: null, tookMs: 1, epoch: 2, serverTime: null, before: null })).toBeNull();
  });

  it('comes to rest behind the newest change of a silent tenant, after the time that a search may lag', () => {
    let before = {
      watermark: watermarkOf({ newest: NOON, tookMs: 0, epoch: 0, serverTime: null, before: null }) ?? 0,
      epoch: 0,
    };
    for (let minute = 1; minute <= 20; minute++) {
      const epoch = minute * MINUTE;
      const watermark = watermarkOf({ newest: NOON, tookMs: 0, epoch, serverTime: null, before }) ?? 0;
      expect(watermark).toBe(
        minute < 5 ? NOON - (5 - minute) * MINUTE : Math.min(NOON + 1, NOON + (minute - 5) * MINUTE),
      );
      before = { watermark, epoch };
    }
  });

  it('goes by clocks where two agree, and no further than the newest change', () => {
    const at = (epoch: number, serverTime: number) =>
      watermarkOf({ newest: NOON, tookMs: 0, epoch, serverTime, before: null });
    expect(at(NOON + 3 * MINUTE, NOON + 3 * MINUTE)).toBe(NOON - 2 * MINUTE);
    expect(at(NOON + 120 * MINUTE, NOON + 120 * MINUTE)).toBe(NOON + 1);
    expect(at(NOON + 120 * MINUTE, NOON)).toBe(NOON - 5 * MINUTE);
  });

  it('is set back by a newest change that it is ahead of', () => {
    const before = { watermark: NOON + 120 * MINUTE, epoch: 0 };
    expect(watermarkOf({ newest: NOON, tookMs: 0, epoch: MINUTE, serverTime: null, before })).toBe(NOON + 1);
  });

  it('misses no change that a search shows within five minutes, however far our clock is off', () => {
    const scenario = fc.record({
      skew: fc.integer({ min: -300, max: 300 }),
      changes: fc.array(fc.record({ at: fc.integer({ max: 600, min: 0 }), lag: fc.integer({ min: 0, max: 4 }) })),
      runs: fc.array(fc.record({ pause: fc.integer({ min: 1, max: 60 }), took: fc.integer({ min: 0, max: 20 }) }), {
        minLength: 3,
      }),
    });
    fc.assert(
      fc.property(scenario, ({ skew, changes, runs }) => {
        let now = 0;
        let before: { watermark: number; epoch: number } | null = null;
        const seen = new Set<number>();
        for (const { pause, took } of runs) {
          now += pause;
          const begin = now;
          now += took;
          const since = before?.watermark ?? -Infinity;
          for (const [i, { at, lag }] of changes.entries()) if (at + lag <= begin && at * MINUTE >= since) seen.add(i);
          // Of those that change while it reads, a run may see the last one only.
          const during = changes.findLastIndex(({ at, lag }) => at > begin && at + lag <= now);
          if (during >= 0) seen.add(during);
          const newest = [...seen].reduce((max, i) => Math.max(max, (changes[i]?.at ?? 0) * MINUTE), -Infinity);
          const epoch = (begin + skew) * MINUTE;
          const watermark = watermarkOf({
            newest: seen.size === 0 ? null : newest,
            tookMs: took * MINUTE,
            epoch,
            serverTime: null,
            before,
          });
          before = watermark === null ? null : { watermark, epoch };
          // What is not seen yet lies where the next run looks.
          for (const [i, { at }] of changes.entries())
            if (!seen.has(i) && at <= begin) expect(at * MINUTE).toBeGreaterThanOrEqual(watermark ?? -Infinity);
        }
      }),
      { numRuns: 300 },
    );
  });
});
