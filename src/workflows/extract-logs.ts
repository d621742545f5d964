import type { ExtractInput, ResourceResult } from '../contracts/types.js';
import { runResource } from './resource-run.js';

/** Copies the tenant's log from the checkpoint, or from `from`, to its present end. */
export function extractLogs(input?: ExtractInput | null): Promise<ResourceResult> {
  return runResource('logs', input, async (run) => {
    await run.fetchAllPages();
  });
}
