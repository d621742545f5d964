import { expect, it } from 'vitest';
import { calendarText, isCron, longestCronMs, nextRunsOf } from '../../../src/temporal/cron.js';

it.each([
  ['5,10-20/5 */6 1 JAN-mar 1-5', '2027-01-01T00:05:00.000Z'],
  ['10/20 * * * *', '2026-11-28T08:50:00.000Z'],
  ['0 0 * * 7', '2026-11-29T00:00:00.000Z'],
  ['0 0 * * 5-7', '2026-11-29T00:00:00.000Z'],
  ['0 0 * * Sunday', '2026-11-29T00:00:00.000Z'],
  ['0 0 1 * 1', '2027-02-01T00:00:00.000Z'],
  [' @daily ', '2026-11-29T00:00:00.000Z'],
])('reads %s', (expression, next) => {
  expect(isCron(expression)).toBe(true);
  const [first] = nextRunsOf(expression, 1, new Date('2026-11-28T08:45:00Z'));
  expect(first?.toISOString()).toBe(next);
});

it.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * 32 * *',
  '* * * 13 *',
  '* * * * 8',
  '* * * ja *',
  '* * * foo *',
  '20-10 * * * *',
  '1-2-3 * * * *',
  '*/0 * * * *',
  '*/ * * * *',
  '/5 * * * *',
  ',5 * * * *',
  '-5 * * * *',
  'a * * * *',
  '@reboot',
  '@every 5m',
  '0 0 L * *',
  '0 0 15W * *',
  '0 0 * * 1#2',
  '? * * * *',
])('does not take %j', (text) => {
  expect(isCron(text)).toBe(false);
});

it('does not take a date that never comes', () => {
  expect(isCron('0 0 30 2 *')).toBe(false);
  expect(isCron('0 0 31 4,6,9,11 *')).toBe(false);
  expect(isCron('0 0 29 2 *')).toBe(true);
  expect(isCron('0 0 31 2,3 *')).toBe(true);
});

it('shows the expression that a calendar was made from, and says where there is none', () => {
  const fields = { second: [], minute: [], hour: [], dayOfMonth: [], month: [], year: [], dayOfWeek: [] };
  expect(calendarText({ ...fields, comment: '30 2 * * *' })).toBe('cron 30 2 * * *');
  expect(calendarText({ ...fields, comment: 'mine' })).toBe('a calendar that was set by hand');
  expect(calendarText(fields)).toBe('a calendar that was set by hand');
});

it.each([
  ['* * * * *', 1 / 60],
  ['*/15 * * * *', 0.25],
  ['0 3 * * *', 24],
  ['0 9,17 * * *', 16],
  ['0 9 * * 1-5', 72],
  ['0 0 1 * *', 31 * 24],
  ['0 0 29 2 *', 1461 * 24],
])('knows the longest time between two runs of %s: %d h', (expression, hours) => {
  expect(longestCronMs(expression)).toBe(hours * 3_600_000);
});
