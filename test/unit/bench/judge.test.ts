import { describe, expect, it } from 'vitest';
import { CASES } from '../../../bench/cases/index.js';
import { GOALS, judge } from '../../../bench/lib/judge.js';
import { caseOf, runOf } from './report-lab.js';

const OURS = 'auth0-clickhouse';

/** A run of 100,000 logs at these rates. */
function logs({
  ours,
  loop,
  dlt,
  workerMb = 200,
  events = 100,
}: Record<'ours' | 'loop', number> & {
  dlt?: number;
  workerMb?: number;
  events?: number;
}) {
  const worker = { worker: { peakMb: workerMb, cpuSeconds: 1 } };
  return caseOf('logs-100k', [
    runOf(OURS, { rowsPerSecond: ours, historyEvents: events }, worker),
    runOf('plain loop', { rowsPerSecond: loop }),
    ...(dlt === undefined ? [] : [runOf('dlt', { rowsPerSecond: dlt })]),
  ]);
}

const verdictOf = (what: RegExp, ...cases: Parameters<typeof judge>[0]) =>
  judge(cases).find((verdict) => what.test(verdict.what));

describe('judge', () => {
  it('takes a bound that may be reached as held when it is reached', () => {
    expect(verdictOf(/plain loop/, logs({ ours: 85, loop: 100 }))).toMatchObject({ value: 0.85, verdict: 'ok' });
    expect(verdictOf(/plain loop/, logs({ ours: 84.9, loop: 100 }))).toMatchObject({ verdict: 'MISS' });
  });

  it('takes a bound that must not be reached as missed when it is reached', () => {
    expect(verdictOf(/memory of the worker/, logs({ ours: 1, loop: 1, workerMb: 299.9 }))?.verdict).toBe('ok');
    expect(verdictOf(/memory of the worker/, logs({ ours: 1, loop: 1, workerMb: 300 }))?.verdict).toBe('MISS');
  });

  it('compares with dlt where it was measured', () => {
    expect(verdictOf(/dlt/, logs({ ours: 400, loop: 1, dlt: 100 }))).toMatchObject({ value: 4, verdict: 'ok' });
    expect(verdictOf(/dlt/, logs({ ours: 399, loop: 1, dlt: 100 }))).toMatchObject({ verdict: 'MISS' });
  });

  it('leaves out what was not measured, and says ok of nothing', () => {
    expect(judge([])).toEqual([]);
    expect(verdictOf(/dlt/, logs({ ours: 400, loop: 1 }))).toBeUndefined();
  });

  it('judges by the worst run where a limit must never be passed', () => {
    const runs = [1, 3].map((requests) => runOf(OURS, { requests, seconds: 0.1 }));
    expect(verdictOf(/Nothing new: requests/, caseOf('incremental-0', runs))).toMatchObject({
      value: 3,
      verdict: 'MISS',
    });
  });

  it('compares one case with another', () => {
    const million = caseOf('logs-1m', [runOf(OURS, { rowsPerSecond: 90 })]);
    expect(verdictOf(/times those at 100,000/, million, logs({ ours: 100, loop: 1 }))).toMatchObject({
      value: 0.9,
      verdict: 'ok',
    });
    expect(verdictOf(/times those at 100,000/, million)).toBeUndefined();
  });
});

describe('the goals', () => {
  it('are about cases that exist', () => {
    const ids = new Set(CASES.map(({ id }) => id));
    expect(GOALS.map(({ after }) => after).filter((id) => !ids.has(id))).toEqual([]);
  });
  it('are told apart by what they say', () => {
    expect(new Set(GOALS.map(({ what }) => what)).size).toBe(GOALS.length);
  });
});
