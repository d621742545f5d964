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

/** Schedule of one resource; the runs it starts carry {@link scheduledWorkflowId} and a time stamp. */
export function scheduleId(tenant: string, resource: ResourceName): string {
  return `auth0/${tenant}/${resource}`;
}

/** Workflow id that a schedule gives its runs; Temporal appends the time. */
export function scheduledWorkflowId(tenant: string, resource: ResourceName): string {
  return `auth0/${tenant}/scheduled-${resource}`;
}

/** Whether a word names a resource. */
export function isResourceName(word: string): word is ResourceName {
  return (RESOURCES as readonly string[]).includes(word);
}
