import { describe, expect, it } from 'vitest';
import { combine, type Facts, isFine, type ResourceStatus, statusDocument } from '../../../src/status/status.js';
import { JSON_SHAPES } from '../../support/json-shapes.js';
import { DAY, facts, held, MINUTE, NOW, running, schedule, settings } from './facts.js';

function logsOf(input: Facts): ResourceStatus {
  const entry = combine(input).tenants[0]?.resources.find(({ resource }) => resource === 'logs');
  if (!entry) throw new Error('logs are not shown');
  return entry;
}

describe('a resource', () => {
  it('is idle and fine after a good run, with its next one', () => {
    const entry = logsOf(facts());
    expect(entry).toMatchObject({
      state: 'idle',
      rows: 10,
      lagMs: MINUTE,
      gaps: 0,
      stale: null,
      nextRun: '2026-03-01T12:00:30.000Z',
      lastRun: { status: 'completed' },
      lastGoodRun: { rows: 7, endedAt: '2026-03-01T11:59:30.000Z' },
    });
    expect(isFine(combine(facts()))).toBe(true);
  });

  it.each<[string, Parameters<typeof facts>[0], ResourceStatus['state']]>([
    ['runs', { runs: { live: { logs: running() } } }, 'running'],
    [
      'is tried again',
      { runs: { live: { logs: { ...running(), retrying: { attempt: 3, message: 'no' } } } } },
      'retrying',
    ],
    [
      'is paused',
      { runs: { live: { logs: running({ paused: { reason: 'audit', since: null, settled: true } }) } } },
      'paused',
    ],
    ['has never run', { logs: held({ lastRun: null, lastGoodRun: null }) }, 'never run'],
    ['is idle where its run has ended', { runs: { live: { logs: { ...running(), running: false } } } }, 'idle'],
  ])('%s', (_what, given, state) => {
    expect(logsOf(facts(given)).state).toBe(state);
  });

  it('says why it is paused, and what is tried again', () => {
    const paused = { reason: 'audit', since: '2026-03-01T11:00:00Z', settled: true };
    expect(logsOf(facts({ runs: { live: { logs: running({ paused }) } } })).paused).toEqual(paused);
    const live = { ...running(), retrying: { attempt: 3, message: 'no answer' } };
    expect(logsOf(facts({ runs: { live: { logs: live } } })).retrying).toBe('attempt 3 of 8: no answer');
  });

  it('says that a run was interrupted which could not write its end', () => {
    const lastRun = { status: 'running', endedAt: null, error: '' };
    const input = facts({ logs: held({ lastRun }), runs: { live: { logs: { ...running(), running: false } } } });
    expect(logsOf(input).lastRun?.status).toBe('interrupted');
    expect(logsOf(facts({ logs: held({ lastRun }), runs: { live: { logs: running() } } })).lastRun?.status).toBe(
      'running',
    );
  });

  it('tells how long the tenant still keeps what its cursor points at', () => {
    const logs = held({ cursorAt: NOW - 4 * DAY, lastGoodRun: null });
    const env = { AUTH0_LOG_RETENTION_DAYS: '5' };
    expect(logsOf(facts({ logs, env }))).toMatchObject({ cursorAgeMs: 4 * DAY, retentionMs: 5 * DAY, timeLeftMs: DAY });
    expect(logsOf(facts({ logs: { ...logs, cursorAt: NOW - 9 * DAY }, env })).timeLeftMs).toBe(0);
    expect(logsOf(facts({ logs })).timeLeftMs).toBeNull();
    // The end of the log was reached lately: nothing behind the cursor can have been dropped since.
    const reached = { startedAt: NOW - MINUTE, endedAt: NOW, rows: 0 };
    expect(logsOf(facts({ logs: { ...logs, lastGoodRun: reached }, env })).cursorAgeMs).toBe(MINUTE);
  });

  it('names its last error with what to do', () => {
    const lastError = { kind: 'RateLimited', message: 'was hit', at: NOW - DAY };
    expect(logsOf(facts({ logs: held({ lastError }) })).lastError).toMatchObject({
      kind: 'RateLimited',
      message: 'was hit',
      next: expect.stringContaining('tried again'),
      at: '2026-02-28T12:00:00.000Z',
    });
  });

  it('has the earliest of its schedules that is not paused as its next run', () => {
    const schedules = [
      schedule({ next: '2026-03-02T00:00:00.000Z' }),
      schedule({ next: '2026-03-01T12:10:00.000Z' }),
      schedule({ next: '2026-03-01T12:01:00.000Z', paused: true }),
      schedule({ resource: 'users', next: '2026-03-01T12:00:10.000Z' }),
    ];
    const entry = logsOf(facts({ runs: { schedules } }));
    expect(entry.nextRun).toBe('2026-03-01T12:10:00.000Z');
    expect(entry.schedules).toHaveLength(3);
  });
});

describe('stale', () => {
  const old = held({ lastGoodRun: { startedAt: NOW - 5 * MINUTE, endedAt: NOW - 4 * MINUTE, rows: 1 } });
  it.each<[string, Parameters<typeof facts>[0], RegExp | null]>([
    ['no good run for three intervals', { logs: old }, /no good run/],
    ['no schedule', { runs: { schedules: [] } }, /schedule does not exist/],
    [
      'a run that moves is no silence',
      { logs: old, runs: { live: { logs: running() }, schedules: [schedule()] } },
      null,
    ],
    ['no schedule while the tenant is being synced', { runs: { schedules: [], live: { users: running() } } }, null],
    [
      'a run that is tried again is one',
      {
        logs: old,
        runs: { live: { logs: { ...running(), retrying: { attempt: 7, message: '' } } }, schedules: [schedule()] },
      },
      /no good run/,
    ],
    [
      'a pause is no excuse',
      { logs: old, runs: { schedules: [schedule({ paused: true })] } },
      /^paused, and no good run/,
    ],
    ['a paused schedule of late', { runs: { schedules: [schedule({ paused: true })] } }, null],
    [
      'a schedule that was just made has its time',
      { logs: old, runs: { schedules: [schedule({ createdAt: new Date(NOW - MINUTE).toISOString() })] } },
      null,
    ],
    ['no schedule is asked for', { runs: { schedules: [] }, env: { SCHEDULE_LOGS: '0' } }, null],
    ['schedules that are not known are not gone', { runs: { schedules: null } }, null],
  ])('%s', (_what, given, why) => {
    const report = combine(facts(given));
    const stale = report.tenants[0]?.resources[0]?.stale ?? null;
    if (why === null) expect(stale).toBeNull();
    else expect(stale).toMatch(why);
    expect(isFine(report)).toBe(why === null);
  });

  it('shows without Temporal too, from the settings and the ledger', () => {
    const report = combine(facts({ logs: old }, { temporal: { problem: 'Temporal does not answer' } }));
    expect(report.tenants[0]?.resources[0]).toMatchObject({
      stale: expect.stringContaining('no good run'),
      state: 'unknown',
    });
  });
});

describe('parts that are down', () => {
  it('hide nothing of the other', () => {
    const noTemporal = combine(facts({}, { temporal: { problem: 'Temporal is away' } }));
    expect(noTemporal.tenants[0]?.resources[0]).toMatchObject({ state: 'unknown', rows: 10, schedules: null });
    const noClickHouse = combine(facts({ runs: { live: { logs: running() } } }, { clickhouse: { problem: 'away' } }));
    expect(noClickHouse.tenants[0]?.resources[0]).toMatchObject({
      state: 'running',
      rows: null,
      gaps: null,
      runRows: 1_000,
    });
    for (const report of [noTemporal, noClickHouse]) expect(isFine(report)).toBe(false);
  });

  it('make an empty place, not a zero, of what nobody knows', () => {
    const report = combine(facts({}, { temporal: { problem: 'a' }, clickhouse: { problem: 'b' } }));
    expect(report.tenants[0]?.resources[0]).toMatchObject({
      state: 'unknown',
      rows: null,
      lagMs: null,
      deletesWaiting: null,
    });
    expect(JSON_SHAPES.status.parse(statusDocument(report))).toMatchObject({
      status: 'failed',
      temporal: 'a',
      clickhouse: 'b',
      tables: null,
    });
  });
});

describe('the document', () => {
  it('is that of one tenant, or a list of several', () => {
    const one = statusDocument(combine(facts()));
    expect(JSON_SHAPES.status.parse(one)).toMatchObject({
      tenant: 'acme',
      status: 'ok',
      temporal: 'up',
      clickhouse: 'up',
      tables: null,
    });
    const tenants = ['acme', 'globex'].map((name) => ({ name, settings: settings() }));
    const several = JSON_SHAPES.statusOfSeveral.parse(statusDocument(combine(facts({}, { tenants }))));
    expect(several.tenants.map(({ tenant }) => tenant)).toEqual(['acme', 'globex']);
    expect(Object.keys(several.tenants[1]?.resources ?? {})).toEqual(['logs', 'users', 'clients']);
  });

  it.each(['failed', 'unavailable'])('is not fine where the last run is %s, until the next one runs', (status) => {
    const logs = held({ lastRun: { status, endedAt: null, error: 'why' } });
    expect(isFine(combine(facts({ logs })))).toBe(false);
    expect(isFine(combine(facts({ logs, runs: { live: { logs: running() }, schedules: [schedule()] } })))).toBe(true);
  });

  it('leaves out what is not copied, unless something of it is held', () => {
    const shown = (rows: number) => {
      const clickhouse = { problem: null, of: new Map([['acme users', held({ rows })]]) };
      return combine(facts({}, { clickhouse })).tenants[0]?.resources.map(({ resource }) => resource);
    };
    expect(shown(0)).toEqual(['logs']);
    expect(shown(3)).toEqual(['logs', 'users']);
  });
});
