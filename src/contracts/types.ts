import type { Pause, ShownPause } from './control.js';
import { type Cursor, logsPosition } from './cursor.js';
import type { ErrorKind } from './errors.js';
import { type LogWindow, percentOf } from './log-window.js';
import type { ResourceName } from './names.js';

/** Input of `extractLogs`, `extractUsers` and `extractClients`. Every field is optional: a bare start works. */
export interface ExtractInput {
  /** Tenant by name. Default: the worker's only tenant. */
  tenant?: string;
  /** Logs: a log id (exclusive) or an ISO 8601 instant to start from. Users: changed since this instant. */
  from?: string;
  /** Users: a full snapshot now, even when one was taken within its interval. */
  full?: boolean;
  /** Users, clients: mark as deleted even more records than MAX_DELETE_SHARE allows. */
  acceptDeletes?: boolean;
  /** Pages of 100 that one activity fetches, 1..50. Default: the worker's setting. */
  pagesPerActivity?: number;
  /** Continue as new after so many activities even when the server does not suggest it. Meant for tests. */
  activitiesPerRun?: number;
  /** Set by a run that starts another: cursor in the last result of its schedule or cron. */
  lastCursor?: string;
  /** Set by continue-as-new only. */
  state?: RunState;
}

/** Input of `extractTenant`. Every field is optional. */
export interface ExtractTenantInput extends Omit<ExtractInput, 'state'> {
  /** Default: all resources. */
  resources?: ResourceName[];
}

/** Input of `backfillLogs`: an interval of the log, read once more beside everything else. */
export interface BackfillInput extends Pick<
  ExtractInput,
  'tenant' | 'pagesPerActivity' | 'activitiesPerRun' | 'state'
> {
  /** Logs that the tenant took in at or after this ISO 8601 date. Required. */
  from?: string;
  /** Logs that it took in before this ISO 8601 date. Required. */
  to?: string;
  /** Where the tenant no longer keeps the beginning of the interval: take what is left instead of refusing. */
  available?: boolean;
}

/** How a run reads its source. */
export type RunMode = 'logs' | 'logs-backfill' | 'clients' | 'users-pages' | 'users-changed' | 'users-export';

/** What a run has done so far. */
export interface RunCounts {
  pages: number;
  /** Rows acknowledged by the destination. */
  rows: number;
  /** HTTP requests to the tenant's API, retries included. */
  requests: number;
  /** Records that broke their documented shape: kept in `raw`, typed columns at their defaults. */
  malformed: number;
  /** Fields left out because they hold secrets. */
  redacted: number;
}

/** What a tenant has counted its records as in the course of a run: they come and go while they are read. */
export interface Totals {
  least: number;
  most: number;
}

/** A way of reading that a run has left for another one. */
export interface LeftMode {
  mode: RunMode;
  /** Where it was left. */
  cursor: Cursor | null;
  /** It read all there was, and that did not add up: its rows stand where the other way cannot be had. */
  readToEnd: boolean;
  /** The error for which it was left, if that was why. */
  error?: RunError;
}

/** The state of a resource run: the sole thing that continue-as-new carries. */
export interface RunState {
  version: 1;
  tenant: string;
  resource: ResourceName;
  /** Id of the ledger row: the run id of the first execution in the chain. */
  runId: string;
  /** Start of the run in ms since 1970: orders the checkpoints of successive runs. */
  epoch: number;
  mode: RunMode;
  cursor: Cursor | null;
  /** Number of the next block to be written: orders the checkpoints within a run. */
  block: number;
  counts: RunCounts;
  /** Records the source says it has, where it says so: the last word, and all that it said. */
  total: number | null;
  totals?: Totals | null;
  /** Ways of reading that this run has left: none is taken twice. */
  left?: LeftMode[];
  gaps: number;
  warnings: string[];
  pagesPerActivity: number;
  /** First and last position of the run as text, for people and for the ledger. */
  firstCursor: string | null;
  exportJobId: string | null;
  /** Export jobs that the run has asked for, and when it asked for the last, ms since 1970. */
  exportJobs: number;
  exportAskedAt?: number;
  /** Lines of the export file that are in the destination. */
  exportLines: number;
  /** Those of them that were no users. */
  exportNonRecords?: number;
  /** The tenant's own time at the first answer of the run, ms since 1970: what the next run looks back to. */
  serverTime: number | null;
  /** Oldest `date` among the logs of the run, ISO 8601: where counting them in the destination begins. */
  oldestDate: string | null;
  acceptDeletes: boolean;
  /** Records that are too large to be read, and were left out. */
  lost?: number;
  /** Id of the database that the run writes to: no other may take its place. */
  databaseId?: string;
  /** Set while an operator has paused the run. */
  paused?: Pause | null;
  /** Backfill: the interval, and whether the beginning may be missing. */
  backfill?: LogWindow & { available: boolean };
}

/** Answer of the `progress` query. */
export interface Progress extends RunCounts {
  version: 1;
  tenant: string;
  resource: ResourceName;
  mode: RunMode | null;
  phase: 'starting' | 'extracting' | 'exporting' | 'closing' | 'done';
  total: number | null;
  cursor: string | null;
  gaps: number;
  warnings: string[];
  startedAt: string;
  /** Set while an operator has paused the run. */
  paused: ShownPause | null;
  /** How much is done, 0 to 100: by time in a backfill, by count in a snapshot; null where the end is not known. */
  percent: number | null;
  /** Backfill: the interval. */
  window: LogWindow | null;
  /** Backfill: logs of the interval so far that the destination held before. */
  held: number | null;
  /** Logs: oldest `date` of the run's events, ISO 8601. */
  oldestDate?: string | null;
}

/** Result of a resource workflow. A public contract: fields are added, never renamed. */
export interface ResourceResult extends RunCounts {
  version: 1;
  tenant: string;
  resource: ResourceName;
  status: 'completed' | 'failed' | 'unavailable' | 'cancelled';
  mode: RunMode | null;
  cursor: string | null;
  gaps: number;
  warnings: string[];
  /** Records of this run that the destination holds, counted there at the end; null where the run did not get there. */
  visible: number | null;
  /** Records that this run found deleted. */
  deleted: number;
  /** Records that are too large to be read, and were left out: each has a row in `pipeline_gaps`. */
  lost?: number;
  /** Records that are no longer there, and that wait for a yes before they are marked as deleted. */
  deletesWaiting?: number;
  durationMs: number;
  runId: string;
  error?: RunError;
  /** The run was under way already, started by somebody else, and was joined: these are its numbers. */
  joined?: boolean;
  /** Backfill: the interval, and the logs in it that the destination held before. */
  window?: LogWindow;
  held?: number;
  /** Backfill: gaps of `pipeline_gaps` that it has filled. */
  refilled?: number;
}

/** Result of `extractTenant`. */
export interface TenantResult {
  version: 1;
  tenant: string;
  status: 'completed' | 'failed';
  resources: Partial<Record<ResourceName, ResourceResult>>;
}

/** Why a run ended badly, without a record, a token or a secret in it. */
export interface RunError {
  kind: ErrorKind;
  message: string;
}

/** Counts of a run that has done nothing. */
export function noCounts(): RunCounts {
  return { pages: 0, rows: 0, requests: 0, malformed: 0, redacted: 0 };
}

/** The sum of two counts. */
export function addCounts(a: RunCounts, b: RunCounts): RunCounts {
  return {
    pages: a.pages + b.pages,
    rows: a.rows + b.rows,
    requests: a.requests + b.requests,
    malformed: a.malformed + b.malformed,
    redacted: a.redacted + b.redacted,
  };
}

/** What was counted so far and one more count. */
export function widen(a: Totals | null | undefined, more: Totals | number | null | undefined): Totals | null {
  const b = typeof more === 'number' ? { least: more, most: more } : more;
  if (!a || !b) return a ?? b ?? null;
  return { least: Math.min(a.least, b.least), most: Math.max(a.most, b.most) };
}

/** A cursor as one line of text: a log id, a position, or null at the very start. */
export function cursorText(cursor: Cursor | null): string | null {
  switch (cursor?.kind) {
    case undefined:
      return null;
    case 'logs':
      return logsPosition(cursor);
    case 'logs-window':
      return logsPosition(cursor.position);
    case 'clients':
      return cursor.paging === 'checkpoint' ? `after ${cursor.seen} clients` : `page ${cursor.page}`;
    case 'users-pages':
      return `page ${cursor.page}`;
    case 'users-changed':
      return cursor.since;
  }
}

/** Logs of a backfill's interval so far that were held before; null in any other run. */
export function heldBefore({ cursor, counts }: Pick<RunState, 'cursor' | 'counts'>): number | null {
  return cursor?.kind === 'logs-window' ? Math.max(0, cursor.seen + cursor.unnamed - counts.rows) : null;
}

/** How much of a run is done, 0 to 100; null where its end is not known. */
export function percentDone({ backfill, cursor, total, counts }: RunState, ended: boolean): number | null {
  if (backfill) return ended ? 100 : percentOf(backfill, cursor?.kind === 'logs-window' ? cursor.at : null);
  if (total === null || total === 0) return null;
  return Math.round(Math.min(counts.rows / total, 1) * 1_000) / 10;
}

/** The earlier of two ISO 8601 instants, where there is one. */
export function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
