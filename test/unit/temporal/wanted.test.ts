import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config.js';
import { changesOf, type ComparableSchedule, timesText } from '../../../src/temporal/diff.js';
import { definitionOf, phaseMs, type WantedSchedule, wantedSchedules } from '../../../src/temporal/wanted.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('what the settings ask for', () => {
  const of = (env: Record<string, string>) => parseConfig(env).defaults;

  it('is four schedules by default', () => {
    expect(wantedSchedules(of({}))).toEqual([
      { schedule: 'logs', spec: { kind: 'every', everyMs: 60_000 }, timezone: 'UTC', jitterMs: 0 },
      { schedule: 'users', spec: { kind: 'every', everyMs: DAY }, timezone: 'UTC', jitterMs: 0 },
      { schedule: 'users-changed', spec: { kind: 'every', everyMs: HOUR }, timezone: 'UTC', jitterMs: 0 },
      { schedule: 'clients', spec: { kind: 'every', everyMs: DAY }, timezone: 'UTC', jitterMs: 0 },
    ]);
  });

  it('is none for a resource that is not copied, and none that is off', () => {
    const wanted = wantedSchedules(of({ AUTH0_RESOURCES: 'logs,clients', SCHEDULE_CLIENTS: 'off' }));
    expect(wanted.map(({ schedule, spec }) => [schedule, spec === null])).toEqual([
      ['logs', false],
      ['users', true],
      ['users-changed', true],
      ['clients', true],
    ]);
  });

  it('is both schedules of users where only users are meant', () => {
    expect(wantedSchedules(of({}), ['users']).map(({ schedule }) => schedule)).toEqual(['users', 'users-changed']);
  });
});

describe('the place in the interval', () => {
  it('is a whole second within it, always the same, and another one for another tenant', () => {
    for (const everyMs of [1_000, 7_000, 60_000, HOUR, DAY]) {
      const phase = phaseMs('acme', 'logs', everyMs);
      expect(phase % 1000).toBe(0);
      expect(phase).toBeGreaterThanOrEqual(0);
      expect(phase).toBeLessThan(everyMs);
      expect(phaseMs('acme', 'logs', everyMs)).toBe(phase);
    }
  });

  it('spreads 1,000 tenants over the whole minute', () => {
    const perSecond = new Map<number, number>();
    for (let i = 0; i < 1_000; i++) {
      const phase = phaseMs(`tenant-${i}`, 'logs', 60_000);
      perSecond.set(phase, (perSecond.get(phase) ?? 0) + 1);
    }
    expect(perSecond.size).toBe(60);
    expect(Math.max(...perSecond.values())).toBeLessThan(45);
  });

  it.each(['a', 'acme', 'acme.eu', 'x-1'])('keeps changed users of %s away from their snapshot', (tenant) => {
    const distance = (phaseMs(tenant, 'users', DAY) - phaseMs(tenant, 'users-changed', HOUR)) % HOUR;
    expect(Math.abs(distance)).toBe(HOUR / 2);
  });
});

describe('a difference', () => {
  const wish = (more: Partial<WantedSchedule> = {}): WantedSchedule => ({
    schedule: 'users',
    spec: { kind: 'every', everyMs: HOUR },
    timezone: 'Europe/Berlin',
    jitterMs: 0,
    ...more,
  });
  const every = definitionOf('queue', 'acme', wish(), { kind: 'every', everyMs: HOUR });
  const byHand = { second: [], minute: [], hour: [], dayOfMonth: [], month: [], year: [], dayOfWeek: [] };
  const cron = definitionOf('queue', 'acme', wish(), { kind: 'cron', expression: '30 2 * * *' });

  it('is none between the same', () => {
    expect(changesOf(every, every)).toEqual([]);
    expect(changesOf(cron, cron)).toEqual([]);
    // Only a cron expression has a zone.
    expect([every.spec.timezone, cron.spec.timezone]).toEqual([undefined, 'Europe/Berlin']);
  });

  const changed: [string, ComparableSchedule, ReturnType<typeof changesOf>][] = [
    [
      'the interval',
      { ...every, spec: { ...every.spec, intervals: [{ every: 2 * HOUR, offset: 0 }] } },
      [{ field: 'times', from: 'every 2h', to: timesText(every.spec) }],
    ],
    [
      'a phase',
      { ...every, spec: { ...every.spec, intervals: [{ every: HOUR, offset: 61_000 }] } },
      [{ field: 'times', from: 'every 1h at 1m1s', to: timesText(every.spec) }],
    ],
    [
      'a second interval',
      { ...every, spec: { ...every.spec, intervals: [...every.spec.intervals, { every: DAY, offset: 0 }] } },
      [{ field: 'times', from: `${timesText(every.spec)}; every 1d`, to: timesText(every.spec) }],
    ],
    [
      'cron instead',
      cron,
      [
        { field: 'times', from: 'cron 30 2 * * *', to: timesText(every.spec) },
        { field: 'time zone', from: 'Europe/Berlin', to: 'UTC' },
      ],
    ],
    ['the jitter', { ...every, spec: { ...every.spec, jitter: 5_000 } }, [{ field: 'jitter', from: '5s', to: '0s' }]],
    [
      'times left out',
      { ...every, spec: { ...every.spec, skip: [byHand] } },
      [{ field: 'times left out', from: 'a calendar that was set by hand', to: 'none' }],
    ],
    [
      'an end',
      { ...every, spec: { ...every.spec, endAt: new Date(0) } },
      [{ field: 'not after', from: '1970-01-01T00:00:00.000Z', to: 'none' }],
    ],
    [
      'the task queue',
      { ...every, action: { ...every.action, taskQueue: 'other' } },
      [{ field: 'task queue', from: 'other', to: 'queue' }],
    ],
    [
      'the input',
      { ...every, action: { ...every.action, args: [{ tenant: 'acme' }] } },
      [
        {
          field: 'input',
          from: '[{"tenant":"acme"}]',
          to: '[{"full":true,"resources":["users"],"tenant":"acme"}]',
        },
      ],
    ],
    [
      'a time-out',
      { ...every, action: { ...every.action, workflowRunTimeout: 60_000 } },
      [{ field: 'run time-out', from: '1m', to: 'none' }],
    ],
    [
      'the policies',
      { ...every, policies: { overlap: 'ALLOW_ALL', catchupWindow: 60_000, pauseOnFailure: true } },
      [
        { field: 'overlap', from: 'ALLOW_ALL', to: 'SKIP' },
        { field: 'catch-up window', from: '1m', to: '1h' },
        { field: 'pause on failure', from: 'yes', to: 'no' },
      ],
    ],
  ];
  it.each(changed)('in %s is told', (_what, present, changes) => {
    expect(changesOf(present, every)).toEqual(changes);
  });

  it('is none where only the keys of the input stand in another order', () => {
    const args = [{ full: true, resources: ['users'], tenant: 'acme' }];
    expect(changesOf({ ...every, action: { ...every.action, args } }, every)).toEqual([]);
  });
});
