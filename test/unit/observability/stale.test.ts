import { describe, expect, it } from 'vitest';
import { longestInterval, staleness, type StaleFacts } from '../../../src/observability/stale.js';

const MINUTE = 60_000;
const facts = (given: Partial<StaleFacts>): StaleFacts => ({
  intervalMs: MINUTE,
  lastGoodAt: 0,
  expectedSince: null,
  now: 0,
  schedule: 'active',
  ...given,
});
const isStale = (given: Partial<StaleFacts>) => staleness(facts(given)).stale;

describe('staleness', () => {
  it('begins behind the third interval without a good run, and not at it', () => {
    expect(isStale({ now: 3 * MINUTE })).toBe(false);
    expect(isStale({ now: 3 * MINUTE + 1 })).toBe(true);
  });

  it('counts from when a run could be expected, where there was no good one', () => {
    expect(isStale({ lastGoodAt: null, expectedSince: 5 * MINUTE, now: 8 * MINUTE })).toBe(false);
    expect(isStale({ lastGoodAt: null, expectedSince: 5 * MINUTE, now: 8 * MINUTE + 1 })).toBe(true);
    expect(staleness(facts({ lastGoodAt: null, now: 99 * MINUTE }))).toEqual({
      stale: false,
      why: 'no run is known yet',
    });
  });

  it('has no excuse in a paused schedule, and says that it is paused', () => {
    const { stale, why } = staleness(facts({ schedule: 'paused', now: 4 * MINUTE }));
    expect(stale).toBe(true);
    expect(why).toBe('no good run for 240 s, more than 3 intervals of 60 s, and its schedule is paused');
    expect(isStale({ schedule: 'paused', now: MINUTE })).toBe(false);
  });

  it('is there at once where the schedule is missing', () => {
    expect(staleness(facts({ schedule: 'missing' }))).toEqual({
      stale: true,
      why: 'its schedule does not exist: make it with schedule apply',
    });
  });

  it.each([null, 0])('is never there where nothing is scheduled (%s)', (intervalMs) => {
    expect(isStale({ intervalMs, now: 1e12, schedule: 'missing' })).toBe(false);
  });
});

describe('longestInterval', () => {
  it('is the longest distance of the next runs, in any order', () => {
    const day = 24 * 60 * MINUTE;
    // Weekdays: from Friday to Monday it is three days.
    expect(longestInterval([5 * day, 1 * day, 2 * day, 8 * day])).toBe(3 * day);
  });

  it.each([[[]], [[1]]])('is not known from %j', (runs) => {
    expect(longestInterval(runs)).toBeNull();
  });
});
