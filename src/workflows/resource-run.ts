import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { afterPause } from '../contracts/cursor.js';
import { errorOfFailure } from '../contracts/failure.js';
import type { ResourceName } from '../contracts/names.js';
import {
  noCounts,
  type Progress,
  type ResourceResult,
  type RunError,
  type RunMode,
  type RunState,
} from '../contracts/types.js';
import { paging, short } from './activities.js';
import { progressQuery } from './messages.js';
import { lastCursorOf, resourceOf, type RunInput, type RunKind, runUnderOwnId } from './own-id.js';
import { acceptPauses } from './pause.js';
import { markRun } from './search-attributes.js';
import { afterPages, pagesForNext, progressOf, resultOf, resultWithoutState, statusOf } from './run-state.js';
import { details, pagesSummary } from './ui-text.js';

/** What a resource's own steps may use and change. */
export interface ResourceRun {
  state: RunState;
  /** Shows another phase in the query and in the UI. */
  enter(phase: Progress['phase']): void;
  /** Fetches pages until the end of the source. Returns the mode to read the rest in, or null. */
  fetchAllPages(): Promise<{ mode: RunMode; readToEnd: boolean } | null>;
  /** Continues as new when the history has grown long. */
  continueIfLong(): Promise<void>;
  /** Waits while the run is paused: to be called before every activity. */
  waitIfPaused(): Promise<void>;
}

/**
 * The course of every resource run: open it, do the resource's own steps, close it, whatever the end was. A run that
 * was started under another workflow id than the resource's own joins, or becomes, the one under that id.
 */
export async function runResource(
  kind: RunKind,
  given: RunInput | null | undefined,
  extract: (run: ResourceRun) => Promise<void>,
): Promise<ResourceResult> {
  // A start from the UI may say `null` for no input.
  const input = given ?? {};
  const resource = resourceOf(kind);
  let phase: Progress['phase'] = 'starting';
  let state = input.state;
  let elsewhere: string | undefined;
  const progress = (): Progress =>
    state ? progressOf(state, phase, pauses.shown()) : startingProgress(resource, input, pauses.shown());
  const show = (): void => setCurrentDetails(details(progress()));
  const pauses = acceptPauses({
    initial: state?.paused ?? null,
    workflowId: workflowInfo().workflowId,
    progress,
    refusal() {
      if (elsewhere !== undefined) return `This run only waits for ${elsewhere}: send it there`;
      return phase === 'closing' || phase === 'done' ? 'The run is ending: there is nothing left to pause' : undefined;
    },
    changed(paused) {
      if (state) state = { ...state, paused };
      show();
    },
  });
  setHandler(progressQuery, progress, { description: 'Pages, rows, cursor and warnings of this run so far' });

  if (!state) {
    const opened = await open(kind, input);
    if (opened.kind === 'redirect') {
      elsewhere = opened.workflowId;
      await pauses.finish();
      const lastCursor = kind === 'logs-backfill' ? undefined : lastCursorOf(input);
      const own = { ...input, ...(lastCursor !== undefined && { lastCursor }) };
      return runUnderOwnId(kind, opened.tenant, opened.workflowId, own, opened);
    }
    state = { ...opened.state, ...(pauses.pause && { paused: pauses.pause }) };
    markRun(opened, state.tenant, resource);
  }
  let activities = 0;
  let ledgerClosed = false;
  const run: ResourceRun = {
    get state() {
      return state ?? raise();
    },
    set state(next) {
      state = next;
      show();
    },
    enter(next) {
      phase = next;
      show();
    },
    async fetchAllPages() {
      for (;;) {
        await run.waitIfPaused();
        const { tenant, mode, runId, epoch, cursor, block, counts, oldestDate, databaseId } = run.state;
        if (mode === 'users-export' || cursor === null)
          throw ApplicationFailure.nonRetryable('no pages in this mode', 'Internal');
        const maxPages = pagesForNext(run.state);
        const result = await paging.fetchPages.executeWithOptions({ summary: pagesSummary(progress()) }, [
          {
            ...{ tenant, resource, mode, runId, epoch, cursor, block, maxPages },
            ...{ pagesBefore: counts.pages, rowsBefore: counts.rows, oldestBefore: oldestDate },
            ...(databaseId !== undefined && { databaseId }),
          },
        ]);
        run.state = afterPages(run.state, result);
        if (result.switchTo !== null) return { mode: result.switchTo, readToEnd: result.readToEnd ?? false };
        if (result.done) return null;
        await run.continueIfLong();
      }
    },
    async continueIfLong() {
      activities++;
      const limit = input.activitiesPerRun ?? Infinity;
      if (!workflowInfo().continueAsNewSuggested && activities < limit) return;
      // Whoever has asked for a pause learns here what was stored.
      await run.waitIfPaused();
      await continueAsNew<(next: RunInput) => Promise<ResourceResult>>({
        ...(input.activitiesPerRun !== undefined && { activitiesPerRun: input.activitiesPerRun }),
        state: run.state,
      });
    },
    async waitIfPaused() {
      if (!(await pauses.wait())) return;
      const { cursor } = run.state;
      run.state = { ...run.state, cursor: cursor && afterPause(cursor) };
    },
  };

  try {
    run.enter('extracting');
    await extract(run);
    await run.waitIfPaused();
    run.enter('closing');
    const result = await short.closeRun({ state: run.state, result: resultOf(run.state, 'completed', Date.now()) });
    ledgerClosed = true;
    run.state = { ...run.state, warnings: result.warnings };
    run.enter('done');
    await pauses.finish();
    if (result.error) throw failureOf(result, result.error);
    return result;
  } catch (failure) {
    // The ledger has its last row already: the destination did not hold what was sent.
    if (failure instanceof ContinueAsNew || ledgerClosed) throw failure;
    await pauses.finish();
    return endBadly(run.state, failure);
  }
}

/** Writes the ledger's last row, and lets the run fail with its result in the failure's details. */
async function endBadly(state: RunState, failure: unknown): Promise<never> {
  const cancelled = isCancellation(failure);
  const error = cancelled ? undefined : errorOfFailure(failure);
  const result = resultOf(state, error ? statusOf(error) : 'cancelled', Date.now(), error);
  // Nothing to add where the ledger itself cannot be reached: the failure below tells it.
  await CancellationScope.nonCancellable(() => short.closeRun({ state, result }).catch(() => {}));
  if (!error) throw failure;
  throw failureOf(result, error);
}

/** The failure of a run: its result rides in the details. */
function failureOf(result: ResourceResult, error: RunError): ApplicationFailure {
  return ApplicationFailure.create({
    type: error.kind,
    message: error.message,
    nonRetryable: true,
    details: [result],
  });
}

async function open(kind: RunKind, input: RunInput) {
  const { workflowId, runId, startTime } = workflowInfo();
  const { tenant, from, to, available = false, full, acceptDeletes, pagesPerActivity } = input;
  const resource = resourceOf(kind);
  const isBackfill = kind === 'logs-backfill';
  const interval = { ...(from !== undefined && { from }), ...(to !== undefined && { to }), available };
  const lastCursor = isBackfill ? undefined : lastCursorOf(input);
  try {
    return await short.openRun({
      resource,
      workflowId,
      runId,
      epoch: startTime.getTime(),
      ...(tenant !== undefined && { tenant }),
      ...(isBackfill ? { backfill: interval } : from !== undefined && { from }),
      ...(full !== undefined && { full }),
      ...(acceptDeletes !== undefined && { acceptDeletes }),
      ...(pagesPerActivity !== undefined && { pagesPerActivity }),
      ...(lastCursor !== undefined && { lastCursor }),
    });
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
    const error = errorOfFailure(failure);
    const durationMs = Date.now() - startTime.getTime();
    const failed = {
      tenant: input.tenant ?? '',
      resource,
      status: statusOf(error),
      durationMs,
      runId,
    };
    throw failureOf(resultWithoutState(failed, error), error);
  }
}

function startingProgress(resource: ResourceName, input: RunInput, paused: Progress['paused']): Progress {
  return {
    version: 1,
    tenant: input.tenant ?? '',
    resource,
    mode: null,
    phase: 'starting',
    ...noCounts(),
    total: null,
    cursor: null,
    gaps: 0,
    warnings: [],
    startedAt: workflowInfo().startTime.toISOString(),
    oldestDate: null,
    paused,
    percent: null,
    window: null,
    held: null,
  };
}

function raise(): never {
  throw ApplicationFailure.nonRetryable('the run has no state yet', 'Internal');
}
