import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import type { SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { type ResourceName, RESOURCES, scheduledWorkflowId, scheduleId, TENANT_WORKFLOW } from '../contracts/names.js';
import type { ExtractTenantInput } from '../contracts/types.js';
import { attributesOf } from './search-attributes.js';
import type { StartOptions } from './sync-run.js';

/** The schedule of one resource as it should be. `everyMs` 0: there should be none. */
export interface WantedSchedule {
  resource: ResourceName;
  everyMs: number;
}

/** What `apply` did to a schedule. */
export interface AppliedSchedule {
  resource: ResourceName;
  scheduleId: string;
  action: 'created' | 'updated' | 'unchanged' | 'deleted' | 'none';
  everyMs: number;
}

/** A schedule as the server has it. */
export interface ListedSchedule {
  resource: ResourceName;
  scheduleId: string;
  everyMs: number;
  paused: boolean;
  note: string | null;
  next: string | null;
  last: string | null;
  skipped: number;
  missed: number;
}

/** An incremental cursor needs one run after an outage, not one for each that was missed. */
const CATCHUP_WINDOW = '1 hour';

/** Makes the schedules of a tenant true: creates, updates or deletes, and leaves alone what is right already. */
export async function applySchedules(
  client: Client,
  taskQueue: string,
  tenant: string,
  wanted: readonly WantedSchedule[],
  options: StartOptions = {},
): Promise<AppliedSchedule[]> {
  const applied: AppliedSchedule[] = [];
  for (const { resource, everyMs } of wanted) {
    const id = scheduleId(tenant, resource);
    const action =
      everyMs === 0
        ? (await deleteSchedule(client, id))
          ? 'deleted'
          : 'none'
        : await createOrUpdate(client, definition(taskQueue, tenant, resource, everyMs, options));
    applied.push({ resource, scheduleId: id, action, everyMs });
  }
  return applied;
}

async function createOrUpdate(client: Client, options: ScheduleOptions): Promise<AppliedSchedule['action']> {
  const handle = client.schedule.getHandle(options.scheduleId);
  const present = await describe(client, options.scheduleId);
  if (present === null) {
    try {
      await client.schedule.create(options);
      return 'created';
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    }
  } else if (isSame(present, options)) {
    return 'unchanged';
  }
  // Whether it is paused is the operator's own decision and stays as it is.
  await handle.update((previous) => ({
    spec: options.spec,
    action: { ...options.action, workflowId: options.action.workflowId ?? options.scheduleId },
    ...(options.policies && { policies: options.policies }),
    state: previous.state,
  }));
  return 'updated';
}

function definition(
  taskQueue: string,
  tenant: string,
  resource: ResourceName,
  everyMs: number,
  { searchAttributes = false }: StartOptions,
): ScheduleOptions {
  const input: ExtractTenantInput = { tenant, resources: [resource], ...(resource === 'users' && { full: true }) };
  return {
    scheduleId: scheduleId(tenant, resource),
    spec: { intervals: [{ every: everyMs }] },
    action: {
      type: 'startWorkflow',
      workflowType: TENANT_WORKFLOW,
      workflowId: scheduledWorkflowId(tenant, resource),
      taskQueue,
      args: [input],
      staticSummary: `Scheduled: ${resource} of ${tenant}`,
      ...(searchAttributes && { typedSearchAttributes: attributesOf(tenant, resource) }),
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW },
  };
}

function isSame(present: ScheduleDescription, { spec, action }: ScheduleOptions): boolean {
  return (
    everyMsOf(present) === Number(spec.intervals?.[0]?.every) &&
    present.spec.intervals?.length === 1 &&
    (present.spec.calendars ?? []).length === 0 &&
    present.action.type === 'startWorkflow' &&
    present.action.taskQueue === action.taskQueue &&
    JSON.stringify(present.action.args) === JSON.stringify(action.args) &&
    attributesText(present.action.typedSearchAttributes) === attributesText(action.typedSearchAttributes)
  );
}

function attributesText(attributes: SearchAttributePair[] | TypedSearchAttributes = []): string {
  const pairs = Array.isArray(attributes) ? attributes : attributes.getAll();
  return pairs
    .map(({ key, value }) => JSON.stringify([key.name, value]))
    .toSorted((a, b) => a.localeCompare(b))
    .join();
}

/** The schedules of a tenant that exist, with their last and next runs. */
export async function listSchedules(client: Client, tenant: string): Promise<ListedSchedule[]> {
  const listed: ListedSchedule[] = [];
  for (const resource of RESOURCES) {
    const id = scheduleId(tenant, resource);
    const present = await describe(client, id);
    if (present === null) continue;
    const { info, state } = present;
    listed.push({
      resource,
      scheduleId: id,
      everyMs: everyMsOf(present),
      paused: state.paused,
      note: state.note || null,
      next: info.nextActionTimes[0]?.toISOString() ?? null,
      last: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
      skipped: info.numActionsSkippedOverlap,
      missed: info.numActionsMissedCatchupWindow,
    });
  }
  return listed;
}

/** Deletes a schedule. False where there was none. */
export async function deleteSchedule(client: Client, id: string): Promise<boolean> {
  try {
    await client.schedule.getHandle(id).delete();
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}

async function describe(client: Client, id: string): Promise<ScheduleDescription | null> {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

function everyMsOf(description: ScheduleDescription): number {
  return description.spec.intervals?.[0]?.every ?? 0;
}
