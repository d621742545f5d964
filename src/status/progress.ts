import { timeOfLogId } from '../auth0/log-id.js';
import type { ResourceName } from '../contracts/names.js';
import { parseInstant } from '../resources/columns.js';
import type { LiveProgress } from '../temporal/sync-run.js';
import type { RunProgress } from '../temporal/progress.js';

/** How far a run is. Null: there is no run, or it cannot be known. */
export interface Progress {
  /** Rows of the run so far. */
  runRows: number | null;
  /** Rows that the tenant says there are. */
  total: number | null;
  /** 0 to 100; only where the end is known. */
  percent: number | null;
  /** Rows a second, over the last seconds or the whole run. */
  rowsPerSecond: number | null;
  etaMs: number | null;
}

/** Measured speed of a run. */
export interface Pace {
  rowsPerSecond: number;
  /** Logs whose ids carry time: how much of the log's time goes by a second, in seconds. */
  logSpeed: number | null;
}

/**
 * A speed over the last seconds. Null: nobody measures it, and the run's average has to do. `measuring`: it will be known
 * in a moment; till then an average, with the start of the run in it, would only jump.
 */
export type MeasuredPace = Pace | null | 'measuring';

/** A run at one moment. Times are ms since 1970. */
export interface Sample {
  at: number;
  rows: number;
  /** What the cursor of logs points at. */
  cursorAt: number | null;
}

/** Rows of one request: what a rate limit in requests is worth in rows. */
const ROWS_PER_REQUEST = 100;
/** A shorter time measures the moment and not the run. */
const SHORTEST_SPAN_MS = 1_000;

const NOT_RUNNING: Progress = { runRows: null, total: null, percent: null, rowsPerSecond: null, etaMs: null };

/** How far a run is, and when it will be done. `maxRps`: most requests a second that the settings allow. */
export function progressOf(
  live: LiveProgress | null,
  { now, resource, pace, maxRps }: { now: number; resource: ResourceName; pace: MeasuredPace; maxRps: number | null },
): Progress {
  const run = live?.progress;
  if (!live || !run) return NOT_RUNNING;
  if (!live.running) return { ...NOT_RUNNING, runRows: run.rows, total: run.total };
  const average = averagePace(run, now);
  const measured =
    pace === 'measuring'
      ? null
      : pace === null
        ? average
        : { ...pace, logSpeed: pace.logSpeed ?? average?.logSpeed ?? null };
  const rowsPerSecond = measured?.rowsPerSecond ?? null;
  const known = { runRows: run.rows, total: run.total, rowsPerSecond };
  const cap = maxRps === null ? Infinity : maxRps * ROWS_PER_REQUEST;
  if (resource === 'logs') return { ...known, ...towardsNow(run, now, measured, cap) };
  if (run.total === null || run.total <= 0) return { ...known, percent: null, etaMs: null };
  const left = Math.max(0, run.total - run.rows);
  const speed = Math.min(rowsPerSecond ?? 0, cap);
  return {
    ...known,
    percent: percentOf(run.rows / run.total),
    etaMs: speed > 0 && run.paused == null ? Math.round((left / speed) * 1000) : null,
  };
}

/** The end of the log is now, so how much of the way is done is a matter of time and not of rows. */
function towardsNow(
  run: RunProgress,
  now: number,
  pace: Pace | null,
  cap: number,
): Pick<Progress, 'percent' | 'etaMs'> {
  const first = parseInstant(run.oldestDate);
  const cursorAt = cursorTime(run);
  if (first === undefined || cursorAt === null || first >= now) return { percent: null, etaMs: null };
  const percent = percentOf((cursorAt - first) / (now - first));
  if (pace === null || pace.logSpeed === null || run.paused != null) return { percent, etaMs: null };
  const share = pace.rowsPerSecond > cap ? cap / pace.rowsPerSecond : 1;
  // While it catches up the log goes on, a second a second.
  const gain = pace.logSpeed * share - 1;
  return { percent, etaMs: gain > 0 ? Math.round(Math.max(0, now - cursorAt) / gain) : null };
}

function percentOf(share: number): number {
  return Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10;
}

function cursorTime({ cursor }: RunProgress): number | null {
  return cursor === null ? null : (timeOfLogId(cursor) ?? null);
}

/** The run's average: all that is known at a first look. */
function averagePace(run: RunProgress, now: number): Pace | null {
  const startedAt = parseInstant(run.startedAt);
  if (startedAt === undefined) return null;
  const first = parseInstant(run.oldestDate) ?? null;
  return paceBetween(
    { at: startedAt, rows: 0, cursorAt: first },
    { at: now, rows: run.rows, cursorAt: cursorTime(run) },
  );
}

/** The speed between two looks at a run; null where they lie too close together to tell. */
export function paceBetween(from: Sample, to: Sample): Pace | null {
  const ms = to.at - from.at;
  if (ms < SHORTEST_SPAN_MS) return null;
  const moved = from.cursorAt === null || to.cursorAt === null ? null : to.cursorAt - from.cursorAt;
  return {
    rowsPerSecond: Math.max(0, (to.rows - from.rows) / (ms / 1000)),
    logSpeed: moved === null ? null : Math.max(0, moved / ms),
  };
}

/** How far back a speed is measured, ms: rows come in blocks, some seconds apart. */
const WINDOW_MS = 20_000;

/** Looks at runs over and over: speeds over the last seconds instead of whole runs. */
export interface PaceMeter {
  /** Notes how far a run is. */
  look(key: string, live: LiveProgress | null, now: number): void;
  /** The speed of a run over the last seconds; null until it has moved twice. */
  pace(key: string): Pace | null;
}

/** A meter that knows nothing yet. */
export function createPaceMeter(): PaceMeter {
  const runs = new Map<string, { startedAt: string; moves: Sample[]; now: number }>();
  return {
    look(key, live, now) {
      const run = live?.running ? live.progress : null;
      if (!run) {
        runs.delete(key);
        return;
      }
      const known = runs.get(key);
      const before = known?.startedAt === run.startedAt ? known.moves : [];
      const move = { at: now, rows: run.rows, cursorAt: cursorTime(run) };
      const last = before.at(-1);
      const moved = last === undefined || last.rows !== move.rows || last.cursorAt !== move.cursorAt;
      const moves = moved ? [...before, move] : before;
      // Two of them always: between blocks that are far apart the last ones tell the speed.
      const kept = moves.filter(({ at }, i) => now - at <= WINDOW_MS || i >= moves.length - 2);
      runs.set(key, { startedAt: run.startedAt, moves: kept, now });
    },
    pace(key) {
      const { moves = [], now = 0 } = runs.get(key) ?? {};
      const [first, last] = [moves[0], moves.at(-1)];
      if (first === undefined || last === undefined || first === last) return null;
      // From block to block, so that a speed does not swing with them; one that is overdue slows it down.
      const usual = (last.at - first.at) / (moves.length - 1);
      const late = Math.max(0, now - last.at - 2 * usual);
      const pace = paceBetween(first, { ...last, at: last.at + late });
      // Until the start of the logs is found a run has no cursor.
      const placed = moves.find(({ cursorAt }) => cursorAt !== null);
      return pace && { ...pace, logSpeed: placed === undefined ? null : (paceBetween(placed, last)?.logSpeed ?? null) };
    },
  };
}
