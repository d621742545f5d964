import { AsyncLocalStorage } from 'node:async_hooks';

/** What every line that is logged within an activity carries. */
export interface LogContext {
  tenant?: string;
  resource?: string;
  workflowId?: string;
  runId?: string;
  activity?: string;
  attempt?: number;
}

const contexts = new AsyncLocalStorage<LogContext>();

/** Runs `body`; every line logged meanwhile carries this context. */
export function withLogContext<T>(context: LogContext, body: () => T): T {
  return contexts.run(context, body);
}

/** The context of the running activity; empty outside of one. */
export function logContext(): LogContext {
  return contexts.getStore() ?? {};
}

/** Tenant and resource in one of our workflow ids: `auth0/acme/logs`, `auth0/acme/scheduled-logs-2026-01-31T…`. */
export function contextOfWorkflowId(workflowId: unknown): Pick<LogContext, 'tenant' | 'resource'> {
  if (typeof workflowId !== 'string') return {};
  const [, tenant, rest = ''] = /^auth0\/([^/]+)\/(.+)$/.exec(workflowId) ?? [];
  if (tenant === undefined) return {};
  const [, resource] = /^(?:scheduled-)?([a-z_]+)(?:-\d{4}-\d\d-\d\dT.*)?$/.exec(rest) ?? [];
  return { tenant, ...(resource !== undefined && resource !== 'sync' && { resource }) };
}
