import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { tenantResultOfFailure } from '../contracts/failure-details.js';
import {
  PROGRESS_QUERY,
  type ResourceName,
  resourceWorkflowId,
  TENANT_WORKFLOW,
  tenantWorkflowId,
} from '../contracts/names.js';
import type { ExtractTenantInput, TenantResult } from '../contracts/types.js';
import { parseProgress, type RunProgress } from './progress.js';
import { attributesOf } from './search-attributes.js';
import { type StartedRun, startOrJoin } from './start-or-join.js';

/** How runs are started on the server at hand. */
export interface StartOptions {
  /** Whether the namespace has the search attributes of runs registered: a start that names unknown ones is refused. */
  searchAttributes?: boolean;
}

/** Starts a sync of a tenant; one that is under way is joined. */
export async function startSync(
  client: Client,
  taskQueue: string,
  tenant: string,
  input: ExtractTenantInput,
  { searchAttributes = false }: StartOptions = {},
): Promise<StartedRun<TenantResult>> {
  return startOrJoin(client, {
    workflowType: TENANT_WORKFLOW,
    workflowId: tenantWorkflowId(tenant),
    taskQueue,
    input: { ...input, tenant },
    summary: `Sync of ${tenant}${input.resources ? `: ${input.resources.join(', ')}` : ''}`,
    resultOfFailure: tenantResultOfFailure,
    ...(searchAttributes && { searchAttributes: attributesOf(tenant) }),
  });
}

/** What a resource run says about itself, and what it is waiting for. */
export interface LiveProgress {
  progress: RunProgress | null;
  /** The latest failure of an activity that is being retried. */
  retrying: { attempt: number; message: string } | null;
  running: boolean;
}

/**
 * Asks the resource's run how far it is. Null where there has never been one. A run that has ended is asked only where
 * `ended` says so: its worker has to replay it for the answer.
 */
export async function readProgress(
  client: Client,
  tenant: string,
  resource: ResourceName,
  options: { ended?: boolean } = {},
): Promise<LiveProgress | null> {
  return readRun(client, resourceWorkflowId(tenant, resource), options);
}

/** Asks a resource run or a backfill how far it is. Null where there has never been one under this workflow id. */
export async function readRun(
  client: Client,
  workflowId: string,
  { ended = true }: { ended?: boolean } = {},
): Promise<LiveProgress | null> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const description = await handle.describe();
    const running = description.status.name === 'RUNNING';
    const pending = description.raw.pendingActivities?.find((activity) => (activity.attempt ?? 1) > 1);
    const retrying = pending
      ? { attempt: pending.attempt ?? 1, message: pending.lastFailure?.message ?? 'an unknown failure' }
      : null;
    // A query needs a worker; one that is just being restarted must not hold the display up.
    const ask = () => client.withDeadline(Date.now() + 3_000, () => handle.query<unknown>(PROGRESS_QUERY));
    const progress = running || ended ? parseProgress(await ask().catch(() => null)) : null;
    return { progress, retrying, running };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
