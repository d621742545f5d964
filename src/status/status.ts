import { ERRORS, isErrorKind } from '../contracts/errors.js';
import { RESOURCES, type ResourceName, type ScheduleName, schedulesOf } from '../contracts/names.js';
import type { StalenessFacts } from '../contracts/stale.js';
import type { TenantSettings } from '../config/config.js';
import type { LiveProgress } from '../temporal/sync-run.js';
import type { ListedSchedule } from '../temporal/schedules.js';
import { type MeasuredPace, type Progress, progressOf } from './progress.js';

/** What is known of one resource. Null: not known, since the part that knows it is down, or there is none. */
export interface ResourceStatus extends Progress {
  resource: ResourceName;
  state: 'running' | 'retrying' | 'paused' | 'waiting' | 'done' | 'idle' | 'never run' | 'unknown';
  /** Rows held. */
  rows: number | null;
  /** Newest record held against now, ms. */
  lagMs: number | null;
  cursor: string | null;
  /** Logs: how long ago the end of the log was last reached, or what the cursor points at happened. */
  cursorAgeMs: number | null;
  /** Logs: how long the tenant keeps them (AUTH0_LOG_RETENTION_DAYS). */
  retentionMs: number | null;
  /** Logs: time until the tenant drops what the cursor points at. 0: it may have done so. */
  timeLeftMs: number | null;
  gaps: number | null;
  /** Records whose deletes wait for a yes. */
  deletesWaiting: number | null;
  lastRun: { status: string; endedAt: string | null; error: string | null } | null;
  lastGoodRun: { endedAt: string; rows: number } | null;
  /** The last run that ended badly, with what to do; older than the last good run: it is over. */
  lastError: { kind: string; message: string; next: string | null; at: string } | null;
  retrying: string | null;
  /** `settled`: nothing is in flight any more. */
  paused: { reason: string | null; since: string | null; settled: boolean } | null;
  /** The resource's schedules; null: not known. */
  schedules:
    | {
        schedule: ScheduleName;
        /** Longest time between two runs. */
        everyMs: number | null;
        paused: boolean;
        note: string | null;
        next: string | null;
      }[]
    | null;
  nextRun: string | null;
  /** Why the resource counts as stale; null: it does not. */
  stale: string | null;
}

/** All that `status` shows, and prints with `--json`. */
export interface StatusReport {
  /** What is wrong with the part; null: it answers. */
  temporal: string | null;
  clickhouse: string | null;
  /** Which tables or views of ClickHouse are dropped or changed, and what to do; null: none, or it is not known. */
  tables: string | null;
  tenants: TenantStatus[];
}

/** A tenant's resources in the order in which they are shown. */
export interface TenantStatus {
  tenant: string;
  resources: ResourceStatus[];
}

/** What Temporal says of a tenant. */
export interface TenantRuns {
  live: Partial<Record<ResourceName, LiveProgress | null>>;
  /** Null: they were not asked for. */
  schedules: readonly ListedSchedule[] | null;
}

/** What ClickHouse says of a resource. Times are ms since 1970, 0: none. */
export interface HeldFacts {
  rows: number;
  newest: number;
  cursor: string;
  cursorAt: number;
  gaps: number;
  deletesWaiting: number;
  lastRun: { status: string; endedAt: string | null; error: string } | null;
  /** `startedAt` also bounds what the end of the log is known for. */
  lastGoodRun: { startedAt: number; endedAt: number; rows: number } | null;
  lastError: { kind: string; message: string; at: number } | null;
  /** End of the last good run that read everything there is. */
  lastSnapshotEndedAt: number;
}

/** What a part has answered, or what is wrong with it. */
export type Answer<T> = { problem: string } | { problem: null; of: ReadonlyMap<string, T> };

/** Everything that a report is made from. */
export interface Facts {
  now: number;
  tenants: readonly { name: string; settings: TenantSettings }[];
  temporal: Answer<TenantRuns>;
  /** By {@link heldKey}. */
  clickhouse: Answer<HeldFacts>;
  tables: string | null;
  /** Measured speed of a run, where there is one. */
  paceOf: (tenant: string, resource: ResourceName) => MeasuredPace;
  staleness: (facts: StalenessFacts) => { stale: boolean; why?: string | null | undefined };
}

/** Where ClickHouse's facts of a resource are kept. */
export function heldKey(tenant: string, resource: ResourceName): string {
  return `${tenant} ${resource}`;
}

/** Puts together what the parts say. One that is down hides nothing of the other. */
export function combine(facts: Facts): StatusReport {
  return {
    temporal: facts.temporal.problem,
    clickhouse: facts.clickhouse.problem,
    tables: facts.tables,
    tenants: facts.tenants.map(({ name, settings }) => ({
      tenant: name,
      resources: RESOURCES.filter((resource) => isShown(facts, name, settings, resource)).map((resource) =>
        combineOne(facts, name, settings, resource),
      ),
    })),
  };
}

/** A resource that is left out of the settings is shown where something of it is held all the same. */
function isShown(
  { clickhouse }: Facts,
  tenant: string,
  { resources }: TenantSettings,
  resource: ResourceName,
): boolean {
  if (resources.length === 0 || resources.includes(resource)) return true;
  const held = clickhouse.problem === null ? clickhouse.of.get(heldKey(tenant, resource)) : undefined;
  return held !== undefined && held.rows > 0;
}

function combineOne(facts: Facts, tenant: string, settings: TenantSettings, resource: ResourceName): ResourceStatus {
  const { now, temporal, clickhouse } = facts;
  const runs = temporal.problem === null ? temporal.of.get(tenant) : undefined;
  const live = runs?.live[resource] ?? null;
  const held = clickhouse.problem === null ? (clickhouse.of.get(heldKey(tenant, resource)) ?? NOTHING_HELD) : null;
  const schedules = runs?.schedules?.filter((entry) => entry.resource === resource) ?? null;
  const retentionMs = resource === 'logs' ? settings.extract.logRetentionMs : null;
  const cursorAgeMs = held === null ? null : age(now, Math.max(held.cursorAt, held.lastGoodRun?.startedAt ?? 0));
  const state = stateOf(runs !== undefined, live, held);
  const shown = {
    resource,
    state,
    rows: rowsHeld(held, live),
    lagMs: held === null ? null : age(now, held.newest),
    cursor: held?.cursor || null,
    cursorAgeMs,
    retentionMs,
    timeLeftMs: cursorAgeMs === null || retentionMs === null ? null : Math.max(0, retentionMs - cursorAgeMs),
    gaps: held?.gaps ?? null,
    deletesWaiting: held?.deletesWaiting ?? null,
    ...lastRunsOf(held, live),
    retrying: live?.running && live.retrying ? `attempt ${live.retrying.attempt} of 8: ${live.retrying.message}` : null,
    paused: pausedOf(live),
    schedules:
      schedules?.map(({ schedule, everyMs, paused, note, next }) => ({ schedule, everyMs, paused, note, next })) ??
      null,
    nextRun: nextOf(schedules),
    ...progressOf(live, {
      now,
      resource,
      pace: facts.paceOf(tenant, resource),
      maxRps: settings.pacing.maxRps,
    }),
  };
  return {
    ...shown,
    stale: staleOf(facts, settings, resource, { held, schedules, state, isSyncing: isSyncing(runs) }),
  };
}

/** Rows are counted less often than a run is asked: what it has stored meanwhile is held as well. */
function rowsHeld(held: HeldFacts | null, live: LiveProgress | null): number | null {
  if (held === null) return null;
  return Math.max(held.rows, live?.running ? (live.progress?.rows ?? 0) : 0);
}

const NOTHING_HELD: HeldFacts = {
  rows: 0,
  newest: 0,
  cursor: '',
  cursorAt: 0,
  gaps: 0,
  deletesWaiting: 0,
  lastRun: null,
  lastGoodRun: null,
  lastError: null,
  lastSnapshotEndedAt: 0,
};

function age(now: number, at: number): number | null {
  return at === 0 ? null : Math.max(0, now - at);
}

function stateOf(isKnown: boolean, live: LiveProgress | null, held: HeldFacts | null): ResourceStatus['state'] {
  if (!isKnown) return 'unknown';
  if (live?.running) return pausedOf(live) !== null ? 'paused' : live.retrying ? 'retrying' : 'running';
  return live !== null || held?.lastRun ? 'idle' : 'never run';
}

function pausedOf(live: LiveProgress | null): ResourceStatus['paused'] {
  const paused = live?.running ? live.progress?.paused : null;
  return paused ? { reason: paused.reason || null, since: paused.since ?? null, settled: paused.settled } : null;
}

function lastRunsOf(
  held: HeldFacts | null,
  live: LiveProgress | null,
): Pick<ResourceStatus, 'lastRun' | 'lastGoodRun' | 'lastError'> {
  const { lastRun = null, lastGoodRun = null, lastError = null } = held ?? {};
  // A run that was terminated, or lost with its server, could not write its end down.
  const isLost = lastRun?.status === 'running' && live !== null && !live.running;
  return {
    lastRun: lastRun && {
      status: isLost ? 'interrupted' : lastRun.status,
      endedAt: lastRun.endedAt,
      error: lastRun.error || null,
    },
    lastGoodRun: lastGoodRun && { endedAt: new Date(lastGoodRun.endedAt).toISOString(), rows: lastGoodRun.rows },
    lastError: lastError && {
      kind: lastError.kind,
      message: lastError.message,
      next: isErrorKind(lastError.kind) ? ERRORS[lastError.kind].next : null,
      at: new Date(lastError.at).toISOString(),
    },
  };
}

function nextOf(schedules: readonly ListedSchedule[] | null): string | null {
  const times = (schedules ?? []).filter(({ paused }) => !paused).map(({ next }) => next);
  return times.filter((next) => next !== null).toSorted()[0] ?? null;
}

/** Whether any resource of the tenant is being copied. */
function isSyncing(runs: TenantRuns | undefined): boolean {
  return Object.values(runs?.live ?? {}).some((live) => live?.running === true);
}

interface StalenessOf {
  held: HeldFacts | null;
  schedules: readonly ListedSchedule[] | null;
  state: ResourceStatus['state'];
  isSyncing: boolean;
}

function staleOf(
  { now, staleness }: Facts,
  settings: TenantSettings,
  resource: ResourceName,
  { held, schedules, state, isSyncing }: StalenessOf,
): string | null {
  // A run that moves is no silence, however long it takes. Without ClickHouse nobody knows when one was good.
  if (state === 'running' || state === 'paused' || held === null) return null;
  if (settings.resources.length > 0 && !settings.resources.includes(resource)) return null;
  for (const schedule of schedulesOf([resource])) {
    const spec = settings.schedules.specs[schedule];
    const entry = schedules?.find((one) => one.schedule === schedule);
    if (spec === null && entry === undefined) continue;
    const { stale, why } = staleness({
      // Of a cron expression only the server knows the times; that its schedule is missing is seen all the same.
      everyMs: entry?.everyMs ?? (spec?.kind === 'every' ? spec.everyMs : Infinity),
      lastGoodRunEndedAt: (schedule === 'users' ? held.lastSnapshotEndedAt : held.lastGoodRun?.endedAt) || null,
      // Not known is not gone, and `up` makes the schedules after its first sync.
      scheduleExists: entry !== undefined || schedules === null || isSyncing,
      paused: entry?.paused ?? false,
      createdAt: entry === undefined ? null : Date.parse(entry.createdAt),
      now,
    });
    if (stale) return `${schedule === resource ? '' : `${schedule}: `}${why ?? 'no good run for a long time'}`;
  }
  return null;
}

/** Whether all is well: nothing is down, no resource has failed, none is stale. Silence is never green. */
export function isFine({ temporal, clickhouse, tables, tenants }: StatusReport): boolean {
  if (temporal !== null || clickhouse !== null || tables !== null) return false;
  return tenants.every(({ resources }) => resources.every((entry) => entry.stale === null && !hasFailed(entry)));
}

/** Whether a resource's last run ended badly, and nothing is being done about it at the moment. */
export function hasFailed({ lastRun, state }: ResourceStatus): boolean {
  return state !== 'running' && (lastRun?.status === 'failed' || lastRun?.status === 'unavailable');
}

/** The document of `status --json`: scripts rely on its fields. */
export function statusDocument(report: StatusReport): Record<string, unknown> {
  const parts = { temporal: report.temporal ?? 'up', clickhouse: report.clickhouse ?? 'up', tables: report.tables };
  const tenants = report.tenants.map(({ tenant, resources }) => ({
    tenant,
    resources: Object.fromEntries(resources.map(({ resource, ...rest }) => [resource, rest])),
  }));
  const status = isFine(report) ? 'ok' : 'failed';
  const [only] = tenants;
  if (only !== undefined && tenants.length === 1)
    return { tenant: only.tenant, status, ...parts, resources: only.resources };
  return { status, ...parts, tenants };
}
