import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../../src/contracts/control.js';
import { afterPause, FIRST_CLIENTS_PAGE, logsBeginning, windowBeginning } from '../../../src/contracts/cursor.js';
import { percentOf, windowText } from '../../../src/contracts/log-window.js';
import { backfillWorkflowId } from '../../../src/contracts/names.js';

describe('the reason of a pause', () => {
  it.each([undefined, null, {}, { reason: '' }, { reason: null }])('may be left out: %j', (input) => {
    expect(reasonOf(input)).toBeNull();
  });

  it('is a short text and nothing else', () => {
    expect(reasonOf({ reason: 'maintenance' })).toBe('maintenance');
    for (const wrong of ['maintenance', 7, [], ['x'], { reason: 1 }, { why: 'x' }, { reason: 'x'.repeat(201) }])
      expect(() => reasonOf(wrong)).toThrow(RangeError);
  });
});

describe('the interval of a backfill', () => {
  const window = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-05T06:07:08.000Z' };

  it('stands in its workflow id without what says nothing', () => {
    expect(windowText(window)).toBe('2026-01-01..2026-01-05T06:07:08Z');
    expect(backfillWorkflowId('acme.eu', window)).toBe('auth0/acme.eu/backfill/logs/2026-01-01..2026-01-05T06:07:08Z');
  });

  it('tells how much of it is done', () => {
    const days = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-05T00:00:00.000Z' };
    const at = [
      '2026-01-01T00:00:00Z',
      '2026-01-02T00:00:00Z',
      '2026-01-02T13:00:00Z',
      '2026-02-01',
      '2025-01-01',
      null,
    ];
    expect(at.map((instant) => percentOf(days, instant))).toEqual([0, 25, 38.5, 100, 0, 0]);
  });

  it('is read from a minute before it: a log is taken in some time after its date', () => {
    expect(windowBeginning(window, false).position).toEqual(logsBeginning('2025-12-31T23:59:00.000Z'));
  });
});

describe('a position after a pause', () => {
  const followed = {
    ...logsBeginning('oldest', 'id-9'),
    logId: 'id-9',
    date: '2026-01-01T00:00:00.000Z',
    recent: true,
  };
  const checked = { ...followed, phase: 'check', resume: 'id-9', hops: null, recent: false };

  it('in the log is compared with what the tenant still keeps', () => {
    expect(afterPause(followed)).toEqual(checked);
    const begun = { ...windowBeginning({ from: '2026-01-01', to: '2026-01-02' }, false), position: followed };
    expect(afterPause(begun)).toEqual({ ...begun, position: checked });
  });

  it('stays as it is where nothing was read, and where there is no log', () => {
    for (const cursor of [logsBeginning('oldest'), logsBeginning('id-1', 'id-1'), FIRST_CLIENTS_PAGE])
      expect(afterPause(cursor)).toBe(cursor);
  });
});
