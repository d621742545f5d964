import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareLogIds, isTimedLogId, syntheticLogId, timeOfLogId } from '../../../src/auth0/log-id.js';

const RECORDED = '90020250630141500987654000000000000001223372041234567890';

it.each([
  [RECORDED, RECORDED, 0],
  ['1', '2', -1],
  ['9', '10', -1],
  ['99', '100', -1],
  ['0099', '100', -1],
  ['0100', '99', 1],
  ['007', '7', 0],
  ['0', '00', 0],
  [`${RECORDED.slice(0, -1)}0`, `${RECORDED.slice(0, -1)}1`, -1],
  ['9'.repeat(55), `1${'0'.repeat(55)}`, -1],
  ['5f1b', '5f1c', -1],
  ['b', 'a1', 1],
])('orders %s and %s', (a, b, sign) => {
  expect(Math.sign(compareLogIds(a, b))).toBe(sign);
  expect(Math.sign(compareLogIds(b, a))).toBe(0 - sign);
});

it('orders decimal ids of any length by their number', () => {
  const id = fc.bigInt({ min: 0n, max: 10n ** 60n });
  fc.assert(
    fc.property(id, id, fc.nat({ max: 3 }), (a, b, zeros) => {
      const sign = a < b ? -1 : a > b ? 1 : 0;
      expect(Math.sign(compareLogIds(`${'0'.repeat(zeros)}${a}`, String(b)))).toBe(sign);
    }),
  );
});

it('makes a position of an instant, and reads it back to the second', () => {
  const from = Date.UTC(2026, 0, 2, 3, 4, 5);
  expect(syntheticLogId(from)).toBe(`90020260102030405${'0'.repeat(39)}`);
  expect(syntheticLogId(from + 999)).toBe(syntheticLogId(from));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(2299, 0, 1) }), (ms) => {
      const id = syntheticLogId(ms);
      expect(id).toHaveLength(56);
      expect(isTimedLogId(id)).toBe(true);
      expect(timeOfLogId(id)).toBe(ms - (ms % 1000));
    }),
  );
});

it('is before every log that was taken in at that instant or later', () => {
  const at = timeOfLogId(RECORDED) ?? NaN;
  expect(new Date(at).toISOString()).toBe('2025-06-30T14:15:00.000Z');
  expect(compareLogIds(syntheticLogId(at), RECORDED)).toBeLessThan(0);
  expect(compareLogIds(syntheticLogId(at + 1_000), RECORDED)).toBeGreaterThan(0);
});

it.each([
  ['a shorter one', RECORDED.slice(0, -1)],
  ['a longer one', `${RECORDED}0`],
  ['another prefix', `901${RECORDED.slice(3)}`],
  ['no decimal', `${RECORDED.slice(0, -1)}a`],
  ['no such month', `90020261302030405${'0'.repeat(39)}`],
  ['no such hour', `90020260102250405${'0'.repeat(39)}`],
  ['nothing', ''],
  ['a hex id', '5f1b8c0e9d3a4b0011223344'],
])('carries no time: %s', (_name, id) => {
  expect(isTimedLogId(id)).toBe(false);
  expect(timeOfLogId(id)).toBeUndefined();
});
