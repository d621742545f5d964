import { Context } from '@temporalio/activity';
import { type ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { contextOfWorkflowId, type LogContext, withLogContext } from '../observability/log-context.js';
import type { ActivityDeps } from './deps.js';
import { atActivityEdge } from './failure.js';

/**
 * Runs an activity's body so that every line it logs names tenant, resource, workflow and run, and a failure is logged
 * and counted once: by its name, with the place, the attempt and what to do.
 */
export function observed<T>(deps: ActivityDeps, input: object, body: () => Promise<T>): Promise<T> {
  const context = contextOf(input);
  return withLogContext(context, () => atActivityEdge(body, (failure) => tellFailure(deps, context, failure)));
}

function tellFailure({ log, meter }: ActivityDeps, context: LogContext, failure: ApplicationFailure): void {
  const kind = failure.type ?? 'Internal';
  meter?.activityFailed(context.tenant ?? '', context.resource ?? '', kind);
  // Expected, and waited out as the tenant says.
  const level =
    failure.category === ApplicationFailureCategory.BENIGN ? 'info' : failure.nonRetryable ? 'error' : 'warn';
  log?.[level]({ kind, willRetry: failure.nonRetryable !== true }, failure.message);
}

/** Tenant and resource come with most inputs; the workflow's id names them too. */
function contextOf(input: object): LogContext {
  const { workflowExecution, activityType, attempt } = Context.current().info;
  const given = 'state' in input && typeof input.state === 'object' && input.state !== null ? input.state : input;
  return {
    ...contextOfWorkflowId(workflowExecution?.workflowId),
    ...('tenant' in given && typeof given.tenant === 'string' && { tenant: given.tenant }),
    ...('resource' in given && typeof given.resource === 'string' && { resource: given.resource }),
    ...(workflowExecution && { workflowId: workflowExecution.workflowId, runId: workflowExecution.runId }),
    activity: activityType,
    attempt,
  };
}
