import type { CloseRunInput } from '../contracts/activities.js';
import type { RunState } from '../contracts/types.js';
import type { ActivityDeps } from './deps.js';

/**
 * How far the watermark stays behind the tenant's time at the start of a run, ms: user search is eventually consistent
 * (no figure is published), and a login moves `updated_at` while pages are read. What is read twice replaces itself.
 */
const WATERMARK_SLACK_MS = 5 * 60_000;

/** Writes the run's last ledger row, and behind a completed run of users or clients the checkpoint of the next. */
export async function closeRun(deps: ActivityDeps, { state, result }: CloseRunInput): Promise<void> {
  if (result.status === 'completed' && state.resource !== 'logs') await writeSnapshotCheckpoint(deps, state);
  await deps.store.writeRun(state, result);
}

async function writeSnapshotCheckpoint(deps: ActivityDeps, state: RunState): Promise<void> {
  const { store } = deps;
  const { tenant, resource, epoch, runId, block } = state;
  const isSnapshot = state.mode !== 'users-changed';
  const before = isSnapshot ? null : await store.readCheckpoint(tenant, resource);
  await store.writeCheckpoint({
    tenant,
    resource,
    epoch,
    block,
    runId,
    cursor: resource === 'users' ? new Date((state.serverTime ?? epoch) - WATERMARK_SLACK_MS).toISOString() : '',
    lastId: '',
    lastDate: null,
    snapshotAt: isSnapshot ? new Date(epoch).toISOString() : (before?.snapshotAt ?? null),
    rowsHeld: await store.countHeld(tenant, resource),
  });
}
