import { type LogWindow, windowText } from './log-window.js';

/** Task queue that the worker polls and every start of a workflow names. */
export const TASK_QUEUE = 'auth0-clickhouse';

/** What is copied, in the order in which it is shown. */
export const RESOURCES = ['logs', 'users', 'clients'] as const;
export type ResourceName = (typeof RESOURCES)[number];

/** Workflow type of each resource run. `extractTenant` runs them as children. */
export const RESOURCE_WORKFLOWS = {
  logs: 'extractLogs',
  users: 'extractUsers',
  clients: 'extractClients',
} as const satisfies Record<ResourceName, string>;
export const TENANT_WORKFLOW = 'extractTenant';
export const BACKFILL_WORKFLOW = 'backfillLogs';

/** Search attributes that runs carry where the namespace has them registered (both as Keyword). */
export const TENANT_ATTRIBUTE = 'Auth0Tenant';
export const RESOURCE_ATTRIBUTE = 'Auth0Resource';
export const SEARCH_ATTRIBUTES = [TENANT_ATTRIBUTE, RESOURCE_ATTRIBUTE] as const;

/** What is scheduled, in the order in which it is shown. Users have two: a snapshot of all, and what changed in between. */
export const SCHEDULES = ['logs', 'users', 'users-changed', 'clients'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** What the runs of a schedule copy. */
export const SCHEDULE_RESOURCE = {
  logs: 'logs',
  users: 'users',
  'users-changed': 'users',
  clients: 'clients',
} as const satisfies Record<ScheduleName, ResourceName>;

/** The schedules of these resources. */
export function schedulesOf(resources: readonly ResourceName[]): ScheduleName[] {
  return SCHEDULES.filter((schedule) => resources.includes(SCHEDULE_RESOURCE[schedule]));
}

/** Query that every resource workflow answers with a {@link Progress}. */
export const PROGRESS_QUERY = 'progress';

/** Tries of one page: the first one and seven retries (`maximumAttempts` counts the first try). */
export const MAX_PAGE_ATTEMPTS = 8;

/** The workflow id is the lock: one writer a tenant and resource, however it was started. */
export function resourceWorkflowId(tenant: string, resource: ResourceName): string {
  return `auth0/${tenant}/${resource}`;
}

/** Workflow id of the backfill of one interval: the lock of that interval. Other intervals may run beside it. */
export function backfillWorkflowId(tenant: string, window: LogWindow): string {
  return `${backfillPrefix(tenant)}${windowText(window)}`;
}

/** What the workflow ids of all backfills of a tenant begin with. */
export function backfillPrefix(tenant: string): string {
  return `auth0/${tenant}/backfill/logs/`;
}

/** Workflow id of a sync that a person started; schedules use {@link scheduledWorkflowId}. */
export function tenantWorkflowId(tenant: string): string {
  return `auth0/${tenant}/sync`;
}

/** Workflow id of a sync of these resources beside another sync of the tenant, which does not copy them. */
export function besideWorkflowId(tenant: string, resources: readonly ResourceName[]): string {
  return `${tenantWorkflowId(tenant)}/${RESOURCES.filter((name) => resources.includes(name)).join('+')}`;
}

/** Id of a schedule; the runs it starts carry {@link scheduledWorkflowId} and a time stamp. */
export function scheduleId(tenant: string, schedule: ScheduleName): string {
  return `auth0/${tenant}/${schedule}`;
}

/** Tenant and name of a schedule of ours by its id; undefined where somebody else has made it. */
export function parseScheduleId(id: string): { tenant: string; schedule: ScheduleName } | undefined {
  const [prefix, tenant, name, ...rest] = id.split('/');
  const schedule = SCHEDULES.find((known) => known === name);
  if (prefix !== 'auth0' || !tenant || schedule === undefined || rest.length > 0) return undefined;
  return { tenant, schedule };
}

/** Workflow id that a schedule gives its runs; Temporal appends the time. */
export function scheduledWorkflowId(tenant: string, schedule: ScheduleName): string {
  return `auth0/${tenant}/scheduled-${schedule}`;
}

/** Whether a word names a resource. */
export function isResourceName(word: string): word is ResourceName {
  return (RESOURCES as readonly string[]).includes(word);
}
