import type { FetchPagesResult } from '../contracts/activities.js';
import type { ShownPause } from '../contracts/control.js';
import type { ErrorKind } from '../contracts/errors.js';
import {
  addCounts,
  cursorText,
  earlier,
  heldBefore,
  noCounts,
  percentDone,
  type Progress,
  type ResourceResult,
  type RunError,
  type RunState,
  widen,
} from '../contracts/types.js';

/**
 * More pages an activity once a run has shown that it has many to fetch: one page an activity costs 3 to 8 times the
 * time. An activity that has fetched for some seconds returns what it has, so a slow tenant is not held up by it.
 */
const CATCH_UP_PAGES = 2_000;

/** Pages for the next activity: the setting at first, more when full activities show that there is much to catch up. */
export function pagesForNext(state: RunState): number {
  const full = state.counts.pages >= state.pagesPerActivity;
  return full ? Math.max(CATCH_UP_PAGES, state.pagesPerActivity) : state.pagesPerActivity;
}

/** The state after some pages. */
export function afterPages(state: RunState, result: FetchPagesResult): RunState {
  const { cursor, block, counts, total, serverTime, oldestDate, gaps, warnings } = result;
  return {
    ...state,
    cursor,
    block,
    counts: addCounts(state.counts, counts),
    total: total ?? state.total,
    totals: widen(state.totals, result.totals ?? total),
    firstCursor: state.firstCursor ?? cursorText(cursor),
    serverTime: state.serverTime ?? (serverTime > 0 ? serverTime : null),
    oldestDate: earlier(state.oldestDate, oldestDate),
    gaps: state.gaps + gaps,
    ...withLost(state, result.lost),
    // What each page would have to say is said once a run.
    warnings: [...new Set([...state.warnings, ...warnings])],
  };
}

/** The count of lost records, which most runs do not have. */
export function withLost(state: RunState, lost = 0): Pick<RunState, 'lost'> {
  return lost > 0 ? { lost: (state.lost ?? 0) + lost } : {};
}

/** What the `progress` query answers. */
export function progressOf(state: RunState, phase: Progress['phase'], paused: ShownPause | null = null): Progress {
  return {
    version: 1,
    tenant: state.tenant,
    resource: state.resource,
    mode: state.mode,
    phase,
    ...state.counts,
    total: state.total,
    cursor: cursorText(state.cursor),
    gaps: state.gaps,
    warnings: state.warnings,
    startedAt: new Date(state.epoch).toISOString(),
    paused,
    percent: percentDone(state, phase === 'closing' || phase === 'done'),
    window: state.backfill ? { from: state.backfill.from, to: state.backfill.to } : null,
    held: heldBefore(state),
    oldestDate: state.oldestDate,
  };
}

/** The result of a run that never came as far as a state. */
export function resultWithoutState(
  run: Pick<ResourceResult, 'tenant' | 'resource' | 'status' | 'durationMs' | 'runId'>,
  error?: RunError,
): ResourceResult {
  return {
    version: 1,
    ...run,
    mode: null,
    ...noCounts(),
    cursor: null,
    gaps: 0,
    warnings: [],
    visible: null,
    deleted: 0,
    ...(error && { error }),
  };
}

/** The run's result. */
export function resultOf(
  state: RunState,
  status: ResourceResult['status'],
  now: number,
  error?: RunError,
): ResourceResult {
  return {
    version: 1,
    tenant: state.tenant,
    resource: state.resource,
    status,
    mode: state.mode,
    ...state.counts,
    cursor: cursorText(state.cursor),
    gaps: state.gaps,
    warnings: state.warnings,
    visible: null,
    deleted: 0,
    ...(state.lost !== undefined && state.lost > 0 && { lost: state.lost }),
    durationMs: Math.max(0, now - state.epoch),
    runId: state.runId,
    ...(state.backfill && {
      window: { from: state.backfill.from, to: state.backfill.to },
      held: heldBefore(state) ?? 0,
    }),
    ...(error && { error }),
  };
}

/** Errors that say: not for this tenant. The resource is marked unavailable, the others go on. */
const UNAVAILABLE: ReadonlySet<ErrorKind> = new Set(['InsufficientScope', 'NotInPlan']);

/** The status that an error leaves behind. */
export function statusOf(error: RunError): ResourceResult['status'] {
  return UNAVAILABLE.has(error.kind) ? 'unavailable' : 'failed';
}
