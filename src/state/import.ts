import type { StateRows } from '../clickhouse/state-rows.js';
import { ExtractError } from '../contracts/errors.js';
import type { ResourceName } from '../contracts/names.js';
import type { StateCheckpoint, StateGap, TenantState } from './document.js';

/** What an import needs. */
export interface ImportDeps {
  rows: StateRows;
  /** Whether a run of the resource is under way; null where nobody can be asked. */
  isRunning: (tenant: string, resource: ResourceName) => Promise<boolean | null>;
  now: () => number;
}

/** What an import did to one tenant. */
export interface ImportedTenant {
  tenant: string;
  checkpoints: Partial<Record<ResourceName, 'imported' | 'replaced' | 'unchanged'>>;
  /** Gaps that were added; those that the destination knows already are left as they are. */
  gaps: number;
}

/**
 * Writes the state of tenants into a destination: all of it or, where anything speaks against it, nothing. A checkpoint
 * that is there already and differs is replaced only with `force`. Throws ExtractError (Configuration) that says what
 * speaks against it.
 */
export async function importState(
  { rows, isRunning, now }: ImportDeps,
  states: readonly TenantState[],
  { force }: { force: boolean },
): Promise<ImportedTenant[]> {
  const present = new Map(
    (await rows.read(states.map(({ tenant }) => tenant))).map((state) => [state.tenant, state] as const),
  );
  const plans = states.map((state) => planOf(state, present.get(state.tenant)));
  const problems: string[] = [];
  for (const { tenant, writes } of plans) {
    for (const { checkpoint, before } of writes) {
      const { resource } = checkpoint;
      if ((await isRunning(tenant, resource)) === true)
        problems.push(`a run of ${resource} of ${tenant} is under way: wait for its end, or cancel it`);
      if (before !== null && !force)
        problems.push(
          `${resource} of ${tenant} has ${isNewer(before, checkpoint) ? 'a newer' : 'another'} checkpoint (${textOf(before)}): --force replaces it`,
        );
    }
  }
  if (problems.length > 0)
    throw new ExtractError('Configuration', `Nothing was imported: ${[...new Set(problems)].join('; ')}`);

  const at = now();
  const runId = `import-${new Date(at).toISOString()}`;
  for (const { tenant, writes, gaps } of plans) {
    // A checkpoint without its gaps would be a copy that looks whole.
    await rows.writeGaps(tenant, gaps, at);
    for (const { checkpoint } of writes) await rows.writeCheckpoint(tenant, checkpoint, runId, at);
  }
  return plans.map(({ tenant, writes, unchanged, gaps }) => ({
    tenant,
    checkpoints: Object.fromEntries([
      ...writes.map(({ checkpoint, before }) => [checkpoint.resource, before === null ? 'imported' : 'replaced']),
      ...unchanged.map((resource) => [resource, 'unchanged']),
    ]),
    gaps: gaps.length,
  }));
}

interface Plan {
  tenant: string;
  writes: { checkpoint: StateCheckpoint; before: StateCheckpoint | null }[];
  unchanged: ResourceName[];
  gaps: StateGap[];
}

function planOf(state: TenantState, present: TenantState | undefined): Plan {
  const plan: Plan = { tenant: state.tenant, writes: [], unchanged: [], gaps: [] };
  for (const checkpoint of state.checkpoints) {
    const before = present?.checkpoints.find(({ resource }) => resource === checkpoint.resource) ?? null;
    if (before !== null && isSame(before, checkpoint)) plan.unchanged.push(checkpoint.resource);
    else plan.writes.push({ checkpoint, before });
  }
  const known = new Set(present?.gaps.map((gap) => keyOf(gap)));
  plan.gaps = state.gaps.filter((gap) => !known.has(keyOf(gap)));
  return plan;
}

/** A gap is one row in the destination by where it begins. */
function keyOf({ resource, from }: StateGap): string {
  return `${resource} ${from}`;
}

function isSame(a: StateCheckpoint, b: StateCheckpoint): boolean {
  return a.cursor === b.cursor && a.snapshotAt === b.snapshotAt && lastIdOf(a) === lastIdOf(b);
}

function lastIdOf(checkpoint: StateCheckpoint): string {
  return checkpoint.resource === 'logs' ? checkpoint.lastId : '';
}

function isNewer(a: StateCheckpoint, b: StateCheckpoint): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.block > b.block);
}

function textOf({ cursor, snapshotAt }: StateCheckpoint): string {
  return cursor || `snapshot of ${snapshotAt ?? 'an unknown time'}`;
}
