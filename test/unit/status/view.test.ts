import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { combine } from '../../../src/status/status.js';
import { renderStatus } from '../../../src/status/view.js';
import { DAY, facts, held, logIdAt, MINUTE, NOW, running, schedule, settings } from './facts.js';

const colors = picocolors.createColors(false);
const draw = (input: Parameters<typeof combine>[0], width = Infinity) =>
  renderStatus(combine(input), { colors, width, now: NOW });

describe('the view', () => {
  it('shows a resource that is idle', () => {
    expect(draw(facts())).toEqual([
      'Tenant acme',
      '  logs  idle  10 rows  newest 60 s ago  completed 30 s ago  next in 30 s',
    ]);
  });

  it('shows how far a run is', () => {
    const live = {
      logs: running({ oldestDate: new Date(NOW - 10 * DAY).toISOString(), cursor: logIdAt(NOW - 5 * DAY) }),
    };
    expect(draw(facts({ runs: { live } }))[1]).toBe(
      '  logs  running  1,000 rows  50.0 %  1,000 this run  10 s to go  100 rows/s  newest 60 s ago  next in 30 s',
    );
  });

  it('says below what needs somebody', () => {
    const logs = held({
      gaps: 2,
      deletesWaiting: 1_500,
      cursorAt: NOW - 4 * DAY,
      lastGoodRun: { startedAt: NOW - 4 * DAY, endedAt: NOW - 4 * DAY, rows: 1 },
      lastRun: { status: 'failed', endedAt: null, error: 'It broke. Mend it.' },
    });
    const text = draw(facts({ logs, env: { AUTH0_LOG_RETENTION_DAYS: '5' } })).join('\n');
    for (const part of [
      'stale',
      '2 gaps',
      'last run failed, last good 4.0 days ago',
      '  logs: cursor is 4.0 of 5.0 days old: 24.0 h left',
      '  logs: stale: no good run for 4d; runs are due every 1m',
      '  logs: 1,500 deletes wait for a yes: sync --accept-deletes --resources logs',
      '  logs: It broke. Mend it.',
    ])
      expect(text).toContain(part);
  });

  it('says that a run and a schedule are paused', () => {
    const paused = { reason: 'audit', since: new Date(NOW - 5 * MINUTE).toISOString(), settled: true };
    expect(draw(facts({ runs: { live: { logs: running({ paused }) } } })).join('\n')).toContain(
      '  logs: paused 5 min ago (audit): resume lets it go on',
    );
    expect(draw(facts({ runs: { schedules: [schedule({ paused: true, next: null })] } }))[1]).toContain(
      'schedule paused',
    );
  });

  it('names what is down at the end, and still shows what the other part knows', () => {
    const lines = draw(facts({}, { temporal: { problem: 'Temporal does not answer' } }));
    expect(lines.at(-1)).toBe('Temporal does not answer');
    expect(lines[1]).toContain('unknown  10 rows');
  });

  it.each([100, 80, 60, 45])('loses no warning in %i columns', (width) => {
    const logs = held({ gaps: 2 });
    const paused = { logs, runs: { schedules: [schedule({ paused: true, next: null })] } };
    const text = draw(facts(paused), width).join('\n');
    for (const part of ['2 gaps', 'schedule paused']) expect(text.split(part)).toHaveLength(2);
  });

  it.each([120, 100, 80, 60, 45])('fits into %i columns, and keeps state and rows', (width) => {
    const tenants = [{ name: 'acme', settings: settings() }];
    const rows = draw(facts({ runs: { live: { logs: running({ total: 5_000 }) } } }, { tenants }), width).slice(1, 4);
    for (const row of rows) {
      expect(stripVTControlCharacters(row).length).toBeLessThan(width);
      expect(row).toMatch(/^ {2}(logs|users|clients) +(running|stale|never run) .*rows/);
    }
    // Aligned: all rows have the word in the same column.
    expect(new Set(rows.map((row) => row.indexOf(' rows'))).size).toBe(1);
  });
});
