import { compareLogIds } from '../auth0/log-id.js';
import type { CloseRunInput } from '../contracts/activities.js';
import type { LogsCursor, LogsWindowCursor } from '../contracts/cursor.js';
import { describeError } from '../contracts/errors.js';
import { windowText } from '../contracts/log-window.js';
import type { ResourceResult, RunState } from '../contracts/types.js';
import { parseInstant } from '../resources/columns.js';
import { countHeldOf, setBack } from './believed.js';
import { reconcileSnapshot } from './close-snapshot.js';
import type { ActivityDeps } from './deps.js';
import { askDestination } from './destination.js';
import { watermarkOf } from './watermark.js';

/** More blocks than one activity can write. */
const BLOCKS_OF_AN_ACTIVITY = 1_000;

/** What the destination says about a run that has come to its end. */
export interface Reconciled {
  visible: number;
  deleted: number;
  /** Records that wait for a yes before they are marked as deleted. */
  deletesWaiting?: number;
  warnings: string[];
  /** Why the numbers do not add up. */
  problem: string | null;
  /** Backfill: gaps that it has filled. */
  refilled?: number;
  /** A list was read whole, as far as can be said: the next snapshot has time. */
  isWhole?: boolean;
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
  await askDestination(deps, state.databaseId);
  if (result.status !== 'completed') {
    // Where it has got to is where the next run goes on: also that run's rows must be there.
    const { problem } = state.mode === 'logs' ? await reconcileLogs(deps, state) : { problem: null };
    const final = problem === null ? result : { ...result, warnings: [...result.warnings, problem] };
    await deps.store.writeRun(state, final);
    return final;
  }
  const {
    visible,
    deleted,
    deletesWaiting = 0,
    warnings,
    problem,
    isWhole = false,
    ...more
  } = await reconcile(deps, state);
  const final: ResourceResult = {
    ...result,
    ...more,
    visible,
    deleted,
    deletesWaiting,
    warnings: [...result.warnings, ...warnings],
  };
  if (problem !== null) {
    final.status = 'failed';
    final.error = {
      kind: 'NotReconciled',
      message: describeError('NotReconciled', problem, { resource: state.resource }),
    };
  } else if (state.resource !== 'logs') {
    await writeSnapshotCheckpoint(deps, state, { isWhole, tookMs: result.durationMs });
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

function reconcile(deps: ActivityDeps, state: RunState): Promise<Reconciled> {
  if (state.cursor?.kind === 'logs-window') return reconcileBackfill(deps, state, state.cursor);
  return state.resource === 'logs' ? reconcileLogs(deps, state) : reconcileSnapshot(deps, state);
}

/**
 * Every log that was sent is there, once, and so is the one behind which the run began. Where not, the destination has
 * lost rows meanwhile, and the checkpoint goes back to where the run began: the next one reads from there.
 */
async function reconcileLogs(deps: ActivityDeps, state: RunState): Promise<Reconciled> {
  const { tenant, runId, epoch, oldestDate: since, counts } = state;
  const { rows } = counts;
  const cursor = state.cursor?.kind === 'logs' ? state.cursor : null;
  const began = cursor?.began;
  const sent = { tenant, runId, epoch, rows, since, lastId: cursor?.logId ?? null };
  const visible = await countHeldOf(deps.store, sent);
  const isLost = async () =>
    began !== undefined && began.logId !== '' && !(await deps.store.holdsLog(tenant, began.logId, began.date));
  const problem =
    visible < rows
      ? `${rows} logs were sent, but ClickHouse holds ${visible} of this run`
      : rows > 0 && (await isLost())
        ? 'The log behind which the run began is no longer in ClickHouse, and others may be gone with it'
        : null;
  if (problem !== null && began !== undefined) await writeSetBack(deps, state, began);
  return { visible, deleted: 0, warnings: [], problem };
}

async function writeSetBack(
  { store }: ActivityDeps,
  { tenant, resource, epoch, runId, block, counts, oldestDate, cursor }: RunState,
  began: NonNullable<LogsCursor['began']>,
): Promise<void> {
  const run = { from: began.from, fromId: began.logId, fromDate: began.date, rows: counts.rows, since: oldestDate };
  const overlapRefused = cursor?.kind === 'logs' && cursor.overlapRefused;
  // Above all blocks of an attempt whose end nobody has heard of.
  const last = { epoch, block: block + BLOCKS_OF_AN_ACTIVITY };
  const written = { tenant, resource, runId, ...last, snapshotAt: null, rowsHeld: 0, overlapRefused };
  await store.writeCheckpoint(setBack({ ...written, cursor: '', lastId: '', lastDate: null }, run));
}

/** Every log of the interval that the tenant has is there, whoever wrote it. */
async function reconcileBackfill(deps: ActivityDeps, state: RunState, cursor: LogsWindowCursor): Promise<Reconciled> {
  const { first, last, window } = cursor;
  // Those that were too large are read past, and named.
  const seen = cursor.seen - (state.lost ?? 0);
  if (first === null || last === null) return { visible: 0, deleted: 0, warnings: [], problem: null, refilled: 0 };
  const ids = { first, last };
  let held = await deps.store.countLogsBetween(state.tenant, ids, window);
  // Logs without a readable date are held under 1970.
  if (held < seen) held = await deps.store.countLogsBetween(state.tenant, ids, null);
  const visible = Math.min(held, seen);
  if (held < seen) {
    const problem = `The tenant has ${seen} logs in ${windowText(window)}, but ClickHouse holds ${held} of them`;
    return { visible, deleted: 0, warnings: [], problem };
  }
  return { visible, deleted: 0, warnings: [], problem: null, refilled: await refillGaps(deps, state, ids) };
}

/**
 * Marks the gaps that lie between two logs which the backfill has read. The tenant drops the oldest logs first: where
 * it still had the last log before a gap, it had all that followed.
 */
async function refillGaps(deps: ActivityDeps, { tenant }: RunState, read: { first: string; last: string }) {
  const gaps = await deps.store.openGaps(tenant);
  const filled = gaps.filter(
    ({ from, to }) => compareLogIds(read.first, from) <= 0 && compareLogIds(to, read.last) <= 0,
  );
  for (const gap of filled) await deps.store.markRefilled(tenant, gap);
  return filled.length;
}

async function writeSnapshotCheckpoint(
  deps: ActivityDeps,
  state: RunState,
  { isWhole, tookMs }: { isWhole: boolean; tookMs: number },
): Promise<void> {
  const { store } = deps;
  const { tenant, resource, epoch, runId, block } = state;
  const before = await store.readCheckpoint(tenant, resource);
  // A record that says it changes only later cannot say how far the tenant has come.
  const newest = await store.newestChange(tenant, resource, Math.min(state.serverTime ?? epoch, epoch) + tookMs);
  const watermarkBefore = parseInstant(before?.cursor);
  const watermark = watermarkOf({
    newest,
    tookMs,
    epoch,
    serverTime: state.serverTime,
    before: before && watermarkBefore !== undefined ? { watermark: watermarkBefore, epoch: before.epoch } : null,
  });
  await store.writeCheckpoint({
    tenant,
    resource,
    epoch,
    block,
    runId,
    cursor: watermark === null ? '' : new Date(watermark).toISOString(),
    lastId: '',
    lastDate: null,
    snapshotAt: isWhole ? new Date(epoch).toISOString() : (before?.snapshotAt ?? null),
    // Fewer than there were: the next run takes a snapshot, which no count of today may hide from it.
    rowsHeld: Math.max(before?.rowsHeld ?? 0, await store.countHeld(tenant, resource)),
    overlapRefused: false,
  });
}
