import { parseConfig } from '../../../src/config/config.js';
import { staleness } from '../../../src/contracts/stale.js';
import type { Facts, HeldFacts, TenantRuns } from '../../../src/status/status.js';
import type { LiveProgress } from '../../../src/temporal/sync-run.js';
import type { ListedSchedule } from '../../../src/temporal/schedules.js';

export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const MINUTE = 60_000;
export const DAY = 86_400_000;

/** A log id that was given at a time. */
export function logIdAt(ms: number): string {
  return `900${new Date(ms).toISOString().slice(0, 19).replaceAll(/\D/g, '')}${'0'.repeat(38)}1`;
}

export const settings = (env: Record<string, string> = {}) => parseConfig(env).defaults;

export function held(over: Partial<HeldFacts> = {}): HeldFacts {
  return {
    rows: 10,
    newest: NOW - MINUTE,
    cursor: logIdAt(NOW - MINUTE),
    cursorAt: NOW - MINUTE,
    gaps: 0,
    deletesWaiting: 0,
    lastRun: { status: 'completed', endedAt: '2026-03-01T11:59:30.000Z', error: '' },
    lastGoodRun: { startedAt: NOW - 40_000, endedAt: NOW - 30_000, rows: 7 },
    lastError: null,
    lastSnapshotEndedAt: NOW - 30_000,
    ...over,
  };
}

export function running(over: Partial<NonNullable<LiveProgress['progress']>> = {}): LiveProgress {
  return {
    running: true,
    retrying: null,
    progress: {
      phase: 'extracting',
      mode: 'logs',
      pages: 10,
      rows: 1_000,
      total: null,
      cursor: null,
      startedAt: new Date(NOW - 10_000).toISOString(),
      oldestDate: null,
      paused: null,
      ...over,
    },
  };
}

export function schedule(over: Partial<ListedSchedule> = {}): ListedSchedule {
  return {
    tenant: 'acme',
    schedule: 'logs',
    resource: 'logs',
    scheduleId: 'auth0/acme/logs',
    times: 'every 1m',
    timezone: 'UTC',
    everyMs: MINUTE,
    jitterMs: 0,
    createdAt: '2026-01-01T00:00:00.000Z',
    running: [],
    buffered: 0,
    recent: [],
    paused: false,
    note: null,
    next: new Date(NOW + 30_000).toISOString(),
    last: null,
    skipped: 0,
    missed: 0,
    ...over,
  };
}

/** Facts of a tenant "acme" that copies logs only, with everything well. */
export function facts(
  {
    logs = held(),
    runs = {},
    env = {},
  }: { logs?: HeldFacts; runs?: Partial<TenantRuns>; env?: Record<string, string> } = {},
  over: Partial<Facts> = {},
): Facts {
  return {
    now: NOW,
    tenants: [{ name: 'acme', settings: settings({ AUTH0_RESOURCES: 'logs', ...env }) }],
    temporal: { problem: null, of: new Map([['acme', { live: {}, schedules: [schedule()], ...runs }]]) },
    clickhouse: { problem: null, of: new Map([['acme logs', logs]]) },
    tables: null,
    paceOf: () => null,
    staleness,
    ...over,
  };
}
