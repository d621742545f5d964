import { describe, expect, it } from 'vitest';
import { costOf, unitCosts } from '../../../bench/lib/arithmetic.js';
import { parseFlags } from '../../../bench/lib/flags.js';
import { readUse } from '../../../bench/parts/process-use.js';
import { openScope, unlessAborted } from '../../../bench/parts/scope.js';
import { caseOf, runOf } from './report-lab.js';

describe('parseFlags', () => {
  const known = ['a', 'b'];

  it('runs everything by default', () => {
    expect(parseFlags([], known)).toMatchObject({ cases: null, runs: null, quick: false, json: null });
  });
  it('takes cases, runs and a file', () => {
    expect(parseFlags(['--cases', 'b,a', '--runs', '3', '--json', 'out.json'], known)).toMatchObject({
      cases: ['b', 'a'],
      runs: 3,
      json: 'out.json',
    });
  });
  it.each([
    [['--cases', 'a,c'], /c: there are a, b/],
    [['--runs', '0'], /--runs 0/],
    [['--quick', '--write-docs'], /say nothing/],
    [['--fast'], /--fast/],
  ])('refuses %j', (args, message) => {
    expect(() => parseFlags(args, known)).toThrow(message);
  });
});

describe('a scope', () => {
  it('ends everything backwards, also behind an end that fails', async () => {
    const ended: string[] = [];
    const scope = openScope();
    const end = (name: string) => async () => void ended.push(name);
    scope.defer(end('first'));
    scope.defer(() => Promise.reject(new Error('cannot be stopped')));
    scope.defer(end('last'));
    await scope.close();
    await scope.close();
    expect(ended).toEqual(['last', 'first']);
  });
});

describe('unlessAborted', () => {
  it('gives up waiting with the reason of the abort', async () => {
    const stop = new AbortController();
    const waiting = unlessAborted(stop.signal, new Promise(() => {}));
    stop.abort(new Error('interrupted'));
    await expect(waiting).rejects.toThrow('interrupted');
  });
  it('hands on a result', async () => {
    expect(await unlessAborted(new AbortController().signal, Promise.resolve(7))).toBe(7);
  });
});

describe('readUse', () => {
  it.runIf(process.platform === 'linux')('reads this process', () => {
    const { peakMb, cpuSeconds } = readUse('self');
    expect(peakMb).toBeGreaterThan(20);
    expect(peakMb).toBeLessThan(20_000);
    const { user, system } = process.cpuUsage();
    expect(Math.abs((cpuSeconds ?? 0) - (user + system) / 1e6)).toBeLessThan(0.5);
  });
  it('knows nothing of a process that is not there', () => {
    expect(readUse(2 ** 30)).toEqual({ peakMb: null, cpuSeconds: null });
  });
});

describe('the arithmetic', () => {
  const use = (cpuSeconds: number) => ({ peakMb: 200, cpuSeconds });
  const processes = (seconds: number) => ({ worker: use(seconds), clickhouse: use(seconds), temporal: use(seconds) });
  const cases = [
    caseOf('logs-100k', [runOf('auth0-clickhouse', { rows: 100_000, bytesPerRow: 110 }, processes(10.1))]),
    caseOf('incremental-0', [runOf('auth0-clickhouse', { historyBytes: 10_000 }, processes(0.1))]),
  ];

  it('takes the cost of a run out of the cost of its events', () => {
    expect(unitCosts(cases)).toMatchObject({ workerSecondsPerRun: 0.1, bytesPerEvent: 110, workerMb: 200 });
    expect(unitCosts(cases)?.workerSecondsPerEvent).toBeCloseTo(1e-4, 9);
    expect(unitCosts(cases.slice(0, 1))).toBeUndefined();
  });

  it('adds up runs and events', () => {
    const unit = unitCosts(cases);
    if (unit === undefined) throw new Error('no units');
    const cost = costOf({ tenants: 60, eventsPerDay: 86_400_000, scheduleSeconds: 60 }, unit);
    expect(cost.runsPerSecond).toBe(1);
    expect(cost.eventsPerRun).toBe(1000);
    expect(cost.workerCores).toBeCloseTo(0.2, 9);
    expect(cost.workers).toBe(1);
    // 12 pages, so a second activity: 3 of the schedule, the child, 3 around, 2 of pages.
    expect(cost.actionsPerDay).toBe(86_400 * 9);
    expect(cost.insertsPerSecond).toBe(4);
    expect(cost.storedGbPerDay).toBeCloseTo(9.504, 6);
    expect(costOf({ tenants: 600, eventsPerDay: 864_000_000, scheduleSeconds: 60 }, unit).workers).toBe(4);
    expect(cost.historyGbPerDay).toBeCloseTo(0.864, 6);
  });
});
