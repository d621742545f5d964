import type { Client } from '@temporalio/client';
import { resultOfFailure } from '../contracts/failure-details.js';
import { type LogWindow, windowText } from '../contracts/log-window.js';
import { BACKFILL_WORKFLOW, backfillWorkflowId } from '../contracts/names.js';
import type { BackfillInput, ResourceResult } from '../contracts/types.js';
import { type StartedRun, startOrJoin } from './start-or-join.js';

/** Starts the backfill of an interval; one of the same interval that is under way is joined, and its result says so. */
export async function startBackfill(
  client: Client,
  taskQueue: string,
  tenant: string,
  { window, available }: { window: LogWindow; available: boolean },
): Promise<StartedRun<ResourceResult>> {
  const input: BackfillInput = { tenant, ...window, ...(available && { available }) };
  const run = await startOrJoin(client, {
    workflowType: BACKFILL_WORKFLOW,
    workflowId: backfillWorkflowId(tenant, window),
    taskQueue,
    input,
    summary: `Backfill of logs of ${tenant}: ${windowText(window)}`,
    resultOfFailure,
  });
  if (!run.joined) return run;
  return {
    ...run,
    async end() {
      const end = await run.end();
      return end.kind === 'result' ? { ...end, result: { ...end.result, joined: true } } : end;
    },
  };
}
