import { Context } from '@temporalio/activity';
import { type Client, WorkflowContinuedAsNewError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { z } from 'zod';
import type { ResourceResult } from '../contracts/types.js';
import { resultOfFailure } from '../contracts/failure-details.js';
import { withHeartbeat } from './heartbeat.js';

/**
 * Waits for a run that somebody else started, and returns its result, good or bad, as if it were our own; null when
 * it was cancelled. Throws a failure that is not retried when it ended without a result (terminated).
 */
export async function awaitRun(input: { workflowId: string }): Promise<ResourceResult | null> {
  const { client, cancellationSignal } = Context.current();
  return withHeartbeat(z.never(), async () => {
    const cancelled = new Promise<never>((_, reject) => {
      cancellationSignal.addEventListener('abort', () => reject(cancellationSignal.reason), { once: true });
    });
    try {
      return await Promise.race([resultOfRun(client, input.workflowId), cancelled]);
    } catch (error) {
      const failure = error instanceof WorkflowFailedError ? error.cause : undefined;
      const result = resultOfFailure(failure);
      if (result) return result;
      cancellationSignal.throwIfAborted();
      if (failure instanceof CancelledFailure) return null;
      if (error instanceof WorkflowFailedError) {
        const message = `The run ${input.workflowId} that was joined ended without a result`;
        throw ApplicationFailure.nonRetryable(message, 'Internal');
      }
      throw error;
    }
  });
}

/** The result of the run under way, over its continue-as-new chain but not over the next turns of a cron: those never end. */
async function resultOfRun(client: Client, workflowId: string): Promise<ResourceResult> {
  let runId: string | undefined;
  for (;;) {
    try {
      const result: ResourceResult = await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
      return result;
    } catch (error) {
      if (!(error instanceof WorkflowContinuedAsNewError)) throw error;
      runId = error.newExecutionRunId;
    }
  }
}
