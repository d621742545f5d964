import { describe, expect, it } from 'vitest';
import { mergeReports, type BenchReport } from '../../../bench/lib/report.js';
import { metricOf, quantile, ratio, spreadOf, subjectsOf, useOf } from '../../../bench/lib/statistics.js';
import { caseOf, runOf } from './report-lab.js';

describe('spreadOf', () => {
  it('takes the middle of an odd number, whatever their order', () => {
    expect(spreadOf([9, 1, 10])).toEqual({ median: 9, min: 1, max: 10, count: 3 });
  });
  it('takes the mean of the middle two of an even number', () => {
    expect(spreadOf([4, 1, 100, 2])).toEqual({ median: 3, min: 1, max: 100, count: 4 });
  });
  it('knows nothing of no values', () => {
    expect(spreadOf([])).toBeUndefined();
  });
  it('leaves the values as they were', () => {
    const values = [3, 1, 2];
    spreadOf(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('quantile', () => {
  it('interpolates between neighbours', () => {
    expect(quantile([30, 10, 20, 40], 0.5)).toBe(25);
    expect(quantile([10, 20], 0.95)).toBeCloseTo(19.5);
    expect(quantile([7], 0.95)).toBe(7);
    expect(quantile([], 0.5)).toBeUndefined();
  });
});

describe('ratio', () => {
  it('is a through b, and unknown where one is missing or b is 0', () => {
    expect(ratio(3, 2)).toBe(1.5);
    expect(ratio(undefined, 2)).toBeUndefined();
    expect(ratio(3, 0)).toBeUndefined();
  });
});

describe('a report', () => {
  const report = caseOf('x', [
    runOf('ours', { seconds: 2 }, { worker: { peakMb: 100, cpuSeconds: 1 } }),
    runOf('loop', { seconds: 1 }, { worker: { peakMb: 900, cpuSeconds: 9 } }),
    runOf('ours', { seconds: 4 }, { worker: { peakMb: null, cpuSeconds: null } }),
  ]);

  it('names its subjects in their order, each once', () => {
    expect(subjectsOf(report)).toEqual(['ours', 'loop']);
  });
  it('gives the spread of one subject only', () => {
    expect(metricOf(report, 'ours', 'seconds')).toEqual({ median: 3, min: 2, max: 4, count: 2 });
    expect(metricOf(report, 'ours', 'rows')).toBeUndefined();
  });
  it('leaves out what the system did not tell', () => {
    expect(useOf(report, 'ours', 'worker', 'peakMb')?.max).toBe(100);
    expect(useOf(report, 'ours', 'temporal', 'peakMb')).toBeUndefined();
  });
});

describe('mergeReports', () => {
  const machine = { cpu: 'c', cores: 2, memoryMb: 1, platform: 'p', node: 'n', version: 'v' };
  const report = (seconds: number, ...ids: string[]): BenchReport => ({
    version: 1,
    machine,
    cases: ids.map((id) => ({ ...caseOf(id, []), seconds })),
  });

  it('puts new figures in the place of old ones and keeps the rest', () => {
    const merged = mergeReports(report(1, 'a', 'b'), report(2, 'b'));
    expect(merged.cases.map(({ id, seconds }) => [id, seconds])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });
  it('begins with nothing', () => {
    expect(mergeReports(null, report(2, 'b')).cases.map(({ id }) => id)).toEqual(['b']);
  });
});
