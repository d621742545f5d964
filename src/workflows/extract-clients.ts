import type { ExtractInput, ResourceResult } from '../contracts/types.js';
import { runResource } from './resource-run.js';

/** Copies all clients: they carry no date of change, so each run takes a snapshot. */
export function extractClients(input?: ExtractInput | null): Promise<ResourceResult> {
  return runResource('clients', input, async (run) => {
    await run.fetchAllPages();
  });
}
