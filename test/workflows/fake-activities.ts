import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { controlRuns } from '../../src/activities/control-runs.js';
import type { Activities, FetchPagesResult, OpenRunInput } from '../../src/contracts/activities.js';
import {
  type Cursor,
  FIRST_CLIENTS_PAGE,
  FIRST_USERS_PAGE,
  type LogsCursor,
  windowBeginning,
} from '../../src/contracts/cursor.js';
import type { ErrorKind } from '../../src/contracts/errors.js';
import { backfillWorkflowId, RESOURCES, resourceWorkflowId } from '../../src/contracts/names.js';
import { noCounts, type RunMode, type RunState } from '../../src/contracts/types.js';

export type ActivityName = keyof Activities;
export type InputOf<N extends ActivityName> = Parameters<Activities[N]>[0];
export type Call = { [N in ActivityName]: { name: N; input: InputOf<N>; attempt: number } }[ActivityName];

/** A tenant and destination that exist in memory only: what workflows ask of them is kept in `calls`. */
export interface FakeTenant {
  readonly tenant: string;
  readonly activities: Activities;
  readonly calls: readonly Call[];
  /** Inputs of all calls of one activity, tries included. */
  inputs<N extends ActivityName>(name: N): InputOf<N>[];
}

/** A tenant of its own name, so that no test meets the workflow ids of another. Each resource has two pages. */
export function fakeTenant(replaced: Partial<Activities> = {}, tenant = `tenant-${randomUUID()}`): FakeTenant {
  const calls: Call[] = [];
  const attempt = (): number => Context.current().info.attempt;
  const own: Activities = {
    describeTenant: async () => ({ tenant, resources: [...RESOURCES] }),
    openRun: async (input) => {
      const { from = '', to = '' } = input.backfill ?? {};
      const workflowId = input.backfill
        ? backfillWorkflowId(tenant, { from, to })
        : resourceWorkflowId(tenant, input.resource);
      if (input.workflowId !== workflowId) return { kind: 'redirect', tenant, workflowId };
      return { kind: 'run', state: firstState(tenant, input) };
    },
    fetchPages: pagesOf(2),
    startUsersExport: async () => ({ jobId: 'job-1', requests: 1, serverTime: 1_700_000_000_000 }),
    awaitUsersExport: async () => ({ outcome: 'completed', requests: 1 }),
    loadUsersExport: async ({ block, skipLines }) => {
      const rows = 1_200 - skipLines;
      return {
        outcome: 'loaded',
        lines: 1_200,
        block: block + 1,
        counts: { ...noCounts(), rows, requests: 1 },
        total: null,
      };
    },
    closeRun: async ({ result }) => result,
    awaitRun: async ({ workflowId }) => {
      throw ApplicationFailure.nonRetryable(`nothing to join under ${workflowId} in this test`, 'Internal');
    },
    controlRuns,
    pauseRefusedSchedule: async () => ({ paused: false }),
    ...replaced,
  };
  return {
    tenant,
    calls,
    inputs<N extends ActivityName>(name: N): InputOf<N>[] {
      return calls.filter((call): call is Extract<Call, { name: N }> => call.name === name).map(({ input }) => input);
    },
    activities: {
      describeTenant(input) {
        calls.push({ name: 'describeTenant', input, attempt: attempt() });
        return own.describeTenant(input);
      },
      openRun(input) {
        calls.push({ name: 'openRun', input, attempt: attempt() });
        return own.openRun(input);
      },
      fetchPages(input) {
        calls.push({ name: 'fetchPages', input, attempt: attempt() });
        return own.fetchPages(input);
      },
      startUsersExport(input) {
        calls.push({ name: 'startUsersExport', input, attempt: attempt() });
        return own.startUsersExport(input);
      },
      awaitUsersExport(input) {
        calls.push({ name: 'awaitUsersExport', input, attempt: attempt() });
        return own.awaitUsersExport(input);
      },
      loadUsersExport(input) {
        calls.push({ name: 'loadUsersExport', input, attempt: attempt() });
        return own.loadUsersExport(input);
      },
      closeRun(input) {
        calls.push({ name: 'closeRun', input, attempt: attempt() });
        return own.closeRun(input);
      },
      awaitRun(input) {
        calls.push({ name: 'awaitRun', input, attempt: attempt() });
        return own.awaitRun(input);
      },
      controlRuns(input) {
        calls.push({ name: 'controlRuns', input, attempt: attempt() });
        return own.controlRuns(input);
      },
      pauseRefusedSchedule(input) {
        calls.push({ name: 'pauseRefusedSchedule', input, attempt: attempt() });
        return own.pauseRefusedSchedule(input);
      },
    },
  };
}

const STARTS: Record<OpenRunInput['resource'], { mode: RunMode; cursor: Cursor }> = {
  logs: {
    mode: 'logs',
    cursor: {
      kind: 'logs',
      phase: 'find',
      from: null,
      resume: null,
      start: 'oldest',
      recent: false,
      gap: null,
      overlapRefused: false,
      logId: null,
      date: null,
    },
  },
  users: { mode: 'users-pages', cursor: FIRST_USERS_PAGE },
  clients: { mode: 'clients', cursor: FIRST_CLIENTS_PAGE },
};

/** The state of a run that has just been opened. */
export function firstState(tenant: string, input: OpenRunInput): RunState {
  const { resource, runId, epoch, pagesPerActivity = 10, backfill } = input;
  const window = backfill && { from: backfill.from ?? '', to: backfill.to ?? '' };
  return {
    version: 1,
    tenant,
    resource,
    runId,
    epoch,
    ...STARTS[resource],
    ...(backfill &&
      window && {
        mode: 'logs-backfill' as const,
        cursor: windowBeginning(window, backfill.available),
        backfill: { ...window, available: backfill.available },
      }),
    block: 0,
    counts: noCounts(),
    total: null,
    gaps: 0,
    warnings: [],
    pagesPerActivity,
    firstCursor: null,
    exportJobId: null,
    exportJobs: 0,
    exportLines: 0,
    serverTime: null,
    oldestDate: null,
    acceptDeletes: false,
  };
}

/** A source of so many pages, one page of 100 rows an activity. Where it is, it reads from the cursor alone. */
export function pagesOf(pages: number): Activities['fetchPages'] {
  return async ({ cursor, block, resource }) => onePage(cursor, block, pages, resource !== 'logs');
}

/** What the fetch of one page of 100 rows returns. */
export function onePage(cursor: Cursor, block: number, pages: number, knowsTotal = false): FetchPagesResult {
  const page = pageOf(cursor) + 1;
  return {
    cursor: atPage(cursor, page),
    block: block + 1,
    done: page >= pages,
    switchTo: null,
    counts: { pages: 1, rows: 100, requests: 1, malformed: 0, redacted: 0 },
    total: knowsTotal ? pages * 100 : null,
    serverTime: 1_700_000_000_000,
    oldestDate: null,
    gaps: 0,
    warnings: [],
  };
}

/** Number of pages before a cursor of {@link onePage}. */
export function pageOf(cursor: Cursor): number {
  if (cursor.kind === 'logs-window') return pageOf(cursor.position);
  if (cursor.kind !== 'logs') return cursor.page;
  // Behind a pause the position is looked at again.
  return Number((cursor.resume ?? cursor.from)?.replace('log-', '') ?? 0);
}

function atPage(cursor: Cursor, page: number): Cursor {
  if (cursor.kind === 'logs-window') {
    const { position, window } = cursor;
    const step = (Date.parse(window.to) - Date.parse(window.from)) / 4;
    const at = new Date(Date.parse(window.from) + page * step).toISOString();
    return { ...cursor, position: logsAt(position, page), seen: cursor.seen + 150, at };
  }
  return cursor.kind === 'logs' ? logsAt(cursor, page) : { ...cursor, page };
}

function logsAt(cursor: LogsCursor, page: number): LogsCursor {
  return { ...cursor, phase: 'follow', from: `log-${page}`, resume: null, logId: `log-${page}` };
}

/** A failure of our taxonomy that is tried again at once: the policy's own waits would take two minutes. */
export function soonRetried(type: ErrorKind, message: string): ApplicationFailure {
  // Zero would end the retries.
  return ApplicationFailure.create({ type, message, nextRetryDelay: 1 });
}

/** Something that one side waits for and the other lets happen. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Waits inside an activity for a gate, beating, until it is opened or the activity is cancelled, which throws. */
export async function held(until: Gate): Promise<void> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 50);
  try {
    await Promise.race([until.passed, context.cancelled]);
  } finally {
    clearInterval(beat);
  }
}
