import { expect, it } from 'vitest';
import {
  longestDistance,
  MISSING,
  staleAfterMs,
  staleness,
  type StalenessFacts,
} from '../../../src/contracts/stale.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;
const ago = (ms: number) => NOW - ms;

const base: StalenessFacts = {
  everyMs: HOUR,
  lastGoodRunEndedAt: ago(MINUTE),
  scheduleExists: true,
  paused: false,
  createdAt: ago(30 * DAY),
  now: NOW,
};

it.each<[string, Partial<StalenessFacts>, string | null]>([
  ['a run a minute ago', {}, null],
  ['exactly three intervals', { lastGoodRunEndedAt: ago(3 * HOUR) }, null],
  ['more than three intervals', { lastGoodRunEndedAt: ago(3 * HOUR + 1) }, 'no good run for 3h; runs are due every 1h'],
  ['no good run ever, long there', { lastGoodRunEndedAt: null }, 'no good run is known; runs are due every 1h'],
  ['no good run yet, just made', { lastGoodRunEndedAt: null, createdAt: ago(3 * HOUR) }, null],
  ['an old run, made anew', { lastGoodRunEndedAt: ago(9 * DAY), createdAt: ago(MINUTE) }, null],
  [
    'nothing known at all',
    { lastGoodRunEndedAt: null, createdAt: null },
    'no good run is known; runs are due every 1h',
  ],
  ['no schedule', { scheduleExists: false }, MISSING],
  ['no schedule, and none asked for', { scheduleExists: false, everyMs: null }, null],
  ['a schedule that is off', { everyMs: null, lastGoodRunEndedAt: null, createdAt: null }, null],
  ['a short pause', { paused: true, lastGoodRunEndedAt: ago(HOUR) }, null],
  [
    'a long pause',
    { paused: true, lastGoodRunEndedAt: ago(2 * DAY) },
    'paused, and no good run for 2d; runs are due every 1h',
  ],
  ['runs each second, two minutes of silence', { everyMs: 1_000, lastGoodRunEndedAt: ago(2 * MINUTE) }, null],
  [
    'runs each second, four minutes of silence',
    { everyMs: 1_000, lastGoodRunEndedAt: ago(4 * MINUTE) },
    'no good run for 4m; runs are due every 1s',
  ],
  ['a clock that runs behind', { lastGoodRunEndedAt: ago(-HOUR) }, null],
])('%s', (_what, facts, why) => {
  expect(staleness({ ...base, ...facts })).toEqual({ stale: why !== null, why });
});

it('waits three intervals, and three minutes at least', () => {
  expect([1_000, MINUTE, 2 * MINUTE, DAY].map((every) => staleAfterMs(every))).toEqual([
    3 * MINUTE,
    3 * MINUTE,
    6 * MINUTE,
    3 * DAY,
  ]);
});

it('takes the longest distance, such as a weekend', () => {
  expect(longestDistance([])).toBeNull();
  expect(longestDistance([5])).toBeNull();
  expect(longestDistance([3 * DAY, 0, 4 * DAY])).toBe(3 * DAY);
});
