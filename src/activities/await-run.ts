import { Context } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { z } from 'zod';
import type { ResourceResult } from '../contracts/types.js';
import { resultOfFailure } from '../contracts/failure-details.js';
import { ExtractError } from '../contracts/errors.js';
import { withHeartbeat } from './heartbeat.js';

/** Waits for a run that somebody else started, and returns its result, good or bad, as if it were our own. */
export async function awaitRun(input: { workflowId: string }): Promise<ResourceResult> {
  const { client, cancellationSignal } = Context.current();
  return withHeartbeat(z.never(), async () => {
    const cancelled = new Promise<never>((_, reject) => {
      cancellationSignal.addEventListener('abort', () => reject(cancellationSignal.reason), { once: true });
    });
    try {
      return await Promise.race([client.workflow.getHandle(input.workflowId).result(), cancelled]);
    } catch (error) {
      const failure = error instanceof WorkflowFailedError ? error.cause : undefined;
      const result = resultOfFailure(failure);
      if (result) return result;
      cancellationSignal.throwIfAborted();
      if (error instanceof WorkflowFailedError)
        throw new ExtractError('Internal', `The run ${input.workflowId} that was joined ended without a result`);
      throw error;
    }
  });
}
