import { ApplicationFailure, CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { SearchAttributesKnown } from '../contracts/activities.js';
import { errorOfFailure } from '../contracts/failure.js';
import { isTenantResult, resultOfFailure } from '../contracts/failure-details.js';
import { type ResourceName, resourceWorkflowId } from '../contracts/names.js';
import {
  type ExtractInput,
  type ExtractTenantInput,
  type ResourceResult,
  type TenantResult,
} from '../contracts/types.js';
import { describing } from './activities.js';
import { runUnderOwnId } from './own-id.js';
import { pauseWhereRefused } from './refused.js';
import { resultWithoutState, statusOf } from './run-state.js';
import { markRun } from './search-attributes.js';
import { acceptTenantPauses } from './tenant-pause.js';

/**
 * Copies a tenant: every resource as a child of its own, side by side. What schedules, cron and `sync` start. One
 * resource that fails does not stop the others; the run fails at the end, with all results in the failure's details.
 */
export async function extractTenant(input?: ExtractTenantInput | null): Promise<TenantResult> {
  const { resources, ...extract } = input ?? {};
  const pauses = acceptTenantPauses();
  const described = await describe(extract.tenant);
  const { tenant } = described;
  markRun(described, tenant);
  await pauses.wait(tenant);
  const ends = await Promise.allSettled(
    (resources ?? described.resources).map(async (resource) => {
      pauses.began(resourceWorkflowId(tenant, resource));
      const result = await runOne(resource, tenant, { ...extract, ...lastCursorOf(resource) }, described);
      pauses.ended(resourceWorkflowId(tenant, resource));
      return result;
    }),
  );
  await pauses.finish();
  const results: TenantResult['resources'] = {};
  for (const end of ends) {
    if (end.status === 'rejected') throw end.reason;
    results[end.value.resource] = end.value;
  }
  const bad = Object.values(results).filter(({ status }) => status !== 'completed');
  const result: TenantResult = {
    version: 1,
    tenant,
    status: bad.length > 0 ? 'failed' : 'completed',
    resources: results,
  };
  if (bad.length === 0) return result;
  await pauseWhereRefused(result);
  throw ApplicationFailure.create({
    type: bad[0]?.error?.kind ?? 'Internal',
    message: bad.map(({ resource, status, error }) => `${resource} ${status}: ${error?.message ?? status}`).join('\n'),
    nonRetryable: true,
    details: [result],
  });
}

/** Cursor in the result of the schedule's or cron's previous run, which an earlier version may have written. */
function lastCursorOf(resource: ResourceName): { lastCursor?: string } {
  const result: unknown = workflowInfo().lastResult;
  const cursor = isTenantResult(result) ? result.resources[resource]?.cursor : undefined;
  return typeof cursor === 'string' ? { lastCursor: cursor } : {};
}

async function describe(tenant: string | undefined) {
  try {
    return await describing.describeTenant(tenant === undefined ? {} : { tenant });
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
    const { kind, message } = errorOfFailure(failure);
    throw ApplicationFailure.create({ type: kind, message, nonRetryable: true });
  }
}

/** One resource's result, a bad one included. Throws on cancellation of this run. */
async function runOne(
  resource: ResourceName,
  tenant: string,
  input: ExtractInput,
  known: SearchAttributesKnown,
): Promise<ResourceResult> {
  const started = Date.now();
  try {
    return await runUnderOwnId(resource, tenant, resourceWorkflowId(tenant, resource), input, known);
  } catch (failure) {
    const result = resultOfFailure(failure);
    if (result) return result;
    if (CancellationScope.current().consideredCancelled) throw failure;
    const error = isCancellation(failure) ? undefined : errorOfFailure(failure);
    // A child that an operator has cancelled is not this run's cancellation: the others go on.
    const status = error ? statusOf(error) : 'cancelled';
    const durationMs = Date.now() - started;
    return resultWithoutState({ tenant, resource, status, durationMs, runId: workflowInfo().runId }, error);
  }
}
