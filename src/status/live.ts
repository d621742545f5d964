import type { Client } from '@temporalio/client';
import { RESOURCES } from '../contracts/names.js';
import type { ExtractTenantInput } from '../contracts/types.js';
import type { TenantSettings } from '../config/config.js';
import { parseInstant } from '../resources/columns.js';
import type { LiveProgress } from '../temporal/sync-run.js';
import { askRuns } from './collect.js';
import { createPaceMeter } from './progress.js';
import { type Answer, combine, type HeldFacts, type ResourceStatus, type TenantRuns } from './status.js';

/** What a sync is about, as far as its display needs it. */
export interface LiveRequest {
  input: Pick<ExtractTenantInput, 'resources'>;
  askHeld?: (tenants: readonly string[]) => Promise<ReadonlyMap<string, HeldFacts>>;
}

/** A tenant of the sync. */
export interface LiveTenant {
  name: string;
  settings: TenantSettings;
}

/** Counting what is held reads the tables, so it is asked for less often than how far the runs are. */
const HELD_EVERY_MS = 5_000;
/** Clocks differ a little, and a run may begin just before the sync that it belongs to. */
const BEFORE_START_MS = 2_000;

/**
 * Looks at a sync over and over: the same rows as `status` shows. `startedAt`: when the sync began; a run that had ended
 * before is an earlier one. A part that does not answer leaves its cells empty.
 */
export function createLiveLook(client: Client, request: LiveRequest, startedAt: number) {
  const meter = createPaceMeter();
  let held: Answer<HeldFacts> = { problem: 'not asked yet' };
  let heldAt = -Infinity;

  const askAgain = async (names: readonly string[]): Promise<void> => {
    if (request.askHeld === undefined || Date.now() - heldAt < HELD_EVERY_MS) return;
    heldAt = Date.now();
    held = await request.askHeld(names).then(
      (of): Answer<HeldFacts> => ({ problem: null, of }),
      (): Answer<HeldFacts> => ({ problem: 'no answer' }),
    );
  };

  return async (tenants: readonly LiveTenant[]): Promise<{ tenant: string; entry: ResourceStatus }[]> => {
    const names = tenants.map(({ name }) => name);
    // The first answer is waited for by nobody: the runs are what people look at.
    void askAgain(names);
    const temporal: Answer<TenantRuns> = await askRuns(client, names, { ended: true, schedules: false }).then(
      (of): Answer<TenantRuns> => ({ problem: null, of }),
      (): Answer<TenantRuns> => ({ problem: 'no answer' }),
    );
    const now = Date.now();
    const liveOf = (tenant: string, resource: (typeof RESOURCES)[number]): LiveProgress | null =>
      temporal.problem === null ? (temporal.of.get(tenant)?.live[resource] ?? null) : null;
    for (const name of names)
      for (const resource of RESOURCES) meter.look(`${name} ${resource}`, liveOf(name, resource), now);
    const report = combine({
      now,
      tenants,
      temporal,
      clickhouse: held,
      tables: null,
      paceOf: (tenant, resource) => meter.pace(`${tenant} ${resource}`) ?? 'measuring',
      // Whether schedules run is not asked for here.
      staleness: () => ({ stale: false }),
    });
    return report.tenants.flatMap(({ tenant, resources }, i) => {
      const wanted = request.input.resources ?? tenants[i]?.settings.resources ?? [];
      return resources
        .filter(({ resource }) => wanted.includes(resource))
        .map((entry) => ({ tenant, entry: asPartOfSync(entry, liveOf(tenant, entry.resource), startedAt) }));
    });
  };
}

/** The run of a sync is waited for, under way or done; what an earlier one did is no part of it. */
function asPartOfSync(entry: ResourceStatus, live: LiveProgress | null, startedAt: number): ResourceStatus {
  const quiet = { lastRun: null, nextRun: null, lagMs: null };
  if (live?.running) return { ...entry, ...quiet };
  const began = parseInstant(live?.progress?.startedAt) ?? 0;
  if (began >= startedAt - BEFORE_START_MS) {
    // What was held is asked less often than how far the run is.
    const rows = entry.rows === null ? null : Math.max(entry.rows, live?.progress?.rows ?? 0);
    return { ...entry, ...quiet, rows, state: 'done' };
  }
  return { ...entry, ...quiet, state: 'waiting', runRows: null, total: null };
}
