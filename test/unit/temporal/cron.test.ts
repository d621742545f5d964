import { expect, it } from 'vitest';
import { calendarOf, cronOf, longestCronMs, parseCron } from '../../../src/temporal/cron.js';

const one = (number: number) => ({ start: number, end: number, step: 1 });

it('reads numbers, lists, ranges, steps, names and Sunday as 7', () => {
  expect(parseCron('5,10-20/5 */6 1 JAN-mar 1-5')).toEqual({
    minute: [one(5), { start: 10, end: 20, step: 5 }],
    hour: [{ start: 0, end: 23, step: 6 }],
    dayOfMonth: [one(1)],
    month: [{ start: 1, end: 3, step: 1 }],
    dayOfWeek: [{ start: 1, end: 5, step: 1 }],
  });
  expect(parseCron('10/20 * * * *')?.minute).toEqual([{ start: 10, end: 59, step: 20 }]);
  expect(parseCron('0 0 * * 7')?.dayOfWeek).toEqual([one(0)]);
  expect(parseCron('0 0 * * 5-7')?.dayOfWeek).toEqual([one(0), one(5), one(6)]);
  expect(parseCron('0 0 * * Sunday')?.dayOfWeek).toEqual([one(0)]);
  expect(parseCron(' @daily ')).toEqual(parseCron('0 0 * * *'));
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
])('does not take %j', (text) => {
  expect(parseCron(text)).toBeUndefined();
});

it('does not take a date that never comes', () => {
  expect(parseCron('0 0 30 2 *')).toBeUndefined();
  expect(parseCron('0 0 31 4,6,9,11 *')).toBeUndefined();
  expect(parseCron('0 0 29 2 *')).toBeDefined();
  expect(parseCron('0 0 31 2,3 *')).toBeDefined();
});

it.each(['30 2 * * *', '*/15 * * * *', '0 3 1,15 * 1-5', '0 */6 * 1-3 0', '5 10-20/5 * * *'])(
  'writes the calendar of %s as it was read',
  (expression) => {
    expect(cronOf(calendarOf(expression))).toBe(expression);
  },
);

it('shows seconds and years, which only others can have set', () => {
  const calendar = { ...calendarOf('@daily'), second: [one(30)], year: [one(2030)] };
  expect(cronOf(calendar)).toBe('0 0 * * *, second 30, year 2030');
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
