import type { ClickHouseClient } from '@clickhouse/client';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { identifier } from '../clickhouse/client.js';
import { classifyClickHouseError } from '../clickhouse/errors.js';
import type { Config } from '../config/config.js';
import type { ShownPause } from '../contracts/control.js';
import { RESOURCES, type ResourceName } from '../contracts/names.js';
import { resources } from '../resources/index.js';
import { connectTemporal } from '../temporal/connect.js';
import { listSchedules, type ListedSchedule } from '../temporal/schedules.js';
import { type LiveProgress, readProgress } from '../temporal/sync-run.js';
import { type CommonFlags, configOf, openOutput, reach, settingsOf, theTenant } from './context.js';
import { openDestination } from './destination.js';
import { describeFailure, EXIT } from './failure.js';
import { alignColumns, count, duration } from './terminal.js';

/** What is known of one resource. Null: not known, since the part that knows it is down. */
interface ResourceStatus {
  resource: ResourceName;
  state: 'running' | 'retrying' | 'paused' | 'idle' | 'never run' | 'unknown';
  rows: number | null;
  /** Newest record held against now. */
  lagMs: number | null;
  cursor: string | null;
  /** Logs: how long ago the end of the log was last reached, or what the cursor points at happened. */
  cursorAgeMs: number | null;
  /** Logs: how long the tenant keeps them (AUTH0_LOG_RETENTION_DAYS). */
  retentionMs: number | null;
  gaps: number | null;
  lastRun: { status: string; endedAt: string | null; error: string | null } | null;
  retrying: string | null;
  paused: ShownPause | null;
  nextRun: string | null;
}

/** A line a resource: what it is doing, how far behind it is, what went wrong. */
export async function status(flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const tenant = theTenant(reach(config));
  const [temporal, held] = await Promise.all([askTemporal(config, tenant), askDestination(config, tenant)]);
  const statuses = RESOURCES.map((resource) =>
    combine(resource, temporal, held, settingsOf(config, tenant).extract.logRetentionMs),
  );

  const { terminal } = output;
  terminal.line(`Tenant ${tenant}`);
  for (const row of alignColumns(
    statuses.map((entry) => statusRow(entry)),
    [2],
  ))
    terminal.line(row);
  for (const entry of statuses) {
    const { resource, lastRun, retrying } = entry;
    const age = cursorAge(entry);
    if (age !== null)
      terminal.line(
        entry.cursorAgeMs !== null && entry.retentionMs !== null && entry.cursorAgeMs > entry.retentionMs / 2
          ? terminal.colors.yellow(age)
          : age,
      );
    for (const text of [pausedText(entry), lastRun?.error, retrying])
      if (text) terminal.line(terminal.colors.yellow(`  ${resource}: ${text}`));
  }
  for (const problem of [temporal.problem, held.problem])
    if (problem !== null) terminal.line(terminal.colors.yellow(problem));
  output.result({
    tenant,
    temporal: temporal.problem ?? 'up',
    clickhouse: held.problem ?? 'up',
    resources: Object.fromEntries(statuses.map(({ resource, ...rest }) => [resource, rest])),
  });
  return temporal.problem === null && held.problem === null ? EXIT.done : EXIT.failed;
}

interface FromTemporal {
  problem: string | null;
  live: Partial<Record<ResourceName, LiveProgress | null>>;
  schedules: ListedSchedule[];
}

async function askTemporal(config: Config, tenant: string): Promise<FromTemporal> {
  const nothing = { live: {}, schedules: [] };
  const { temporal } = reach(config);
  if (temporal === null)
    return { ...nothing, problem: 'Temporal is not running: start it with npm start, or set TEMPORAL_ADDRESS' };
  try {
    const { client, close } = await connectTemporal(temporal);
    try {
      return { problem: null, ...(await readRuns(client, tenant)) };
    } finally {
      await close();
    }
  } catch (error) {
    return { ...nothing, problem: describeFailure(error).message };
  }
}

async function readRuns(client: Client, tenant: string) {
  const [schedules, ...live] = await Promise.all([
    listSchedules(client, tenant),
    ...RESOURCES.map((resource) => readProgress(client, tenant, resource)),
  ]);
  return { schedules, live: Object.fromEntries(RESOURCES.map((resource, i) => [resource, live[i] ?? null])) };
}

const heldRow = z.object({
  rows: z.coerce.number(),
  newest: z.coerce.number(),
  cursor: z.string(),
  cursor_at: z.coerce.number(),
  completed_at: z.coerce.number(),
  gaps: z.coerce.number(),
  run_status: z.string(),
  run_ended: z.string().nullable(),
  run_error: z.string(),
});

interface FromDestination {
  problem: string | null;
  rows: Partial<Record<ResourceName, z.infer<typeof heldRow>>>;
}

async function askDestination(config: Config, tenant: string): Promise<FromDestination> {
  try {
    const destination = await openDestination(config);
    try {
      const rows = await Promise.all(
        RESOURCES.map((resource) => readHeld(destination.client, config, tenant, resource)),
      );
      return { problem: null, rows: Object.fromEntries(RESOURCES.map((resource, i) => [resource, rows[i]])) };
    } finally {
      await destination.close();
    }
  } catch (error) {
    return { problem: describeFailure(error).message, rows: {} };
  }
}

/** The column that tells how new a resource's newest record is. */
const NEWEST = { logs: 'date', users: 'updated_at', clients: 'inserted_at' } as const satisfies Record<
  ResourceName,
  string
>;

async function readHeld(client: ClickHouseClient, config: Config, tenant: string, resource: ResourceName) {
  const table = (name: string) => `${identifier(config.clickhouse.database)}.${identifier(name)}`;
  const mine = 'tenant = {tenant:String}';
  const ours = `${mine} AND resource = {resource:String}`;
  const query = `SELECT
    (SELECT count() FROM ${table(resource)} WHERE ${mine}) AS rows,
    (SELECT toUnixTimestamp64Milli(coalesce(max(${NEWEST[resource]}), toDateTime64(0, 3))) FROM ${table(resources[resource].table)} WHERE ${mine}) AS newest,
    (SELECT any(cursor) FROM ${table('pipeline_checkpoints')} WHERE ${ours}) AS cursor,
    (SELECT toUnixTimestamp64Milli(coalesce(any(last_date), any(snapshot_at), toDateTime64(0, 3))) FROM ${table('pipeline_checkpoints')} WHERE ${ours}) AS cursor_at,
    (SELECT count() FROM ${table('pipeline_gaps')} WHERE ${ours} AND NOT refilled) AS gaps,
    toUnixTimestamp64Milli(maxIf(started_at, status = 'completed')) AS completed_at,
    argMax(status, started_at) AS run_status, toString(argMax(ended_at, started_at)) AS run_ended, argMax(error, started_at) AS run_error
    FROM ${table('pipeline_runs')} WHERE ${ours} AND mode != 'logs-backfill'`;
  try {
    const answer = await client.query({ query, format: 'JSONEachRow', query_params: { tenant, resource } });
    return z.array(heldRow).parse(await answer.json())[0];
  } catch (error) {
    throw classifyClickHouseError(error);
  }
}

function combine(
  resource: ResourceName,
  temporal: FromTemporal,
  held: FromDestination,
  retentionMs: number | null,
): ResourceStatus {
  const live = temporal.live[resource];
  const row = held.rows[resource];
  const age = (at: number | undefined) => (at === undefined || at === 0 ? null : Math.max(0, Date.now() - at));
  const hasRun = row !== undefined && row.run_status !== '';
  return {
    resource,
    state: stateOf(temporal, live, hasRun),
    rows: row?.rows ?? null,
    lagMs: age(row?.newest),
    cursor: row?.cursor || null,
    cursorAgeMs: age(Math.max(row?.cursor_at ?? 0, row?.completed_at ?? 0)),
    retentionMs: resource === 'logs' ? retentionMs : null,
    gaps: row?.gaps ?? null,
    // A run that was terminated, or lost with its server, could not write its end down.
    lastRun: hasRun
      ? {
          status: row.run_status === 'running' && live && !live.running ? 'interrupted' : row.run_status,
          endedAt: row.run_ended,
          error: row.run_error || null,
        }
      : null,
    retrying: live?.retrying ? `attempt ${live.retrying.attempt} of 8: ${live.retrying.message}` : null,
    paused: live?.running ? (live.progress?.paused ?? null) : null,
    nextRun: nextOf(temporal.schedules.filter((entry) => entry.resource === resource && !entry.paused)),
  };
}

/** Users have two schedules: the one that comes first counts. */
function nextOf(schedules: readonly ListedSchedule[]): string | null {
  return schedules.flatMap(({ next }) => (next === null ? [] : [next])).sort()[0] ?? null;
}

function stateOf(
  temporal: FromTemporal,
  live: LiveProgress | null | undefined,
  hasRun: boolean,
): ResourceStatus['state'] {
  if (temporal.problem !== null) return 'unknown';
  if (live?.running) return live.progress?.paused ? 'paused' : live.retrying ? 'retrying' : 'running';
  return live || hasRun ? 'idle' : 'never run';
}

function pausedText({ paused }: ResourceStatus): string | null {
  if (paused === null) return null;
  const why = paused.reason === null ? '' : ` (${paused.reason})`;
  return `paused since ${paused.since}${why}: resume lets it go on`;
}

/** How much of the tenant's retention is used up: beyond it events are lost. */
function cursorAge({ resource, cursorAgeMs, retentionMs }: ResourceStatus): string | null {
  if (cursorAgeMs === null || retentionMs === null) return null;
  const days = (ms: number) => (ms / 86_400_000).toFixed(1);
  const lost = cursorAgeMs >= retentionMs ? ': events may be lost already' : '';
  return `  ${resource}: cursor is ${days(cursorAgeMs)} of ${days(retentionMs)} days old${lost}`;
}

function statusRow(entry: ResourceStatus): string[] {
  const { lastRun } = entry;
  return [
    `  ${entry.resource}`,
    entry.state,
    entry.rows === null ? '? rows' : `${count(entry.rows)} rows`,
    entry.lagMs === null ? '' : `newest ${duration(entry.lagMs)} ago`,
    entry.gaps ? `${entry.gaps} ${entry.gaps === 1 ? 'gap' : 'gaps'}` : '',
    lastRun === null ? '' : `last run ${lastRun.status}`,
    entry.nextRun === null ? '' : `next ${entry.nextRun}`,
  ];
}
