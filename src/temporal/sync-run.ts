import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { tenantResultOfFailure } from '../contracts/failure-details.js';
import {
  besideWorkflowId,
  PROGRESS_QUERY,
  type ResourceName,
  RESOURCES,
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

/**
 * Starts a sync of a tenant; one that is under way is joined. Resources that it does not copy at the moment are not made
 * to wait for it: they are copied beside it, since it may be paused, or take hours. Each resource has one writer anyway.
 */
export async function startSync(
  client: Client,
  taskQueue: string,
  tenant: string,
  input: ExtractTenantInput,
  { searchAttributes = false }: StartOptions = {},
): Promise<StartedRun<TenantResult>> {
  const startAs = (workflowId: string) =>
    startOrJoin(client, {
      workflowType: TENANT_WORKFLOW,
      workflowId,
      taskQueue,
      input: { ...input, tenant },
      summary: `Sync of ${tenant}${input.resources ? `: ${input.resources.join(', ')}` : ''}`,
      resultOfFailure: tenantResultOfFailure,
      memo: { [RESOURCES_MEMO]: input.resources ?? RESOURCES },
      ...(searchAttributes && { searchAttributes: attributesOf(tenant) }),
    });
  const run = await startAs(tenantWorkflowId(tenant));
  const { resources } = input;
  if (!run.joined || !resources || (await copiesAny(client, tenant, run, resources))) return run;
  return startAs(besideWorkflowId(tenant, resources));
}

/** Name in a sync's memo of the resources that it was asked for. */
const RESOURCES_MEMO = 'resources';

/** Whether a sync copies one of the resources at the moment, or was asked to and has not come to it. */
async function copiesAny(
  client: Client,
  tenant: string,
  sync: Pick<StartedRun<unknown>, 'workflowId' | 'runId'>,
  resources: readonly ResourceName[],
): Promise<boolean> {
  const { startTime, memo } = await client.workflow.getHandle(sync.workflowId, sync.runId).describe();
  const asked: unknown = memo?.[RESOURCES_MEMO];
  const copied = await Promise.all(
    resources.map(async (resource) => {
      const last = await lastRun(client, resourceWorkflowId(tenant, resource));
      if (last?.status.name === 'RUNNING') return true;
      const isDone = last !== null && last.startTime >= startTime;
      return !isDone && Array.isArray(asked) && asked.includes(resource);
    }),
  );
  return copied.includes(true);
}

async function lastRun(client: Client, workflowId: string) {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** Runs of a tenant that are paused, each as a sentence that says since when and why: whoever joins one waits for it. */
export async function pausedRuns(client: Client, tenant: string): Promise<string[]> {
  const live = await Promise.all(
    RESOURCES.map(async (resource) => ({
      resource,
      run: await readProgress(client, tenant, resource, { ended: false }),
    })),
  );
  return live.flatMap(({ resource, run }) => {
    const paused = run?.running ? run.progress?.paused : null;
    if (!paused) return [];
    return [`${resource} is paused since ${paused.since}${paused.reason == null ? '' : ` (${paused.reason})`}`];
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
