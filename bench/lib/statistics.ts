import type { CaseReport } from './report.js';

/** Median, smallest and largest of some values. */
export interface Spread {
  median: number;
  min: number;
  max: number;
  count: number;
}

/** The spread of values; undefined where there are none. Of an even number the median is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return undefined;
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)] ?? min, sorted[Math.ceil(middle)] ?? max];
  return { median: (low + high) / 2, min, max, count: sorted.length };
}

/** The quantile of values by linear interpolation, `share` 0 to 1; undefined where there are none. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? undefined : low + (high - low) * (at - Math.floor(at));
}

/** Subjects of a case in the order in which they were first measured. */
export function subjectsOf(report: CaseReport): string[] {
  return [...new Set(report.measurements.map(({ subject }) => subject))];
}

/** The spread of one metric of one subject over its runs; undefined where it was not measured. */
export function metricOf(report: CaseReport, subject: string, metric: string): Spread | undefined {
  const values = report.measurements
    .filter((measured) => measured.subject === subject)
    .map(({ metrics }) => metrics[metric])
    .filter((value) => value !== undefined);
  return spreadOf(values);
}

/** The spread of what a process has used in one subject's runs; undefined where the system did not tell. */
export function useOf(
  report: CaseReport,
  subject: string,
  process: string,
  what: 'peakMb' | 'cpuSeconds',
): Spread | undefined {
  const values = report.measurements
    .filter((measured) => measured.subject === subject)
    .map(({ processes }) => processes[process]?.[what] ?? null)
    .filter((value) => value !== null);
  return spreadOf(values);
}

/** a / b, undefined where one is missing or b is 0. */
export function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}
