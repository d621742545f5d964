import {
  type Client,
  type WorkflowExecutionStatusName,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { errorOfFailure } from '../contracts/failure.js';
import type { ListedSchedule } from './schedules.js';

/** How a run of a schedule ended; `unknown`: the server has thrown its history away. */
export type RunOutcome = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed out' | 'unknown';

/** What became of the runs that a schedule has started. */
export interface ScheduleRuns {
  /** The last one; null where there was none. Instants are ISO 8601. */
  last: {
    workflowId: string;
    startedAt: string;
    outcome: RunOutcome;
    endedAt: string | null;
    error: string | null;
  } | null;
  /** End of the last good one among those that the server remembers; null where there is none. */
  lastGoodEndedAt: string | null;
}

const OUTCOMES: Readonly<Record<WorkflowExecutionStatusName, RunOutcome>> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed out',
  // extractTenant is too short to continue as new; one that does goes on.
  CONTINUED_AS_NEW: 'running',
  PAUSED: 'running',
  UNSPECIFIED: 'unknown',
  UNKNOWN: 'unknown',
};

/** Looks up how the runs of a schedule ended, from the last one back to a good one. */
export async function readRuns(client: Client, { recent }: Pick<ListedSchedule, 'recent'>): Promise<ScheduleRuns> {
  let last: ScheduleRuns['last'] = null;
  for (const { workflowId, runId, takenAt } of recent.toReversed()) {
    const { outcome, endedAt } = await describeRun(client, workflowId, runId);
    last ??= {
      workflowId,
      startedAt: takenAt,
      outcome,
      endedAt,
      error: outcome === 'failed' ? await errorOf(client, workflowId, runId) : null,
    };
    if (outcome === 'completed') return { last, lastGoodEndedAt: endedAt };
    // What is older has been thrown away, too.
    if (outcome === 'unknown') break;
  }
  return { last, lastGoodEndedAt: null };
}

async function describeRun(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<{ outcome: RunOutcome; endedAt: string | null }> {
  try {
    const { status, closeTime } = await client.workflow.getHandle(workflowId, runId).describe();
    return { outcome: OUTCOMES[status.name], endedAt: closeTime?.toISOString() ?? null };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { outcome: 'unknown', endedAt: null };
    throw error;
  }
}

async function errorOf(client: Client, workflowId: string, runId: string): Promise<string | null> {
  try {
    await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
    return null;
  } catch (error) {
    return error instanceof WorkflowFailedError ? errorOfFailure(error).message : null;
  }
}
