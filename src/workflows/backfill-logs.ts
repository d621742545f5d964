import type { BackfillInput, ResourceResult } from '../contracts/types.js';
import { runResource } from './resource-run.js';

/**
 * Reads an interval of the tenant's log once more, beside everything else that runs, and stores what is not held. Its
 * position lies in its own state: it neither reads nor moves the checkpoint of the live run.
 */
export function backfillLogs(input?: BackfillInput | null): Promise<ResourceResult> {
  return runResource('logs-backfill', input, async (run) => {
    await run.fetchAllPages();
  });
}
