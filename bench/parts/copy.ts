import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type ResourceName, resourceWorkflowId, TENANT_WORKFLOW } from '../../src/contracts/names.js';
import type { ExtractTenantInput, TenantResult } from '../../src/contracts/types.js';
import type { Stack } from './stack.js';

/** How a copy went. */
export interface Copied {
  rows: number;
  pages: number;
  /** From the start of the workflow to its result, as `sync` sees it. */
  seconds: number;
  history: History;
}

/** Size of the histories that a copy has left in Temporal: the parent's and the whole chain of each resource. */
export interface History {
  events: number;
  bytes: number;
}

/** Copies resources of a tenant by `extractTenant`, as `sync` and the schedules do. Throws when it does not complete. */
export async function copyTenant(
  stack: Stack,
  plan: { name: string; taskQueue: string },
  resource: ResourceName,
  input: ExtractTenantInput = {},
): Promise<Copied> {
  const workflowId = `bench/${plan.name}/${randomUUID()}`;
  const start = performance.now();
  const handle = await stack.temporal.client.workflow.start<(input: ExtractTenantInput) => Promise<TenantResult>>(
    TENANT_WORKFLOW,
    { taskQueue: plan.taskQueue, workflowId, args: [{ ...input, tenant: plan.name, resources: [resource] }] },
  );
  const result = await handle.result();
  const seconds = (performance.now() - start) / 1000;
  const own = result.resources[resource];
  if (result.status !== 'completed' || own === undefined) throw new Error(`the copy of ${resource} did not complete`);
  const history = await historyOf(stack, [workflowId, resourceWorkflowId(plan.name, resource)]);
  return { rows: own.rows, pages: own.pages, seconds, history };
}

const sizeSchema = z.object({ historyLength: z.number(), historySize: z.number().default(0) });

async function historyOf(stack: Stack, workflowIds: readonly string[]): Promise<History> {
  const sum: History = { events: 0, bytes: 0 };
  for (const workflowId of workflowIds) {
    // A chain continued as new is several executions; each is walked back to from its successor's start.
    let runId: string | undefined;
    do {
      const handle = stack.temporal.client.workflow.getHandle(workflowId, runId);
      const { historyLength, historySize } = sizeSchema.parse(await handle.describe());
      sum.events += historyLength;
      sum.bytes += historySize;
      runId = await continuedFrom(stack, workflowId, runId);
    } while (runId !== undefined);
  }
  return sum;
}

/** The execution that this one continues, where it was continued as new. */
async function continuedFrom(stack: Stack, workflowId: string, runId?: string): Promise<string | undefined> {
  const { client } = stack.temporal;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, ...(runId !== undefined && { runId }) },
    maximumPageSize: 1,
  });
  const earlier = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  return earlier === '' || earlier === null ? undefined : earlier;
}

/** What ClickHouse holds of a table now. */
export interface Stored {
  rows: number;
  bytes: number;
  parts: number;
}

/** Rows, compressed bytes and active parts of a table, all columns and indexes counted. */
export async function storedIn(stack: Stack, database: string, table: string): Promise<Stored> {
  const [row] = await stack.rows(
    `SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts
     FROM system.parts WHERE active AND database = '${database}' AND table = '${table}'`,
  );
  return { rows: Number(row?.['rows']), bytes: Number(row?.['bytes']), parts: Number(row?.['parts']) };
}
