import { Context } from '@temporalio/activity';
import {
  type Client,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { ControlRunsInput } from '../contracts/activities.js';
import {
  type ControlAnswer,
  type ControlledRun,
  PAUSE_UPDATE,
  type PauseInput,
  RESUME_UPDATE,
} from '../contracts/control.js';

/** An update needs a worker; without one it would be waited for without end. */
const ANSWER_MS = 10_000;

/** Pauses or resumes runs that other workflows have started: a workflow cannot send updates by itself. */
export function controlRuns({ action, workflowIds, reason }: ControlRunsInput): Promise<ControlledRun[]> {
  const { client } = Context.current();
  return Promise.all(workflowIds.map((workflowId) => controlRun(client, workflowId, action, reason)));
}

/** Pauses or resumes one run, and says what became of it. Throws only what the connection throws. */
export async function controlRun(
  client: Client,
  workflowId: string,
  action: ControlRunsInput['action'],
  reason?: string,
): Promise<ControlledRun> {
  const handle = client.workflow.getHandle(workflowId);
  const nothing = { workflowId, rows: null, cursor: null };
  try {
    const input: PauseInput = reason === undefined ? {} : { reason };
    const { status, rows, cursor, message } = await client.withDeadline(Date.now() + ANSWER_MS, () =>
      action === 'pause'
        ? handle.executeUpdate<ControlAnswer, [PauseInput]>(PAUSE_UPDATE, { args: [input] })
        : handle.executeUpdate<ControlAnswer, []>(RESUME_UPDATE),
    );
    return { workflowId, status, rows, cursor, message };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      return { ...nothing, status: 'not running', message: 'There is no such run under way' };
    if (error instanceof WorkflowUpdateFailedError)
      return { ...nothing, status: 'unchanged', message: error.cause?.message ?? error.message };
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
      return {
        ...nothing,
        status: 'unanswered',
        message: `No worker answered in ${ANSWER_MS / 1_000} s: is one running?`,
      };
    throw error;
  }
}
