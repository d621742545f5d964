import type { Snapshot } from '../clickhouse/snapshots.js';
import type { CloseRunInput } from '../contracts/activities.js';
import { describeError } from '../contracts/errors.js';
import type { ResourceResult, RunState } from '../contracts/types.js';
import { type ActivityDeps, tenantOf } from './deps.js';

/**
 * How far the watermark stays behind the tenant's time at the start of a run, ms: user search is eventually consistent
 * (no figure is published), and a login moves `updated_at` while pages are read. What is read twice replaces itself.
 */
const WATERMARK_SLACK_MS = 5 * 60_000;

/** So many records may always be marked as deleted: a share says little about a small tenant. */
const DELETES_ALWAYS_ALLOWED = 100;

/** What the destination says about a run that has come to its end. */
interface Reconciled {
  visible: number;
  deleted: number;
  warnings: string[];
  /** Why the numbers do not add up. */
  problem: string | null;
}

/**
 * Ends a run: counts in the destination what it has sent, marks what a complete snapshot no longer holds as deleted,
 * and writes the checkpoint of the next run and the ledger's last row. Returns the run's final result, which is a
 * failed one where the numbers do not add up.
 */
export async function closeRun(deps: ActivityDeps, input: CloseRunInput): Promise<ResourceResult> {
  const result = await reconcileAndClose(deps, input);
  tell(deps, result);
  return result;
}

async function reconcileAndClose(deps: ActivityDeps, { state, result }: CloseRunInput): Promise<ResourceResult> {
  if (result.status !== 'completed') {
    await deps.store.writeRun(state, result);
    return result;
  }
  const { visible, deleted, warnings, problem } =
    state.resource === 'logs' ? await reconcileLogs(deps, state) : await reconcileSnapshot(deps, state);
  const final: ResourceResult = { ...result, visible, deleted, warnings: [...result.warnings, ...warnings] };
  if (problem !== null) {
    final.status = 'failed';
    final.error = {
      kind: 'NotReconciled',
      message: describeError('NotReconciled', problem, { resource: state.resource }),
    };
  } else if (state.resource !== 'logs') {
    await writeSnapshotCheckpoint(deps, state);
  }
  await deps.store.writeRun(state, final);
  return final;
}

/** One line a run, and one for each thing that somebody should look at. */
function tell({ log, meter }: ActivityDeps, result: ResourceResult): void {
  const { tenant, resource, status, mode, pages, rows, requests, gaps, deleted, durationMs, error } = result;
  meter?.runClosed(tenant, resource, status);
  const line = { status, mode, pages, rows, requests, gaps, deleted, durationMs, kind: error?.kind };
  if (status === 'completed' || status === 'cancelled') log?.info(line, 'run closed');
  else log?.error(line, `run closed: ${error?.message ?? status}`);
  for (const warning of result.warnings) log?.warn(warning);
}

/** Every log that was sent is there, once. */
async function reconcileLogs(deps: ActivityDeps, state: RunState): Promise<Reconciled> {
  const { tenant, runId, oldestDate, counts } = state;
  const visible = counts.rows === 0 ? 0 : await deps.store.countWritten(tenant, runId, counts.rows, oldestDate);
  const problem =
    visible === counts.rows ? null : `${counts.rows} logs were sent, but ClickHouse holds ${visible} of this run`;
  return { visible, deleted: 0, warnings: [], problem };
}

/** Every id that was seen has a row; a snapshot has seen all that the tenant has, and only then deletes. */
async function reconcileSnapshot(deps: ActivityDeps, state: RunState): Promise<Reconciled> {
  const { snapshots } = deps;
  const snapshot = snapshotOf(state);
  const seen = state.counts.rows === 0 ? 0 : await snapshots.countSeen(snapshot);
  const lost = state.counts.rows === 0 ? 0 : await snapshots.countLost(snapshot);
  const nothing = { visible: seen - lost, deleted: 0, warnings: [] };
  if (lost > 0)
    return {
      ...nothing,
      problem: `${seen} ${state.resource} were sent, but ClickHouse holds no row of ${lost} of them`,
    };
  if (state.mode === 'users-changed') return { ...nothing, problem: null };
  if (state.total !== null && seen < state.total) {
    const problem = `The snapshot holds ${seen} of the ${state.total} ${state.resource} that the tenant counts: it is incomplete, and nothing was marked as deleted`;
    return { ...nothing, problem };
  }
  return { ...nothing, problem: null, ...(await deleteVanished(deps, state, snapshot)) };
}

async function deleteVanished(
  deps: ActivityDeps,
  state: RunState,
  snapshot: Snapshot,
): Promise<Pick<Reconciled, 'deleted' | 'warnings'>> {
  const { resource } = state;
  const { live, vanished } = await deps.snapshots.countVanished(snapshot);
  if (vanished === 0) return { deleted: 0, warnings: [] };
  if (state.total === null) {
    const why = 'the tenant gives no total by which the snapshot could be proven complete';
    return {
      deleted: 0,
      warnings: [`${vanished} ${resource} are no longer listed; they are not marked as deleted: ${why}`],
    };
  }
  const allowed = Math.max(
    DELETES_ALWAYS_ALLOWED,
    Math.floor(live * tenantOf(deps, state.tenant).extract.maxDeleteShare),
  );
  if (vanished > allowed && !state.acceptDeletes) {
    const advice = `more than MAX_DELETE_SHARE allows (${allowed}). If that is right: sync --accept-deletes --resources ${resource}`;
    return { deleted: 0, warnings: [`${vanished} of ${live} ${resource} are no longer there, ${advice}`] };
  }
  await deps.snapshots.writeTombstones(snapshot);
  return { deleted: vanished, warnings: [] };
}

/** By the tenant's clock, as `updated_at` is: a record that changed after the snapshot began is not judged by it. */
function snapshotOf({ tenant, resource, runId, epoch, serverTime }: RunState): Snapshot {
  return { tenant, resource, runId, beganVersion: resource === 'users' ? (serverTime ?? epoch) * 2 : epoch };
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
    overlapRefused: false,
  });
}
