import type { CaseReport } from './report.js';
import { metricOf, ratio, useOf } from './statistics.js';

/** The subject of ours. */
const OURS = 'auth0-clickhouse';

/** Something that must hold. */
interface Goal {
  /** The case after which it can be judged. */
  after: string;
  what: string;
  relation: '>=' | '<=' | '<';
  bound: number;
  unit: string;
  value(cases: Cases): number | undefined;
}

/** A goal that was judged. */
export interface Verdict {
  what: string;
  value: number;
  relation: Goal['relation'];
  bound: number;
  unit: string;
  verdict: 'ok' | 'MISS';
}

/** Medians (or maxima) of what was measured; undefined where it was not. */
interface Cases {
  median(id: string, subject: string, metric: string): number | undefined;
  max(id: string, subject: string, metric: string): number | undefined;
  peak(id: string, subject: string, process: string): number | undefined;
}

/** Rows per second of ours over those of a baseline. */
const over =
  (id: string, baseline: string) =>
  (cases: Cases): number | undefined =>
    ratio(cases.median(id, OURS, 'rowsPerSecond'), cases.median(id, baseline, 'rowsPerSecond'));

/** What must hold; docs/performance.md explains each. */
export const GOALS: readonly Goal[] = [
  {
    after: 'logs-100k',
    what: '100,000 logs: rows/s, times the plain loop',
    relation: '>=',
    bound: 0.85,
    unit: '×',
    value: over('logs-100k', 'plain loop'),
  },
  {
    after: 'logs-100k',
    what: '100,000 logs: rows/s, times dlt (parquet, append)',
    relation: '>=',
    bound: 4,
    unit: '×',
    value: over('logs-100k', 'dlt'),
  },
  {
    after: 'logs-100k',
    what: '100,000 logs: peak memory of the worker',
    relation: '<',
    bound: 300,
    unit: 'MB',
    value: (cases) => cases.peak('logs-100k', OURS, 'worker'),
  },
  {
    after: 'logs-100k',
    what: '100,000 logs: events in Temporal histories',
    relation: '<=',
    bound: 600,
    unit: 'events',
    value: (cases) => cases.max('logs-100k', OURS, 'historyEvents'),
  },
  {
    after: 'logs-16rps',
    what: 'Under 16 requests/s: share of what the limit lets through',
    relation: '>=',
    bound: 98,
    unit: '%',
    value: (cases) => cases.median('logs-16rps', OURS, 'shareOfLimit'),
  },
  {
    after: 'logs-16rps',
    what: 'Under 16 requests/s: requests beyond one a full page',
    relation: '<=',
    bound: 2,
    unit: 'requests',
    value: (cases) => cases.max('logs-16rps', OURS, 'extraRequests'),
  },
  {
    after: 'logs-16rps',
    what: 'Under 16 requests/s: tokens asked for',
    relation: '<=',
    bound: 1,
    unit: 'tokens',
    value: (cases) => cases.max('logs-16rps', OURS, 'tokens'),
  },
  {
    after: 'users-1m',
    what: '1,000,000 users: peak memory of the worker, times that for 10,000',
    relation: '<=',
    bound: 1.3,
    unit: '×',
    value: (cases) => ratio(cases.peak('users-1m', OURS, 'worker'), cases.peak('users-10k', OURS, 'worker')),
  },
  {
    after: 'users-100k',
    what: '100,000 users: rows/s, times insert only from a file',
    relation: '>=',
    bound: 0.7,
    unit: '×',
    value: over('users-100k', 'insert only'),
  },
  {
    after: 'users-1m',
    what: '1,000,000 users: rows/s, times insert only from a file',
    relation: '>=',
    bound: 0.7,
    unit: '×',
    value: over('users-1m', 'insert only'),
  },
  {
    after: 'logs-1m',
    what: '1,000,000 logs: rows/s, times those at 100,000',
    relation: '>=',
    bound: 0.9,
    unit: '×',
    value: (cases) =>
      ratio(cases.median('logs-1m', OURS, 'rowsPerSecond'), cases.median('logs-100k', OURS, 'rowsPerSecond')),
  },
  {
    after: 'logs-1m',
    what: '1,000,000 logs: bytes an event in ClickHouse, raw kept',
    relation: '<=',
    bound: 230,
    unit: 'bytes',
    value: (cases) => cases.max('logs-1m', OURS, 'bytesPerRow'),
  },
  {
    after: 'logs-1m',
    what: '1,000,000 logs: most active parts at any time',
    relation: '<',
    bound: 100,
    unit: 'parts',
    value: (cases) => cases.max('logs-1m', OURS, 'mostParts'),
  },
  {
    after: 'incremental-0',
    what: 'Nothing new: requests of a run',
    relation: '<=',
    bound: 2,
    unit: 'requests',
    value: (cases) => cases.max('incremental-0', OURS, 'requests'),
  },
  {
    after: 'incremental-0',
    what: 'Nothing new: from start to result',
    relation: '<',
    bound: 1,
    unit: 's',
    value: (cases) => cases.median('incremental-0', OURS, 'seconds'),
  },
  {
    after: 'cold-start',
    what: 'npm start to the first row',
    relation: '<',
    bound: 8,
    unit: 's',
    value: (cases) => cases.median('cold-start', OURS, 'seconds'),
  },
  {
    after: 'cold-start',
    what: 'npm start to the first row, Temporal still to fetch',
    relation: '<',
    bound: 15,
    unit: 's',
    value: (cases) => cases.median('cold-start', 'Temporal still to fetch', 'seconds'),
  },
  {
    after: 'help',
    what: 'auth0-clickhouse --help',
    relation: '<',
    bound: 150,
    unit: 'ms',
    value: (cases) => cases.median('help', OURS, 'milliseconds'),
  },
];

/** Judges every goal whose cases were measured, in the order of the goals. A missing baseline leaves its goal out. */
export function judge(reports: readonly CaseReport[]): Verdict[] {
  const byId = new Map(reports.map((report) => [report.id, report]));
  const measured: Cases = {
    median: (id, subject, metric) => withCase(byId.get(id), (report) => metricOf(report, subject, metric)?.median),
    max: (id, subject, metric) => withCase(byId.get(id), (report) => metricOf(report, subject, metric)?.max),
    peak: (id, subject, process) => withCase(byId.get(id), (report) => useOf(report, subject, process, 'peakMb')?.max),
  };
  return GOALS.flatMap(({ value: valueOf, what, relation, bound, unit }) => {
    const value = valueOf(measured);
    if (value === undefined || Number.isNaN(value)) return [];
    return [{ what, value, relation, bound, unit, verdict: holds(value, relation, bound) ? 'ok' : 'MISS' }];
  });
}

function holds(value: number, relation: Goal['relation'], bound: number): boolean {
  switch (relation) {
    case '>=':
      return value >= bound;
    case '<=':
      return value <= bound;
    case '<':
      return value < bound;
  }
}

function withCase<T>(report: CaseReport | undefined, read: (report: CaseReport) => T): T | undefined {
  return report === undefined ? undefined : read(report);
}
