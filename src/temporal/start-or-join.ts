import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';
import { errorOfFailure } from '../contracts/failure.js';

/** How a run ended: with its result, or, where it left none, why. */
export type RunEnd<R> = { kind: 'result'; result: R } | { kind: 'lost'; reason: string };

/** A run that was started, or that was under way and has been joined. */
export interface StartedRun<R> {
  workflowId: string;
  runId: string;
  /** Somebody else has started it: what it does was asked for there. */
  joined: boolean;
  end(): Promise<RunEnd<R>>;
}

/** What is started, and under which id. */
export interface Start<R> {
  workflowType: string;
  workflowId: string;
  taskQueue: string;
  input: object;
  /** One line for the Temporal UI. */
  summary: string;
  searchAttributes?: SearchAttributePair[];
  /** What whoever joins it can read of what was asked for. */
  memo?: Record<string, unknown>;
  /** The result that a run left behind in its failure; undefined where it left none. */
  resultOfFailure(failure: unknown): R | undefined;
}

/** Starts a workflow; one that is under way is joined, since the workflow id is the lock. Throws what the client throws. */
export async function startOrJoin<R>(client: Client, start: Start<R>): Promise<StartedRun<R>> {
  const { handle, runId, joined } = await open(client, start);
  return {
    workflowId: start.workflowId,
    runId,
    joined,
    async end() {
      try {
        const result: R = await handle.result();
        return { kind: 'result', result };
      } catch (error) {
        if (!(error instanceof WorkflowFailedError)) throw error;
        const result = start.resultOfFailure(error.cause);
        return result ? { kind: 'result', result } : { kind: 'lost', reason: errorOfFailure(error).message };
      }
    },
  };
}

async function open<R>(client: Client, start: Start<R>) {
  const { workflowType, workflowId, taskQueue, input, summary, searchAttributes, memo } = start;
  try {
    const handle = await client.workflow.start(workflowType, {
      taskQueue,
      workflowId,
      args: [input],
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: summary,
      ...(memo && { memo }),
      ...(searchAttributes && { typedSearchAttributes: searchAttributes }),
    });
    return { handle, runId: handle.firstExecutionRunId, joined: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const handle = client.workflow.getHandle(workflowId);
    return { handle, runId: (await handle.describe()).runId, joined: true };
  }
}
