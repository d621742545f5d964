import { describe, expect, it } from 'vitest';
import { backfillWindow, checkRetention } from '../../../src/activities/start-backfill.js';
import { ExtractError } from '../../../src/contracts/errors.js';

const DAY = 86_400_000;
const NOW = Date.parse('2026-03-31T12:00:00.000Z');

function errorOf(body: () => unknown): ExtractError {
  try {
    body();
  } catch (error) {
    if (error instanceof ExtractError) return error;
  }
  throw new Error('an ExtractError was expected');
}

describe('the interval of a backfill', () => {
  it('is widened to whole seconds, in UTC', () => {
    expect(backfillWindow({ from: '2026-03-01', to: '2026-03-04T01:00:00+01:00' }, NOW)).toEqual({
      from: '2026-03-01T00:00:00.000Z',
      to: '2026-03-04T00:00:00.000Z',
    });
    expect(backfillWindow({ from: '2026-03-01T00:00:00.900Z', to: '2026-03-01T00:00:01.001Z' }, NOW)).toEqual({
      from: '2026-03-01T00:00:00.000Z',
      to: '2026-03-01T00:00:02.000Z',
    });
  });

  it.each([
    [{}, 'needs from'],
    [{ from: '2026-03-01' }, 'needs to'],
    [{ from: 'yesterday', to: '2026-03-02' }, 'from yesterday is no ISO 8601 date'],
    [{ from: '2026-03-01', to: 'today' }, 'to today is no ISO 8601 date'],
    [{ from: '2026-03-02', to: '2026-03-02' }, 'must be later than'],
    [{ from: '2026-03-03', to: '2026-03-02' }, 'must be later than'],
    [{ from: '2026-03-30', to: '2026-04-01' }, 'lies in the future'],
  ])('is refused: %j', (asked, why) => {
    const error = errorOf(() => backfillWindow(asked, NOW));
    expect(error.kind).toBe('Configuration');
    expect(error.message).toContain(why);
  });
});

describe('what the tenant has dropped', () => {
  const window = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-04T00:00:00.000Z' };
  const facts = { window, available: false, retentionMs: null, now: NOW };
  const at = (text: string) => Date.parse(text);

  it('is nothing where an older log is kept', () => {
    expect(checkRetention({ ...facts, oldest: at('2026-03-01T00:00:00.400Z') })).toEqual([]);
    expect(checkRetention({ ...facts, oldest: at('2026-02-20') })).toEqual([]);
  });

  it('is nothing where the interval is younger than the retention, whatever the oldest log is', () => {
    expect(checkRetention({ ...facts, oldest: at('2026-03-03'), retentionMs: 31 * DAY })).toEqual([]);
    expect(checkRetention({ ...facts, oldest: null, retentionMs: 31 * DAY })).toEqual([]);
  });

  it('is refused where the beginning is gone, with what is left', () => {
    const error = errorOf(() =>
      checkRetention({ ...facts, oldest: at('2026-03-02T06:30:07.800Z'), retentionMs: 30 * DAY }),
    );
    expect(error.kind).toBe('RetentionPassed');
    expect(error.message).toContain('keeps logs from 2026-03-02T06:30:07Z on');
    expect(error.message).toContain('Left is --from 2026-03-02T06:30:07Z --to 2026-03-04;');
    // What it names is then taken.
    const left = { ...window, from: '2026-03-02T06:30:07.000Z' };
    expect(checkRetention({ ...facts, window: left, oldest: at('2026-03-02T06:30:07.800Z') })).toEqual([]);
  });

  it('is a warning where what is left was asked for, or where next to nothing is missing', () => {
    const gone = checkRetention({ ...facts, available: true, oldest: at('2026-03-02') });
    expect(gone).toEqual([expect.stringContaining('keeps logs from 2026-03-02 on')]);
    expect(checkRetention({ ...facts, oldest: at('2026-03-01T00:04:00Z') })).toHaveLength(1);
    expect(errorOf(() => checkRetention({ ...facts, oldest: at('2026-03-01T00:06:00Z') })).kind).toBe(
      'RetentionPassed',
    );
  });

  it('is refused in any case where nothing is left', () => {
    for (const oldest of [at('2026-03-04'), at('2026-03-20'), null]) {
      const error = errorOf(() => checkRetention({ ...facts, available: true, oldest }));
      expect(error.kind).toBe('RetentionPassed');
      expect(error.message).toContain('nothing of 2026-03-01..2026-03-04 is left');
    }
  });
});
