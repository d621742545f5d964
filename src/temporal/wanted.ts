import { createHash } from 'node:crypto';
import { type IntervalSpecDescription, ScheduleOverlapPolicy } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';
import type { ScheduleSettings, TenantSettings } from '../config/config.js';
import {
  type ResourceName,
  RESOURCES,
  SCHEDULE_RESOURCE,
  type ScheduleName,
  scheduledWorkflowId,
  scheduleId,
  schedulesOf,
  TENANT_WORKFLOW,
} from '../contracts/names.js';
import type { ScheduleSpec } from '../contracts/schedule-spec.js';
import type { ExtractTenantInput } from '../contracts/types.js';
import { cronWithComment, longestCronMs } from './cron.js';
import { attributesOf } from './search-attributes.js';
import type { StartOptions } from './sync-run.js';

/** A schedule of a tenant as the settings ask for it. `spec` null: there should be none. */
export interface WantedSchedule {
  schedule: ScheduleName;
  spec: ScheduleSpec | null;
  /** IANA name of the zone of a cron expression. */
  timezone: string;
  jitterMs: number;
}

/** A schedule as we make it; everything is said, so that it can be compared with what a server has. */
export interface ScheduleDefinition {
  scheduleId: string;
  spec: {
    intervals: IntervalSpecDescription[];
    cronExpressions: string[];
    timezone?: string;
    jitter: number;
  };
  action: {
    type: 'startWorkflow';
    workflowType: string;
    workflowId: string;
    taskQueue: string;
    args: [ExtractTenantInput];
    staticSummary: string;
    typedSearchAttributes?: SearchAttributePair[];
  };
  policies: { overlap: ScheduleOverlapPolicy; catchupWindow: number; pauseOnFailure: boolean };
}

/** An incremental cursor needs one run after an outage, not one for each that was missed. */
const CATCHUP_WINDOW_MS = 3_600_000;

/** What each schedule copies, for people. */
const SUBJECTS = {
  logs: 'logs',
  users: 'snapshot of users',
  'users-changed': 'changed users',
  clients: 'clients',
} as const satisfies Record<ScheduleName, string>;

/** The schedules that a tenant's settings ask for: none for a resource that is not copied. */
export function wantedSchedules(
  settings: Pick<TenantSettings, 'resources' | 'schedules'>,
  only: readonly ResourceName[] = RESOURCES,
): WantedSchedule[] {
  const { specs, timezone, jitterMs } = settings.schedules;
  return schedulesOf(only).map((schedule) => ({
    schedule,
    spec: settings.resources.includes(SCHEDULE_RESOURCE[schedule]) ? specs[schedule] : null,
    timezone,
    jitterMs,
  }));
}

/** How often a resource should be copied at least, ms, by its most frequent schedule; null: it is not scheduled. */
export function resourceIntervalMs({ specs }: ScheduleSettings, resource: ResourceName): number | null {
  const intervals = schedulesOf([resource]).flatMap((schedule) => {
    const spec = specs[schedule];
    if (spec === null) return [];
    return [spec.kind === 'every' ? spec.everyMs : longestCronMs(spec.expression)];
  });
  return intervals.length === 0 ? null : Math.min(...intervals);
}

/** The schedule that makes a wish true. */
export function definitionOf(
  taskQueue: string,
  tenant: string,
  { schedule, timezone, jitterMs }: WantedSchedule,
  spec: ScheduleSpec,
  { searchAttributes = false }: StartOptions = {},
): ScheduleDefinition {
  const resource = SCHEDULE_RESOURCE[schedule];
  return {
    scheduleId: scheduleId(tenant, schedule),
    spec: {
      intervals:
        spec.kind === 'every' ? [{ every: spec.everyMs, offset: phaseMs(tenant, schedule, spec.everyMs) }] : [],
      cronExpressions: spec.kind === 'cron' ? [cronWithComment(spec.expression)] : [],
      // An interval has no time of day.
      ...(spec.kind === 'cron' && { timezone }),
      jitter: jitterMs,
    },
    action: {
      type: 'startWorkflow',
      workflowType: TENANT_WORKFLOW,
      workflowId: scheduledWorkflowId(tenant, schedule),
      taskQueue,
      // Between snapshots a run finds out by itself whether one is due.
      args: [{ tenant, resources: [resource], ...(schedule === 'users' && { full: true }) }],
      staticSummary: `Scheduled: ${SUBJECTS[schedule]} of ${tenant}`,
      ...(searchAttributes && { typedSearchAttributes: attributesOf(tenant, resource) }),
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW_MS, pauseOnFailure: false },
  };
}

/**
 * Where in its interval a schedule runs, whole seconds in ms. Temporal counts intervals from 1970: without this, all
 * tenants of an installation would start in the same second. Made from the names, it stays the same wherever the
 * schedule is made. Changed users are half an interval away from their snapshot, so that the two do not meet.
 */
export function phaseMs(tenant: string, schedule: ScheduleName, everyMs: number): number {
  const seconds = Math.max(1, Math.floor(everyMs / 1000));
  const hash = createHash('sha256').update(`${tenant}/${SCHEDULE_RESOURCE[schedule]}`).digest().readUIntBE(0, 6);
  const shift = schedule === 'users-changed' ? Math.floor(seconds / 2) : 0;
  return (((hash % seconds) + shift) % seconds) * 1000;
}
