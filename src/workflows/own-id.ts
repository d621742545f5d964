import { ChildWorkflowCancellationType, executeChild, ParentClosePolicy, workflowInfo } from '@temporalio/workflow';
import { CancelledFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { SearchAttributesKnown } from '../contracts/activities.js';
import { BACKFILL_WORKFLOW, RESOURCE_WORKFLOWS, type ResourceName } from '../contracts/names.js';
import type { BackfillInput, ExtractInput, ResourceResult } from '../contracts/types.js';
import { lasting } from './activities.js';
import { attributesOf } from './search-attributes.js';

/** Bytes; a tenant's name is ASCII. */
const MAX_FAIRNESS_KEY = 64;

/** What a resource run does: the whole resource, or an interval of the log. */
export type RunKind = ResourceName | 'logs-backfill';

/** Input of any resource run. */
export type RunInput = ExtractInput & BackfillInput;

/** The resource that a kind of run copies. */
export function resourceOf(kind: RunKind): ResourceName {
  return kind === 'logs-backfill' ? 'logs' : kind;
}

/**
 * Runs a resource under its own workflow id as a child, or joins the run that is already under way there. Returns its
 * result, also a bad one; throws on cancellation.
 */
export async function runUnderOwnId(
  kind: RunKind,
  tenant: string,
  workflowId: string,
  input: RunInput,
  known: SearchAttributesKnown,
): Promise<ResourceResult> {
  const isBackfill = kind === 'logs-backfill';
  const type = isBackfill ? BACKFILL_WORKFLOW : RESOURCE_WORKFLOWS[kind];
  try {
    return await executeChild<(input: RunInput) => Promise<ResourceResult>>(type, {
      workflowId,
      args: [{ ...input, tenant }],
      // A parent that is cancelled, or terminated, asks its children to end; they let the page in flight finish.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      // Where the server has fairness switched on, a tenant with much to do does not hold up the queue of the others.
      priority: { fairnessKey: tenant.slice(0, MAX_FAIRNESS_KEY) },
      staticSummary: isBackfill ? `Backfill of logs of ${tenant}` : `${kind} of ${tenant}`,
      ...(known.searchAttributes && { typedSearchAttributes: attributesOf(tenant, resourceOf(kind)) }),
    });
  } catch (failure) {
    if (!(failure instanceof WorkflowExecutionAlreadyStartedError)) throw failure;
    const options = { summary: `joined the run of ${resourceOf(kind)} under way` };
    const result = await lasting.awaitRun.executeWithOptions(options, [{ workflowId }]);
    if (result === null) throw new CancelledFailure('The run that was joined was cancelled');
    const hadWishes = !isBackfill && (input.full === true || input.acceptDeletes === true || input.from !== undefined);
    return { ...result, joined: true, ...(hadWishes && { warnings: [...result.warnings, JOINED] }) };
  }
}

const JOINED =
  'A run of this resource was under way and was joined: what was asked for here did not count. Sync once more for it';

/** Cursor in the result of the schedule's or cron's previous run, which an earlier version may have written. */
export function lastCursorOf(input: RunInput): string | undefined {
  if (input.lastCursor !== undefined) return input.lastCursor;
  const result: unknown = workflowInfo().lastResult;
  const cursor: unknown =
    typeof result === 'object' && result !== null && 'cursor' in result ? result.cursor : undefined;
  return typeof cursor === 'string' ? cursor : undefined;
}
