import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { controlRun } from '../activities/control-runs.js';
import type { ControlledRun } from '../contracts/control.js';
import {
  BACKFILL_WORKFLOW,
  backfillPrefix,
  type ResourceName,
  resourceWorkflowId,
  scheduledWorkflowId,
  tenantWorkflowId,
} from '../contracts/names.js';
import { readRun } from './sync-run.js';

/** Which runs of a tenant an operator means. */
export interface RunChoice {
  tenant: string;
  resources: readonly ResourceName[];
  /** Only backfills; else backfills belong to the resource logs. */
  backfillsOnly: boolean;
  /** No resource was named: what runs them all is meant too. */
  everything: boolean;
}

/** A run that was cancelled, or that ended otherwise meanwhile. */
export interface CancelledRun {
  workflowId: string;
  /** How it ended; `running`: it has not ended in time. */
  status: 'cancelled' | 'completed' | 'failed' | 'terminated' | 'running';
  /** What it had stored; null where no worker could say so, and for a tenant's run. */
  rows: number | null;
  cursor: string | null;
}

/** Workflow ids of the resource runs and backfills that are under way. */
export async function findRuns(client: Client, choice: RunChoice): Promise<string[]> {
  const { tenant, resources, backfillsOnly } = choice;
  const ids = backfillsOnly ? [] : resources.map((resource) => resourceWorkflowId(tenant, resource));
  const running = await Promise.all(ids.map(async (id) => ((await statusOf(client, id)) === 'RUNNING' ? [id] : [])));
  return [...running.flat(), ...(resources.includes('logs') ? await findBackfills(client, tenant) : [])];
}

/** The server's list lags behind by a moment, so each is looked at before it is believed. */
async function findBackfills(client: Client, tenant: string): Promise<string[]> {
  const query = `WorkflowType = '${BACKFILL_WORKFLOW}' AND ExecutionStatus = 'Running'`;
  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query }))
    if (workflowId.startsWith(backfillPrefix(tenant)) && (await statusOf(client, workflowId)) === 'RUNNING')
      found.push(workflowId);
  return found.sort();
}

/** Pauses or resumes the runs under way. */
export async function controlChosen(
  client: Client,
  choice: RunChoice,
  action: 'pause' | 'resume',
  reason?: string,
): Promise<ControlledRun[]> {
  const ids = await findRuns(client, choice);
  return Promise.all(ids.map((id) => controlRun(client, id, action, reason)));
}

/** Requests the cancellation of the runs under way, and waits until they have ended, at most `patienceMs`. */
export async function cancelChosen(client: Client, choice: RunChoice, patienceMs: number): Promise<CancelledRun[]> {
  const runs = await findRuns(client, choice);
  const parents = await findParents(client, choice, runs);
  // The parents first: a parent whose child is cancelled alone would end as failed.
  for (const id of [...parents, ...runs]) await requestCancel(client, id);
  const deadline = Date.now() + patienceMs;
  return Promise.all([...runs, ...parents].map((id) => awaitEnd(client, id, deadline)));
}

/**
 * The tenant's runs around these: the schedules' own, which run nothing besides, and where everything is meant also
 * the sync. Others are left alone: to cancel a cron's run would end the cron.
 */
async function findParents(client: Client, choice: RunChoice, runs: readonly string[]): Promise<string[]> {
  const { tenant, resources, everything, backfillsOnly } = choice;
  if (backfillsOnly) return [];
  const parents = new Set<string>();
  const sync = tenantWorkflowId(tenant);
  if (everything && (await statusOf(client, sync)) === 'RUNNING') parents.add(sync);
  for (const id of runs) {
    const parent = (await client.workflow.getHandle(id).describe()).parentExecution?.workflowId;
    const isScheduled = resources.some((resource) => parent?.startsWith(scheduledWorkflowId(tenant, resource)));
    if (parent && (isScheduled || (everything && parent.startsWith(`${sync}/`)))) parents.add(parent);
  }
  return [...parents];
}

async function requestCancel(client: Client, workflowId: string): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).cancel();
  } catch (error) {
    // It has ended by itself meanwhile.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

const POLL_MS = 250;

async function awaitEnd(client: Client, workflowId: string, deadline: number): Promise<CancelledRun> {
  for (;;) {
    const status = await statusOf(client, workflowId);
    if (status !== 'RUNNING' || Date.now() > deadline) {
      const progress = workflowId.includes('/sync') ? null : (await readRun(client, workflowId))?.progress;
      return {
        workflowId,
        status: ENDS[status ?? ''] ?? 'failed',
        rows: progress?.rows ?? null,
        cursor: progress?.cursor ?? null,
      };
    }
    await sleep(POLL_MS);
  }
}

const ENDS: Record<string, CancelledRun['status']> = {
  RUNNING: 'running',
  CANCELLED: 'cancelled',
  COMPLETED: 'completed',
  TERMINATED: 'terminated',
};

async function statusOf(client: Client, workflowId: string): Promise<string | null> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
