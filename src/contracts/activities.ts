import type { ControlledRun } from './control.js';
import type { Cursor } from './cursor.js';
import type { ResourceName } from './names.js';
import type { ResourceResult, RunCounts, RunMode, RunState, Totals } from './types.js';

/** The activities as the workflows see them; `src/activities/index.ts` implements them. */
export interface Activities {
  /** What the worker knows of a tenant. */
  describeTenant(input: { tenant?: string }): Promise<TenantDescription>;
  /** Decides where and how a run starts, and writes its first ledger row. */
  openRun(input: OpenRunInput): Promise<OpenRunResult>;
  /** Fetches pages and inserts them; returns where it stopped. */
  fetchPages(input: FetchPagesInput): Promise<FetchPagesResult>;
  /** Asks the tenant for a users export job. */
  startUsersExport(input: { tenant: string }): Promise<{ jobId: string; requests: number; serverTime: number }>;
  /** Waits until an export job has completed. */
  awaitUsersExport(input: AwaitUsersExportInput): Promise<AwaitUsersExportResult>;
  /** Streams the file of a completed export job into the destination. */
  loadUsersExport(input: LoadUsersExportInput): Promise<LoadUsersExportResult>;
  /** Writes the last ledger row of a run and, where the resource has one, its snapshot's checkpoint. */
  closeRun(input: CloseRunInput): Promise<ResourceResult>;
  /** Waits for a run that somebody else started. */
  awaitRun(input: { workflowId: string }): Promise<ResourceResult | null>;
  /** Pauses or resumes runs that other workflows have started, and says what each answered. */
  controlRuns(input: ControlRunsInput): Promise<ControlledRun[]>;
  /** Pauses the schedule of a run whose credentials were refused, where that has happened several times in a row. */
  pauseRefusedSchedule(input: PauseRefusedScheduleInput): Promise<{ paused: boolean }>;
}

export interface ControlRunsInput {
  action: 'pause' | 'resume';
  workflowIds: string[];
  reason?: string;
}

export interface PauseRefusedScheduleInput {
  tenant: string;
  /** What the run was to copy: all of it was refused. */
  resources: ResourceName[];
  scheduleId: string;
}

/** Present where the namespace has the search attributes registered; elsewhere setting one would stop the run. */
export interface SearchAttributesKnown {
  searchAttributes?: true;
}

export interface TenantDescription extends SearchAttributesKnown {
  tenant: string;
  resources: ResourceName[];
}

export interface OpenRunInput {
  tenant?: string;
  resource: ResourceName;
  workflowId: string;
  runId: string;
  /** Start of the run, ms since 1970. */
  epoch: number;
  from?: string;
  full?: boolean;
  acceptDeletes?: boolean;
  pagesPerActivity?: number;
  /** Cursor in the last result of the same schedule or cron, to be compared with the destination. */
  lastCursor?: string;
  /** A backfill of logs: the interval as it was asked for. */
  backfill?: { from?: string; to?: string; available: boolean };
}

export type OpenRunResult = SearchAttributesKnown &
  (
    | { kind: 'run'; state: RunState }
    /** The workflow id is not the resource's own one: run or join that one instead. */
    | { kind: 'redirect'; tenant: string; workflowId: string }
  );

export interface FetchPagesInput {
  tenant: string;
  resource: ResourceName;
  mode: Exclude<RunMode, 'users-export'>;
  runId: string;
  epoch: number;
  cursor: Cursor;
  block: number;
  /** Pages that the run has fetched before: errors name a page by its place in the run. */
  pagesBefore: number;
  /** Rows that the run has stored before, and the oldest of their dates: what its checkpoint stands on. */
  rowsBefore?: number;
  oldestBefore?: string | null;
  /** Id of the database that the run has begun with. */
  databaseId?: string;
  maxPages: number;
}

export interface FetchPagesResult {
  cursor: Cursor;
  block: number;
  /** The end of the source was reached. */
  done: boolean;
  /** This way of reading cannot reach all records: start over in that mode. */
  switchTo: RunMode | null;
  /** With `switchTo`: all there was has been read, and does not add up. */
  readToEnd?: boolean;
  counts: RunCounts;
  /** The last count that the tenant gave, and all of them. */
  total: number | null;
  totals?: Totals | null;
  /** The tenant's own time at the first answer, ms since 1970. */
  serverTime: number;
  /** Oldest `date` among the logs, ISO 8601. */
  oldestDate: string | null;
  /** Intervals that could not be read: each has a row in `pipeline_gaps`. */
  gaps: number;
  /** Records that are too large to be read: left out, each with a row in `pipeline_gaps`. */
  lost?: number;
  warnings: string[];
}

export interface AwaitUsersExportInput {
  tenant: string;
  jobId: string;
  /** When the job was asked for, ms since 1970, and how many users it may hold: how long it may take follows. */
  askedAt: number;
  total: number | null;
}

export interface AwaitUsersExportResult {
  /**
   * `late`: it is not done within the time that its size explains. `pending`: the wait was cut short by an error after
   * it had got somewhere; ask again.
   */
  outcome: 'completed' | 'failed' | 'gone' | 'late' | 'pending';
  requests: number;
}

export interface LoadUsersExportInput {
  tenant: string;
  runId: string;
  epoch: number;
  jobId: string;
  block: number;
  /** Lines of the file that are in the destination already. */
  skipLines: number;
}

export interface LoadUsersExportResult {
  /** `partial`: it broke off after it had got somewhere; go on behind `lines`. `gone`: the job is (24 h). */
  outcome: 'loaded' | 'partial' | 'gone';
  lines: number;
  /** Lines among them, of this call, that were no users. */
  nonRecords?: number;
  block: number;
  counts: RunCounts;
  /** Lines that are too long to be read. */
  lost?: number;
  warnings?: string[];
  /** Users that the tenant says it has after the file was loaded; null where it does not say. */
  total: number | null;
}

export interface CloseRunInput {
  state: RunState;
  /** How the run ended as far as the workflow knows; what the destination says is added to it. */
  result: ResourceResult;
}
