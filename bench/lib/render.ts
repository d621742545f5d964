import type { Verdict } from './judge.js';
import type { CaseReport } from './report.js';
import { metricOf, ratio, type Spread, subjectsOf, useOf } from './statistics.js';
import { shown, type Table } from './table.js';

/** How metrics are called, in the order of their columns. Others are in the JSON only. */
const METRICS: readonly (readonly [metric: string, label: string])[] = [
  ['rowsPerSecond', 'rows/s'],
  ['seconds', 'seconds'],
  ['milliseconds', 'ms'],
  ['shareOfLimit', '% of the limit'],
  ['busyProcessors', 'busy processors'],
  ['requests', 'requests'],
  ['tokens', 'tokens'],
  ['historyEvents', 'history events'],
  ['historyBytes', 'history bytes'],
  ['bytesPerRow', 'bytes a row'],
  ['mostParts', 'most parts'],
  ['parts', 'parts'],
];

/** The tables of a case's figures, and the one of what its processes have used. */
export function caseTables(report: CaseReport): Table[] {
  return [...groups(report).map((subjects) => figures(report, subjects)), uses(report)].filter(
    ({ rows }) => rows.length > 0,
  );
}

/** Subjects that share a table: all that have a rate or a duration, and apart from them those with something else. */
function groups(report: CaseReport): string[][] {
  const byKind = new Map<string, string[]>();
  for (const subject of subjectsOf(report)) {
    const kind = ['seconds', 'milliseconds'].find((metric) => metricOf(report, subject, metric)) ?? '';
    byKind.set(kind, [...(byKind.get(kind) ?? []), subject]);
  }
  return [...byKind.values()];
}

function figures(report: CaseReport, subjects: readonly string[]): Table {
  const [first] = subjects;
  const columns = METRICS.filter(([metric]) => subjects.some((subject) => metricOf(report, subject, metric)));
  const rates = new Map(subjects.map((subject) => [subject, metricOf(report, subject, 'rowsPerSecond')?.median]));
  const own = first === undefined ? undefined : rates.get(first);
  const hasRatio = [...rates.values()].filter((rate) => rate !== undefined).length > 1;
  return {
    head: ['', 'runs', ...columns.map(([, label]) => label), ...(hasRatio ? ['ours is'] : [])],
    rows: subjects.map((subject) => {
      const cells = columns.map(([metric]) => spreadText(metricOf(report, subject, metric)));
      const times = ratio(own, rates.get(subject));
      const runs = report.measurements.filter((measured) => measured.subject === subject).length;
      return [
        subject,
        String(runs),
        ...cells,
        ...(hasRatio ? [times === undefined || subject === first ? '' : `${times.toFixed(2)} ×`] : []),
      ];
    }),
  };
}

/** Medians of what each process has used, a column each; of the baselines it is the baseline's own process. */
function uses(report: CaseReport): Table {
  const names = [...new Set(report.measurements.flatMap(({ processes }) => Object.keys(processes)))];
  const rows = subjectsOf(report).map((subject) => [
    subject,
    ...names.map((name) => {
      const peak = useOf(report, subject, name, 'peakMb')?.median;
      const cpu = useOf(report, subject, name, 'cpuSeconds')?.median;
      return peak === undefined || cpu === undefined ? '' : `${shown(Math.round(peak))} MB, ${shown(cpu)} s`;
    }),
  ]);
  return {
    head: ['peak memory, CPU', ...names],
    rows: rows.filter((row) => row.some((cell, at) => at > 0 && cell !== '')),
  };
}

/** Goals with what was measured. */
export function verdictTable(verdicts: readonly Verdict[]): Table {
  return {
    head: ['goal', 'bound', 'measured', 'verdict'],
    rows: verdicts.map(({ what, relation, bound, value, unit, verdict }) => [
      what,
      `${relation} ${shown(bound)} ${unit}`,
      `${shown(value)} ${unit}`,
      verdict,
    ]),
  };
}

/** `median (min–max)`, or the value alone where all are the same. */
function spreadText(spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const [median, min, max] = [shown(spread.median), shown(spread.min), shown(spread.max)];
  return min === max ? median : `${median} (${min}–${max})`;
}
