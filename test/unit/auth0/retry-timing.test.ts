import { expect, it } from 'vitest';
import { clampWait, MAX_WAIT_MS, MIN_WAIT_MS, retryAfterMs } from '../../../src/auth0/retry-timing.js';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const HOUR = 3_600_000;
const http = (ms: number) => new Date(ms).toUTCString();
const epoch = (ms: number) => String(ms / 1000);

it.each<[string, Record<string, string>, number | undefined]>([
  ['nothing', {}, undefined],
  ['Retry-After in seconds', { 'retry-after': '30' }, 30_000],
  ['Retry-After in parts of seconds', { 'retry-after': '2.5' }, 2_500],
  ['Retry-After of 0, which Temporal would take as "never"', { 'retry-after': '0' }, MIN_WAIT_MS],
  ['Retry-After below 0', { 'retry-after': '-5' }, MIN_WAIT_MS],
  ['Retry-After far off', { 'retry-after': '86400' }, MAX_WAIT_MS],
  ['an absurd Retry-After', { 'retry-after': '1e300' }, MAX_WAIT_MS],
  ['Retry-After as a date', { 'retry-after': http(NOW + 30_000) }, 30_000],
  ['Retry-After as a date in the past', { 'retry-after': http(NOW - 30_000) }, MIN_WAIT_MS],
  ['Retry-After as a date far off', { 'retry-after': http(NOW + 24 * HOUR) }, MAX_WAIT_MS],
  [
    'Retry-After as a date of a clock that is ahead',
    { 'retry-after': http(NOW + HOUR + 30_000), date: http(NOW + HOUR) },
    30_000,
  ],
  [
    'Retry-After as a date of a clock that is behind',
    { 'retry-after': http(NOW - HOUR + 30_000), date: http(NOW - HOUR) },
    30_000,
  ],
  ['Retry-After in seconds, whatever the clocks say', { 'retry-after': '30', date: http(NOW + HOUR) }, 30_000],
  ['an unreadable Retry-After', { 'retry-after': 'later' }, undefined],
  ['Retry-After NaN', { 'retry-after': 'NaN' }, undefined],
  ['Retry-After Infinity', { 'retry-after': 'Infinity' }, undefined],
  ['an empty Retry-After', { 'retry-after': '' }, undefined],
  ['an unreadable Retry-After and a reset', { 'retry-after': 'x', 'x-ratelimit-reset': epoch(NOW + 9_000) }, 9_000],
  ['Retry-After before a reset', { 'retry-after': '3', 'x-ratelimit-reset': epoch(NOW + 9_000) }, 3_000],
  ['a reset', { 'x-ratelimit-reset': epoch(NOW + 9_000), 'x-ratelimit-remaining': '0' }, 9_000],
  ['a reset alone', { 'x-ratelimit-reset': epoch(NOW + 9_000) }, 9_000],
  ['a reset with requests left', { 'x-ratelimit-reset': epoch(NOW + 9_000), 'x-ratelimit-remaining': '7' }, undefined],
  ['a reset in the past', { 'x-ratelimit-reset': epoch(NOW - 9_000) }, MIN_WAIT_MS],
  ['a reset far off', { 'x-ratelimit-reset': epoch(NOW + 9 * HOUR) }, MAX_WAIT_MS],
  [
    'a reset of a clock that is ahead',
    { 'x-ratelimit-reset': epoch(NOW + HOUR + 9_000), date: http(NOW + HOUR) },
    9_000,
  ],
  [
    'a reset of a clock that is behind',
    { 'x-ratelimit-reset': epoch(NOW - HOUR + 9_000), date: http(NOW - HOUR) },
    9_000,
  ],
  [
    'a clock that is off by what the header rounds away',
    { 'x-ratelimit-reset': epoch(NOW + 9_000), date: http(NOW - 1_000) },
    9_000,
  ],
  ['an unreadable Date', { 'x-ratelimit-reset': epoch(NOW + 9_000), date: 'today' }, 9_000],
  ['a reset of 0', { 'x-ratelimit-reset': '0' }, undefined],
  ['a reset below 0', { 'x-ratelimit-reset': '-1' }, undefined],
  ['an empty reset', { 'x-ratelimit-reset': '' }, undefined],
  ['an unreadable reset', { 'x-ratelimit-reset': 'soon' }, undefined],
  ['an unreadable count', { 'x-ratelimit-reset': epoch(NOW + 9_000), 'x-ratelimit-remaining': '?' }, 9_000],
])('%s', (_name, headers, expected) => {
  expect(retryAfterMs(new Headers(headers), NOW)).toBe(expected);
});

it('keeps a wait within 1 s and 15 min, in whole milliseconds', () => {
  expect([0, -1, 1_000.4, 5_000, 899_999.6, 900_001, Infinity].map(clampWait)).toEqual([
    1_000, 1_000, 1_000, 5_000, 900_000, 900_000, 900_000,
  ]);
  expect([MIN_WAIT_MS, MAX_WAIT_MS]).toEqual([1_000, 900_000]);
});
