import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { resultOfFailure } from '../contracts/failure-details.js';
import { errorOfFailure } from '../contracts/failure.js';
import { type LogWindow, windowText } from '../contracts/log-window.js';
import { BACKFILL_WORKFLOW, backfillWorkflowId } from '../contracts/names.js';
import type { BackfillInput, ResourceResult } from '../contracts/types.js';

/** A backfill that was started, or that was under way and has been joined. */
export interface BackfillRun {
  workflowId: string;
  runId: string;
  joined: boolean;
  end(): Promise<{ kind: 'result'; result: ResourceResult } | { kind: 'lost'; reason: string }>;
}

/** Starts the backfill of an interval; one of the same interval that is under way is joined. */
export async function startBackfill(
  client: Client,
  taskQueue: string,
  tenant: string,
  { window, available }: { window: LogWindow; available: boolean },
): Promise<BackfillRun> {
  const workflowId = backfillWorkflowId(tenant, window);
  const input: BackfillInput = { tenant, ...window, ...(available && { available }) };
  const { handle, runId, joined } = await startOrJoin(client, workflowId, taskQueue, input, windowText(window));
  return {
    workflowId,
    runId,
    joined,
    async end() {
      try {
        const result: ResourceResult = await handle.result();
        return { kind: 'result', result: joined ? { ...result, joined } : result };
      } catch (error) {
        if (!(error instanceof WorkflowFailedError)) throw error;
        const result = resultOfFailure(error.cause);
        return result ? { kind: 'result', result } : { kind: 'lost', reason: errorOfFailure(error).message };
      }
    },
  };
}

async function startOrJoin(
  client: Client,
  workflowId: string,
  taskQueue: string,
  input: BackfillInput,
  interval: string,
) {
  try {
    const handle = await client.workflow.start(BACKFILL_WORKFLOW, {
      taskQueue,
      workflowId,
      args: [input],
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `Backfill of logs of ${input.tenant}: ${interval}`,
    });
    return { handle, runId: handle.firstExecutionRunId, joined: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const handle = client.workflow.getHandle(workflowId);
    return { handle, runId: (await handle.describe()).runId, joined: true };
  }
}
