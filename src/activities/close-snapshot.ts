import type { Snapshot } from '../clickhouse/snapshots.js';
import type { RunState } from '../contracts/types.js';
import type { Reconciled } from './close-run.js';
import { type ActivityDeps, tenantOf } from './deps.js';
import { doubtOf, type Earlier, hasRepeats, type Proof, proofOf, type Reading, rowsUpTo } from './snapshot-proof.js';

/** So many records may always be marked as deleted: a share says little about a small tenant. */
const DELETES_ALWAYS_ALLOWED = 100;

/**
 * Counts what a run over a whole list has brought. Each id that was seen has a row; and where the list is proven whole,
 * what it no longer holds is marked as deleted.
 */
export async function reconcileSnapshot(deps: ActivityDeps, state: RunState): Promise<Reconciled> {
  const { tenant, resource, runId, counts, mode } = state;
  const { snapshots } = deps;
  const snapshot: Snapshot = { tenant, resource, runId };
  const { seen, nameless } = counts.rows === 0 ? { seen: 0, nameless: 0 } : await snapshots.countSeen(snapshot);
  const lost = counts.rows === 0 ? 0 : await snapshots.countLost(snapshot);
  const nothing = { visible: seen - lost, deleted: 0, warnings: [] };
  if (lost > 0)
    return { ...nothing, problem: `${seen} ${resource} were sent, but ClickHouse holds no row of ${lost} of them` };
  if (mode === 'users-changed') return { ...nothing, problem: null, isWhole: false };

  const reading = readingOf(state, { seen, nameless });
  const doubt = doubtOf(reading);
  const before = doubt === null ? null : await readingBefore(deps, state);
  const proof = proofOf(reading, before);
  const isMiscounted = doubt !== null && reading.totals !== null && reading.nameless === 0;
  const told = isMiscounted ? [tellDoubt(resource, doubt, proof, before?.missing ?? 0)] : [];
  const deletes = await deleteVanished(deps, state, proof, {
    ...snapshot,
    ...(proof.by === 'reading' && before && { earlierRunId: before.runId }),
  });
  return {
    ...nothing,
    ...deletes,
    problem: null,
    warnings: [...told, ...deletes.warnings],
    // Until two readings agree, each run takes another one.
    isWhole: !isMiscounted || (before?.returned === 0 && before.missing === 0),
  };
}

/**
 * Whether pages that were read to their end add up to what the tenant counts, so that there is no need to read the
 * list another way. A list that it has shown before, and counted wrongly then as well, adds up too.
 */
export async function addsUp(
  deps: ActivityDeps,
  state: Pick<RunState, 'tenant' | 'resource' | 'runId' | 'epoch' | 'cursor'>,
  total: number,
): Promise<boolean> {
  const { tenant, resource, runId } = state;
  const { seen } = await deps.snapshots.countSeen({ tenant, resource, runId });
  const reading: Reading = {
    ...rowsUpTo(state.cursor),
    seen,
    nameless: 0,
    inOnePiece: false,
    totals: { least: total, most: total },
  };
  if (seen + reading.nonRecords >= total) return true;
  if (hasRepeats(reading)) return false;
  const before = await readingBefore(deps, state);
  return before?.missing === 0 && before.returned === 0;
}

function readingOf(state: RunState, seen: { seen: number; nameless: number }): Reading {
  const { mode, total, exportLines, exportNonRecords = 0 } = state;
  const inOnePiece = mode === 'users-export';
  const { rows, nonRecords } = inOnePiece
    ? { rows: exportLines, nonRecords: exportNonRecords }
    : rowsUpTo(state.cursor);
  // A run that an earlier version has begun knows its last total only.
  const totals = state.totals ?? (total === null ? null : { least: total, most: total });
  return { rows, seen: seen.seen, nameless: seen.nameless + nonRecords, nonRecords, inOnePiece, totals };
}

async function readingBefore(
  { store, snapshots }: ActivityDeps,
  { tenant, resource, runId, epoch }: Pick<RunState, 'tenant' | 'resource' | 'runId' | 'epoch'>,
): Promise<(Earlier & { runId: string }) | null> {
  const earlierRunId = await store.lastSnapshot(tenant, resource, epoch);
  if (earlierRunId === null) return null;
  return { runId: earlierRunId, ...(await snapshots.compare({ tenant, resource, runId, earlierRunId })) };
}

function tellDoubt(resource: string, doubt: string, { by }: Proof, missing: number): string {
  const what = `The numbers of ${resource} do not fit: ${doubt}`;
  if (by === null)
    return `${what}. What it lists is stored; nothing is marked as deleted until a second reading agrees`;
  if (missing === 0) return `${what}. Two readings in a row agree, so the list is believed`;
  return `${what}. ${missing} that the reading before had are not marked as deleted until the next one agrees`;
}

async function deleteVanished(
  deps: ActivityDeps,
  state: RunState,
  proof: Proof,
  snapshot: Snapshot,
): Promise<Pick<Reconciled, 'deleted' | 'deletesWaiting' | 'warnings'>> {
  const { resource } = state;
  const { live, vanished } = await deps.snapshots.countVanished(snapshot);
  if (vanished === 0) return { deleted: 0, warnings: [] };
  if (proof.by === null) {
    return {
      deleted: 0,
      warnings: [`${vanished} ${resource} are no longer listed; they are not marked as deleted: ${proof.why}`],
    };
  }
  const allowed = Math.max(
    DELETES_ALWAYS_ALLOWED,
    Math.floor(live * tenantOf(deps, state.tenant).extract.maxDeleteShare),
  );
  if (vanished > allowed && !state.acceptDeletes) {
    const advice = `more than MAX_DELETE_SHARE allows (${allowed}). If that is right: sync --accept-deletes --resources ${resource}`;
    return {
      deleted: 0,
      deletesWaiting: vanished,
      warnings: [`${vanished} of ${live} ${resource} are no longer there, ${advice}`],
    };
  }
  await deps.snapshots.writeTombstones(snapshot);
  return { deleted: vanished, warnings: [] };
}
