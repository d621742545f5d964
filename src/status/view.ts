import { stripVTControlCharacters } from 'node:util';
import { alignColumns, count, duration, type Terminal } from '../commands/terminal.js';
import { hasFailed, type ResourceStatus, type StatusReport, type TenantStatus } from './status.js';

/** How a report is drawn. */
export interface ViewOptions {
  colors: Terminal['colors'];
  /** Columns of the terminal; Infinity where it is none. */
  width: number;
  /** ms since 1970. */
  now: number;
}

/**
 * A column, and when it gives way on a narrow terminal: the highest number first, 0 never. `warns`: what of it nobody
 * must miss, said below the rows where it has given way.
 */
interface Column {
  cell: (entry: ResourceStatus, options: ViewOptions) => string;
  right: boolean;
  givesWay: number;
  warns?: (entry: ResourceStatus, options: ViewOptions) => string;
}

const COLUMNS: readonly Column[] = [
  { cell: stateCell, right: false, givesWay: 0 },
  { cell: ({ rows }) => (rows === null ? '? rows' : `${count(rows)} rows`), right: true, givesWay: 0 },
  { cell: percentCell, right: true, givesWay: 1 },
  { cell: runCell, right: true, givesWay: 2 },
  { cell: etaCell, right: true, givesWay: 3 },
  { cell: speedCell, right: true, givesWay: 5 },
  { cell: lagCell, right: false, givesWay: 6 },
  { cell: gapsCell, right: false, givesWay: 4, warns: gapsCell },
  { cell: lastCell, right: false, givesWay: 7 },
  { cell: nextCell, right: false, givesWay: 8, warns: pausedCell },
];

/** A report as lines: a table for each tenant, what needs a word below it, and at the end what is down. */
export function renderStatus(report: StatusReport, options: ViewOptions): string[] {
  const lines = report.tenants.flatMap((tenant) => [
    `Tenant ${tenant.tenant}`,
    ...renderRows(
      tenant.resources.map((entry) => ({ label: entry.resource, entry })),
      options,
    ),
    ...remarksOn(tenant, options),
  ]);
  const problems = [report.temporal, report.clickhouse, report.tables].filter((problem) => problem !== null);
  return [...lines, ...problems.map((problem) => options.colors.yellow(problem))];
}

/** The aligned rows of some resources; on a narrow terminal columns are left out until they fit. */
export function renderRows(rows: readonly { label: string; entry: ResourceStatus }[], options: ViewOptions): string[] {
  const columns = COLUMNS.map((column) => ({ ...column, cells: rows.map(({ entry }) => column.cell(entry, options)) }))
    // What nobody has anything to say on takes no room.
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  for (let least = Math.max(0, ...columns.map(({ givesWay }) => givesWay)); ; least--) {
    const shown = columns.filter(({ givesWay }) => givesWay <= least);
    const table = rows.map(({ label }, i) => [`  ${label}`, ...shown.map(({ cells }) => cells[i] ?? '')]);
    const right = shown.flatMap((column, i) => (column.right ? [i + 1] : []));
    const lines = alignColumns(table, right);
    if (least > 0 && lines.some((line) => stripVTControlCharacters(line).length >= options.width)) continue;
    return [
      ...lines,
      ...columns.filter((column) => !shown.includes(column)).flatMap((column) => warnings(rows, column, options)),
    ];
  }
}

function warnings(
  rows: readonly { label: string; entry: ResourceStatus }[],
  { warns }: Column,
  options: ViewOptions,
): string[] {
  return rows.flatMap(({ label, entry }) => {
    const text = warns?.(entry, options) ?? '';
    return text === '' ? [] : [`  ${label}: ${text}`];
  });
}

/** What the rows have no room for. Yellow or red is what somebody should look at. */
function remarksOn({ resources }: TenantStatus, { colors, now }: ViewOptions): string[] {
  return resources.flatMap((entry) => {
    const { resource, retrying, paused, stale, deletesWaiting, lastError, lastRun } = entry;
    const lines = [
      cursorAge(entry, colors),
      stale === null ? null : colors.red(`  ${resource}: stale: ${stale}`),
      paused === null ? null : colors.yellow(`  ${resource}: ${pausedText(paused, now)}`),
      retrying === null ? null : colors.yellow(`  ${resource}: ${retrying}`),
      deletesWaiting
        ? colors.yellow(
            `  ${resource}: ${count(deletesWaiting)} ${deletesWaiting === 1 ? 'delete waits' : 'deletes wait'} for a yes: sync --accept-deletes --resources ${resource}`,
          )
        : null,
      hasFailed(entry)
        ? colors.yellow(`  ${resource}: ${lastRun?.error ?? lastError?.message ?? 'the last run failed'}`)
        : null,
    ];
    return lines.filter((line) => line !== null);
  });
}

function pausedText({ reason, since, settled }: NonNullable<ResourceStatus['paused']>, now: number): string {
  const at = Date.parse(since ?? '');
  const ago = Number.isFinite(at) ? ` ${duration(Math.max(0, now - at))} ago` : '';
  const why = reason === null ? '' : ` (${reason})`;
  return settled ? `paused${ago}${why}: resume lets it go on` : `pausing${why}: pages in flight are stored first`;
}

/** How much of the tenant's retention is used up: beyond it events are lost. */
function cursorAge({ resource, cursorAgeMs, retentionMs, timeLeftMs }: ResourceStatus, colors: ViewOptions['colors']) {
  if (cursorAgeMs === null || retentionMs === null || timeLeftMs === null) return null;
  const days = (ms: number) => (ms / 86_400_000).toFixed(1);
  const left = timeLeftMs > 0 ? `${duration(timeLeftMs)} left` : 'events may be lost already';
  const text = `  ${resource}: cursor is ${days(cursorAgeMs)} of ${days(retentionMs)} days old: ${left}`;
  return cursorAgeMs > retentionMs / 2 ? colors.yellow(text) : text;
}

function stateCell(entry: ResourceStatus, { colors }: ViewOptions): string {
  const { state, stale } = entry;
  if (stale !== null) return colors.red('stale');
  if (hasFailed(entry) && state === 'idle') return colors.red(entry.lastRun?.status ?? 'failed');
  switch (state) {
    case 'retrying':
    case 'paused':
    case 'unknown':
      return colors.yellow(state);
    case 'running':
    case 'done':
      return colors.green(state);
    default:
      return state === 'waiting' ? colors.dim(state) : state;
  }
}

function runCell({ runRows, total, state }: ResourceStatus): string {
  if (runRows === null || state === 'waiting') return '';
  return `${count(runRows)}${total === null || total === 0 ? '' : ` of ${count(total)}`} this run`;
}

function percentCell({ percent }: ResourceStatus): string {
  return percent === null ? '' : `${percent.toFixed(percent < 99.95 && percent > 0 ? 1 : 0)} %`;
}

function speedCell({ rowsPerSecond }: ResourceStatus): string {
  return rowsPerSecond === null ? '' : `${count(Math.round(rowsPerSecond))} rows/s`;
}

function etaCell({ etaMs }: ResourceStatus): string {
  return etaMs === null || etaMs < 1_000 ? '' : `${duration(etaMs)} to go`;
}

function lagCell({ lagMs }: ResourceStatus): string {
  return lagMs === null ? '' : `newest ${duration(lagMs)} ago`;
}

function gapsCell({ gaps }: ResourceStatus, { colors }: ViewOptions): string {
  return gaps ? colors.yellow(`${count(gaps)} ${gaps === 1 ? 'gap' : 'gaps'}`) : '';
}

function lastCell({ lastRun, lastGoodRun, state }: ResourceStatus, { now }: ViewOptions): string {
  if (lastRun === null || state === 'running') return '';
  if (lastRun.status === 'completed' && lastGoodRun !== null)
    return `completed ${duration(Math.max(0, now - Date.parse(lastGoodRun.endedAt)))} ago`;
  const good =
    lastGoodRun === null ? 'no good run yet' : `last good ${duration(now - Date.parse(lastGoodRun.endedAt))} ago`;
  return `last run ${lastRun.status}, ${good}`;
}

function nextCell(entry: ResourceStatus, options: ViewOptions): string {
  const { nextRun } = entry;
  if (nextRun !== null) return `next in ${duration(Math.max(0, Date.parse(nextRun) - options.now))}`;
  return pausedCell(entry, options);
}

function pausedCell({ nextRun, schedules }: ResourceStatus, { colors }: ViewOptions): string {
  const isPaused = nextRun === null && schedules !== null && schedules.length > 0;
  return isPaused && schedules.every(({ paused }) => paused) ? colors.yellow('schedule paused') : '';
}
