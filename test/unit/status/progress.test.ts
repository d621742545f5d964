import { describe, expect, it } from 'vitest';
import { createPaceMeter, paceBetween, progressOf } from '../../../src/status/progress.js';
import { DAY, logIdAt, NOW, running } from './facts.js';

const common = { now: NOW, pace: null, maxRps: null };

describe('a snapshot', () => {
  it('is a share of the total, and ends by its average speed', () => {
    // 1,000 rows in 10 s: 3,000 more take 30.
    expect(progressOf(running({ total: 4_000 }), { ...common, resource: 'users' })).toEqual({
      runRows: 1_000,
      total: 4_000,
      percent: 25,
      rowsPerSecond: 100,
      etaMs: 30_000,
    });
  });

  it('goes by the last seconds where they were measured, and no faster than the rate limit', () => {
    const pace = { rowsPerSecond: 1_000, logSpeed: null };
    const run = running({ total: 4_000 });
    expect(progressOf(run, { ...common, resource: 'users', pace })).toMatchObject({
      rowsPerSecond: 1_000,
      etaMs: 3_000,
    });
    expect(progressOf(run, { ...common, resource: 'users', pace, maxRps: 2 }).etaMs).toBe(15_000);
  });

  it('has no speed and no end while they are being measured', () => {
    const measuring = { ...common, resource: 'users', pace: 'measuring' } as const;
    expect(progressOf(running({ total: 4_000 }), measuring)).toMatchObject({
      percent: 25,
      rowsPerSecond: null,
      etaMs: null,
    });
  });

  it('has neither percent nor end without a total', () => {
    expect(progressOf(running(), { ...common, resource: 'users' })).toMatchObject({
      percent: null,
      etaMs: null,
      runRows: 1_000,
    });
  });

  it('has no end while it stands still or is paused, and never more than 100 %', () => {
    expect(progressOf(running({ total: 10, rows: 0 }), { ...common, resource: 'users' }).etaMs).toBeNull();
    expect(progressOf(running({ total: 900 }), { ...common, resource: 'users' })).toMatchObject({
      percent: 100,
      etaMs: 0,
    });
    const paused = { reason: null, since: null, settled: true };
    expect(progressOf(running({ total: 4_000, paused }), { ...common, resource: 'users' }).etaMs).toBeNull();
  });
});

describe('logs', () => {
  const oldestDate = new Date(NOW - 10 * DAY).toISOString();

  it('are a share of the time between their first event and now', () => {
    const run = running({ oldestDate, cursor: logIdAt(NOW - 5 * DAY) });
    const seen = progressOf(run, { ...common, resource: 'logs' });
    expect(seen.percent).toBe(50);
    // Five days of log in 10 s: five more take as long, and hardly more for what happens meanwhile.
    expect(seen.etaMs).toBeGreaterThanOrEqual(10_000);
    expect(seen.etaMs).toBeLessThan(10_100);
  });

  it('have no percent where their ids carry no time', () => {
    const run = running({ oldestDate, cursor: 'Fe26.2-opaque' });
    expect(progressOf(run, { ...common, resource: 'logs' })).toMatchObject({ percent: null, etaMs: null });
  });

  it('never end when they are read slower than they happen', () => {
    const run = running({ oldestDate, cursor: logIdAt(NOW - 5 * DAY) });
    const pace = { rowsPerSecond: 10, logSpeed: 0.9 };
    expect(progressOf(run, { ...common, resource: 'logs', pace })).toMatchObject({ percent: 50, etaMs: null });
  });

  it('are held to the rate limit', () => {
    const run = running({ oldestDate, cursor: logIdAt(NOW - 5 * DAY) });
    const pace = { rowsPerSecond: 1_000, logSpeed: 43_201 };
    expect(progressOf(run, { ...common, resource: 'logs', pace }).etaMs).toBe(10_000);
    const held = progressOf(run, { ...common, resource: 'logs', pace, maxRps: 5 }).etaMs ?? 0;
    expect(held / 20_000).toBeCloseTo(1, 2);
  });
});

it('nothing is measured without a run', () => {
  const nothing = { runRows: null, total: null, percent: null, rowsPerSecond: null, etaMs: null };
  expect(progressOf(null, { ...common, resource: 'logs' })).toEqual(nothing);
  expect(progressOf({ ...running(), running: false }, { ...common, resource: 'logs' })).toEqual({
    ...nothing,
    runRows: 1_000,
  });
});

describe('the meter', () => {
  it('measures between looks, and begins anew with another run', () => {
    const meter = createPaceMeter();
    meter.look('a', running({ rows: 100 }), NOW);
    expect(meter.pace('a')).toBeNull();
    meter.look('a', running({ rows: 500 }), NOW + 2_000);
    expect(meter.pace('a')?.rowsPerSecond).toBe(200);
    meter.look('a', running({ rows: 5, startedAt: '2026-03-01T12:00:03Z' }), NOW + 4_000);
    expect(meter.pace('a')).toBeNull();
    meter.look('a', null, NOW + 5_000);
    expect(meter.pace('a')).toBeNull();
  });

  it('forgets what is older than its window', () => {
    const meter = createPaceMeter();
    meter.look('a', running({ rows: 0 }), NOW);
    meter.look('a', running({ rows: 10_000 }), NOW + 10_000);
    meter.look('a', running({ rows: 10_100 }), NOW + 25_000);
    expect(meter.pace('a')?.rowsPerSecond).toBeCloseTo(100 / 15);
  });

  it('does not swing while rows come in blocks, and sinks when none come any more', () => {
    const meter = createPaceMeter();
    const seen: (number | undefined)[] = [];
    for (let at = 0; at <= 20_000; at += 500) {
      meter.look('a', running({ rows: Math.floor(at / 5_000) * 1_000 }), NOW + at);
      seen.push(meter.pace('a')?.rowsPerSecond);
    }
    expect(new Set(seen)).toEqual(new Set([undefined, 200]));
    meter.look('a', running({ rows: 4_000 }), NOW + 50_000);
    expect(meter.pace('a')?.rowsPerSecond).toBeLessThan(50);
  });

  it('measures the speed of the log from the first look that has a cursor', () => {
    const meter = createPaceMeter();
    meter.look('a', running({ cursor: null }), NOW);
    meter.look('a', running({ cursor: logIdAt(NOW - DAY) }), NOW + 2_000);
    meter.look('a', running({ cursor: logIdAt(NOW - DAY + 40_000) }), NOW + 4_000);
    expect(meter.pace('a')?.logSpeed).toBe(20);
  });

  it('tells nothing from looks that lie too close together', () => {
    expect(paceBetween({ at: 0, rows: 0, cursorAt: null }, { at: 900, rows: 90, cursorAt: null })).toBeNull();
  });
});
