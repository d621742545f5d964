import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleNotFoundError,
} from '@temporalio/client';
import { describeError, ExtractError } from '../contracts/errors.js';
import {
  parseScheduleId,
  type ResourceName,
  SCHEDULE_RESOURCE,
  type ScheduleName,
  SCHEDULES,
  scheduleId,
} from '../contracts/names.js';
import { longestDistance } from '../contracts/stale.js';
import { changesOf, type ScheduleChange, timesText } from './diff.js';
import { serverTrouble } from './slow-server.js';
import type { StartOptions } from './sync-run.js';
import { definitionOf, type ScheduleDefinition, type WantedSchedule } from './wanted.js';

/** What `apply` did to a schedule, or would do; `none`: it should not exist, and does not. `failed`: see its error. */
export type ScheduleAction =
  | 'created'
  | 'updated'
  | 'unchanged'
  | 'deleted'
  | 'none'
  | 'would-create'
  | 'would-update'
  | 'would-delete'
  | 'failed';

/** A schedule after `apply`. */
export interface AppliedSchedule {
  schedule: ScheduleName;
  resource: ResourceName;
  scheduleId: string;
  action: ScheduleAction;
  /** Between two runs, ms; null where it follows a cron expression, 0 where there is no schedule. */
  everyMs: number | null;
  cron: string | null;
  /** What was not as it should be; empty unless it was, or would be, updated. */
  changes: ScheduleChange[];
  /** Why it failed; only where it did. */
  error?: string;
}

/** A schedule as the server has it. Instants are ISO 8601. */
export interface ListedSchedule {
  tenant: string;
  schedule: ScheduleName;
  resource: ResourceName;
  scheduleId: string;
  /** When it runs, in a few words. */
  times: string;
  timezone: string;
  /** Longest time between two runs, ms: the interval, or the longest one between the next runs; null where none follow. */
  everyMs: number | null;
  jitterMs: number;
  paused: boolean;
  note: string | null;
  createdAt: string;
  next: string | null;
  last: string | null;
  /** Workflow ids of the runs under way. */
  running: string[];
  /** Runs that were left out since the one before was still going on, and since the schedule's server was away. */
  skipped: number;
  missed: number;
  /** Runs that wait for the one before. */
  buffered: number;
  /** Runs that it has started, the oldest first; the server remembers about ten. */
  recent: { workflowId: string; runId: string; takenAt: string }[];
}

/** Makes the schedules of a tenant true: creates, updates or deletes, and leaves alone what is right already. */
export async function applySchedules(
  client: Client,
  taskQueue: string,
  tenant: string,
  wanted: readonly WantedSchedule[],
  { dryRun = false, searchAttributes = false }: StartOptions & { dryRun?: boolean } = {},
): Promise<AppliedSchedule[]> {
  const applied: AppliedSchedule[] = [];
  for (const wish of wanted) {
    const { schedule, spec } = wish;
    const id = scheduleId(tenant, schedule);
    const { action, changes, error } = await attempt(() =>
      spec === null
        ? remove(client, id, dryRun)
        : createOrUpdate(client, definitionOf(taskQueue, tenant, wish, spec, { searchAttributes }), dryRun),
    );
    applied.push({
      schedule,
      resource: SCHEDULE_RESOURCE[schedule],
      scheduleId: id,
      action,
      everyMs: spec === null ? 0 : spec.kind === 'every' ? spec.everyMs : null,
      cron: spec?.kind === 'cron' ? spec.expression : null,
      changes,
      ...(error !== undefined && { error }),
    });
  }
  return applied;
}

type Applied = Pick<AppliedSchedule, 'action' | 'changes' | 'error'>;

/** A server in trouble costs this schedule, and not those after it. */
async function attempt(apply: () => Promise<Applied>): Promise<Applied> {
  try {
    return await apply();
  } catch (error) {
    const trouble = serverTrouble(error);
    if (!trouble) throw error;
    return { action: 'failed', changes: [], error: describeError(trouble.kind, trouble.message, trouble.context) };
  }
}

async function remove(client: Client, id: string, dryRun: boolean): Promise<Applied> {
  const existed = dryRun ? (await describeSchedule(client, id)) !== null : await deleteSchedule(client, id);
  return { action: existed ? (dryRun ? 'would-delete' : 'deleted') : 'none', changes: [] };
}

async function createOrUpdate(client: Client, wanted: ScheduleDefinition, dryRun: boolean): Promise<Applied> {
  const { scheduleId: id, spec, action, policies } = wanted;
  const before = await describeSchedule(client, id);
  if (before === null) {
    if (dryRun) return { action: 'would-create', changes: [] };
    try {
      await client.schedule.create({ scheduleId: id, spec, action, policies });
      return { action: 'created', changes: [] };
    } catch (error) {
      // Somebody else was faster: it is compared below like any other.
      if (!(error instanceof ScheduleAlreadyRunning)) throw refusal(error, id);
    }
  }
  const present = before ?? (await describeSchedule(client, id));
  const changes = present === null ? [] : changesOf(present, wanted);
  if (changes.length === 0) return { action: 'unchanged', changes };
  if (dryRun) return { action: 'would-update', changes };
  try {
    // Whether it is paused, and why, is the operator's own decision and stays as it is.
    await client.schedule.getHandle(id).update(({ state }) => ({ spec, action, policies, state }));
  } catch (error) {
    throw refusal(error, id);
  }
  return { action: 'updated', changes };
}

/** What the server cannot take, such as a time zone that its own tables do not have: the client makes it a TypeError. */
function refusal(error: unknown, id: string): unknown {
  if (!(error instanceof TypeError)) return error;
  return new ExtractError('Configuration', `Temporal refuses the schedule ${id}: ${error.message}`);
}

/** The schedules of a tenant that exist, with their last and next runs. */
export async function listSchedules(client: Client, tenant: string): Promise<ListedSchedule[]> {
  const found = await Promise.all(
    SCHEDULES.map(async (schedule) => {
      const present = await describeSchedule(client, scheduleId(tenant, schedule));
      return present === null ? [] : [listed(tenant, schedule, present)];
    }),
  );
  return found.flat();
}

function listed(tenant: string, schedule: ScheduleName, description: ScheduleDescription): ListedSchedule {
  const { spec, info, state, raw } = description;
  const [interval] = spec.intervals ?? [];
  return {
    tenant,
    schedule,
    resource: SCHEDULE_RESOURCE[schedule],
    scheduleId: description.scheduleId,
    times: timesText(spec),
    timezone: spec.timezone || 'UTC',
    everyMs: interval?.every ?? longestDistance(info.nextActionTimes.map((time) => time.getTime())),
    jitterMs: spec.jitter ?? 0,
    paused: state.paused,
    note: state.note || null,
    createdAt: info.createdAt.toISOString(),
    next: info.nextActionTimes[0]?.toISOString() ?? null,
    last: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    buffered: Number(raw.info?.bufferSize ?? 0),
    recent: info.recentActions.map(({ takenAt, action: { workflow } }) => ({
      workflowId: workflow.workflowId,
      runId: workflow.firstExecutionRunId,
      takenAt: takenAt.toISOString(),
    })),
  };
}

/** A schedule of ours whose tenant is not among those that are configured here. */
export interface StraySchedule {
  tenant: string;
  schedule: ScheduleName;
  scheduleId: string;
  paused: boolean;
  next: string | null;
}

/** Schedules of ours for other tenants than these. The server's list lags a moment behind. */
export async function listStrays(client: Client, tenants: readonly string[]): Promise<StraySchedule[]> {
  const strays: StraySchedule[] = [];
  for await (const { scheduleId: id, state, info } of client.schedule.list()) {
    const ours = parseScheduleId(id);
    if (ours === undefined || tenants.includes(ours.tenant)) continue;
    strays.push({
      ...ours,
      scheduleId: id,
      paused: state.paused,
      next: info.nextActionTimes[0]?.toISOString() ?? null,
    });
  }
  return strays.sort((a, b) => (a.scheduleId < b.scheduleId ? -1 : 1));
}

/** Deletes a schedule; runs under way go on. False where there was none. */
export function deleteSchedule(client: Client, id: string): Promise<boolean> {
  return unlessMissing(false, async () => {
    await client.schedule.getHandle(id).delete();
    return true;
  });
}

/** Pauses a schedule, with a note that says why; runs under way go on. False where there is none. */
export function pauseSchedule(client: Client, id: string, note: string): Promise<boolean> {
  return unlessMissing(false, async () => {
    await client.schedule.getHandle(id).pause(note);
    return true;
  });
}

/** Lets a schedule run again. False where there is none. */
export function resumeSchedule(client: Client, id: string, note: string): Promise<boolean> {
  return unlessMissing(false, async () => {
    await client.schedule.getHandle(id).unpause(note);
    return true;
  });
}

function describeSchedule(client: Client, id: string): Promise<ScheduleDescription | null> {
  return unlessMissing(null, () => client.schedule.getHandle(id).describe());
}

async function unlessMissing<T, M>(missing: M, body: () => Promise<T>): Promise<T | M> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return missing;
    throw error;
  }
}
