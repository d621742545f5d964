import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  ContinueAsNew,
  continueAsNew,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { CancelledFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { SearchAttributesKnown } from '../contracts/activities.js';
import { errorOfFailure } from '../contracts/failure.js';
import { RESOURCE_WORKFLOWS, type ResourceName } from '../contracts/names.js';
import {
  type ExtractInput,
  noCounts,
  type Progress,
  type ResourceResult,
  type RunError,
  type RunState,
} from '../contracts/types.js';
import { lasting, paging, short } from './activities.js';
import { progressQuery } from './messages.js';
import { attributesOf, markRun } from './search-attributes.js';
import { afterPages, pagesForNext, progressOf, resultOf, statusOf } from './run-state.js';
import { details, pagesSummary } from './ui-text.js';

/** What a resource's own steps may use and change. */
export interface ResourceRun {
  state: RunState;
  /** Shows another phase in the query and in the UI. */
  enter(phase: Progress['phase']): void;
  /** Fetches pages until the end of the source. Returns the mode to start over in, or null. */
  fetchAllPages(): Promise<RunState['mode'] | null>;
  /** Continues as new when the history has grown long. */
  continueIfLong(): Promise<void>;
}

/**
 * The course of every resource run: open it, do the resource's own steps, close it, whatever the end was. A run that
 * was started under another workflow id than the resource's own joins, or becomes, the one under that id.
 */
export async function runResource(
  resource: ResourceName,
  given: ExtractInput | null | undefined,
  extract: (run: ResourceRun) => Promise<void>,
): Promise<ResourceResult> {
  // A start from the UI may say `null` for no input.
  const input = given ?? {};
  let phase: Progress['phase'] = 'starting';
  let state = input.state;
  const progress = (): Progress => (state ? progressOf(state, phase) : startingProgress(resource, input));
  setHandler(progressQuery, progress, { description: 'Pages, rows, cursor and warnings of this run so far' });
  const show = (): void => setCurrentDetails(details(progress()));

  if (!state) {
    const opened = await open(resource, input);
    if (opened.kind === 'redirect') {
      const lastCursor = lastCursorOf(input);
      const own = { ...input, ...(lastCursor !== undefined && { lastCursor }) };
      return runUnderOwnId(resource, opened.tenant, opened.workflowId, own, opened);
    }
    ({ state } = opened);
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
        const { tenant, mode, runId, epoch, cursor, block, counts } = run.state;
        if (mode === 'users-export' || cursor === null)
          throw ApplicationFailure.nonRetryable('no pages in this mode', 'Internal');
        const maxPages = pagesForNext(run.state);
        const result = await paging.fetchPages.executeWithOptions({ summary: pagesSummary(progress()) }, [
          { tenant, resource, mode, runId, epoch, cursor, block, pagesBefore: counts.pages, maxPages },
        ]);
        run.state = afterPages(run.state, result);
        if (result.done || result.switchTo !== null) return result.switchTo;
        await run.continueIfLong();
      }
    },
    async continueIfLong() {
      activities++;
      const limit = input.activitiesPerRun ?? Infinity;
      if (!workflowInfo().continueAsNewSuggested && activities < limit) return;
      await continueAsNew<(next: ExtractInput) => Promise<ResourceResult>>({
        ...(input.activitiesPerRun !== undefined && { activitiesPerRun: input.activitiesPerRun }),
        state: run.state,
      });
    },
  };

  try {
    run.enter('extracting');
    await extract(run);
    run.enter('closing');
    const result = await short.closeRun({ state: run.state, result: resultOf(run.state, 'completed', Date.now()) });
    ledgerClosed = true;
    run.state = { ...run.state, warnings: result.warnings };
    run.enter('done');
    if (result.error) throw failureOf(result, result.error);
    return result;
  } catch (failure) {
    // The ledger has its last row already: the destination did not hold what was sent.
    if (failure instanceof ContinueAsNew || ledgerClosed) throw failure;
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

async function open(resource: ResourceName, input: ExtractInput) {
  const { workflowId, runId, startTime } = workflowInfo();
  const { tenant, from, full, acceptDeletes, pagesPerActivity } = input;
  const lastCursor = lastCursorOf(input);
  try {
    return await short.openRun({
      resource,
      workflowId,
      runId,
      epoch: startTime.getTime(),
      ...(tenant !== undefined && { tenant }),
      ...(from !== undefined && { from }),
      ...(full !== undefined && { full }),
      ...(acceptDeletes !== undefined && { acceptDeletes }),
      ...(pagesPerActivity !== undefined && { pagesPerActivity }),
      ...(lastCursor !== undefined && { lastCursor }),
    });
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
    const error = errorOfFailure(failure);
    throw ApplicationFailure.create({
      type: error.kind,
      message: error.message,
      nonRetryable: true,
      details: [failedToOpen(resource, input, Date.now() - startTime.getTime(), error)],
    });
  }
}

/** Cursor in the result of the schedule's or cron's previous run, which an earlier version may have written. */
function lastCursorOf(input: ExtractInput): string | undefined {
  if (input.lastCursor !== undefined) return input.lastCursor;
  const result: unknown = workflowInfo().lastResult;
  const cursor: unknown =
    typeof result === 'object' && result !== null && 'cursor' in result ? result.cursor : undefined;
  return typeof cursor === 'string' ? cursor : undefined;
}

/**
 * Runs a resource under its own workflow id as a child, or joins the run that is already under way there. Returns its
 * result, also a bad one; throws on cancellation.
 */
export async function runUnderOwnId(
  resource: ResourceName,
  tenant: string,
  workflowId: string,
  input: ExtractInput,
  known: SearchAttributesKnown,
): Promise<ResourceResult> {
  try {
    return await executeChild<(input: ExtractInput) => Promise<ResourceResult>>(RESOURCE_WORKFLOWS[resource], {
      workflowId,
      args: [{ ...input, tenant }],
      // A parent that is cancelled, or terminated, asks its children to end; they let the page in flight finish.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      staticSummary: `${resource} of ${tenant}`,
      ...(known.searchAttributes && { typedSearchAttributes: attributesOf(tenant, resource) }),
    });
  } catch (failure) {
    if (!(failure instanceof WorkflowExecutionAlreadyStartedError)) throw failure;
    const options = { summary: `joined the run of ${resource} under way` };
    const result = await lasting.awaitRun.executeWithOptions(options, [{ workflowId }]);
    if (result === null) throw new CancelledFailure('The run that was joined was cancelled');
    const hadWishes = input.full === true || input.acceptDeletes === true || input.from !== undefined;
    return hadWishes ? { ...result, warnings: [...result.warnings, JOINED] } : result;
  }
}

const JOINED =
  'A run of this resource was under way and was joined: what was asked for here did not count. Sync once more for it';

function startingProgress(resource: ResourceName, input: ExtractInput): Progress {
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
  };
}

function failedToOpen(
  resource: ResourceName,
  input: ExtractInput,
  durationMs: number,
  error: ReturnType<typeof errorOfFailure>,
): ResourceResult {
  return {
    version: 1,
    tenant: input.tenant ?? '',
    resource,
    status: statusOf(error),
    mode: null,
    ...noCounts(),
    cursor: null,
    gaps: 0,
    warnings: [],
    visible: null,
    deleted: 0,
    durationMs,
    runId: workflowInfo().runId,
    error,
  };
}

function raise(): never {
  throw ApplicationFailure.nonRetryable('the run has no state yet', 'Internal');
}
