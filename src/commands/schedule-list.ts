import type { Client } from '@temporalio/client';
import { openClickHouse } from '../clickhouse/client.js';
import type { Config } from '../config/config.js';
import { SCHEDULE_RESOURCE, scheduleId } from '../contracts/names.js';
import { spanText } from '../contracts/schedule-spec.js';
import { MISSING, type Staleness, staleness } from '../contracts/stale.js';
import { mapLimited } from '../parallel.js';
import { readRuns, type ScheduleRuns } from '../temporal/schedule-runs.js';
import { type ListedSchedule, listSchedules, listStrays, type StraySchedule } from '../temporal/schedules.js';
import { wantedSchedules } from '../temporal/wanted.js';
import { type CommonFlags, configOf, openOutput, openTemporal, type Reached, settingsOf } from './context.js';
import { describeFailure, EXIT } from './failure.js';
import { type GoodRuns, readGoodRuns } from './good-runs.js';
import { refuseOldClickHouse } from './old-clickhouse.js';
import { perTenant, TENANTS_AT_ONCE } from './per-tenant.js';
import { alignColumns } from './terminal.js';

/** A schedule with what became of its runs. */
type Shown = Omit<ListedSchedule, 'recent' | 'tenant'> &
  Staleness & {
    lastRun: ScheduleRuns['last'];
    /** End of the last good run of the kind, by whomever it was started, ISO 8601; null: none is known. */
    lastGoodRunAt: string | null;
  };

interface TenantSchedules {
  tenant: string;
  schedules: Shown[];
  /** Schedules that the settings ask for and that do not exist. */
  missing: { schedule: string; resource: string; scheduleId: string; why: string }[];
}

/** Shows the schedules that exist, with their last and next runs, what is stale, and what should be there and is not. */
export async function scheduleList(flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  await refuseOldClickHouse(config);
  const { client, close, reached } = await openTemporal(config);
  try {
    const { goodRuns, problem } = await askLedger(config, reached);
    const now = Date.now();
    const tenants = await mapLimited(reached.tenants, TENANTS_AT_ONCE, (tenant) =>
      showTenant(client, config, reached, tenant, goodRuns, now),
    );
    // With --tenant nothing is asked about the others.
    const strays = flags.tenant === undefined ? await listStrays(client, reached.tenants) : [];
    const { terminal } = output;
    for (const row of alignColumns(tenants.flatMap(({ schedules }) => schedules.map((entry) => rowOf(entry)))))
      terminal.line(row);
    for (const text of [...tenants.flatMap((entry) => warningsOf(entry)), ...strays.map((stray) => strayText(stray))])
      terminal.line(terminal.colors.yellow(text));
    if (problem !== null) terminal.line(terminal.colors.yellow(problem));
    output.result({ ...perTenant(tenants), notConfigured: strays });
    return EXIT.done;
  } finally {
    await close();
  }
}

async function showTenant(
  client: Client,
  config: Config,
  reached: Reached,
  tenant: string,
  goodRuns: GoodRuns | null,
  now: number,
): Promise<TenantSchedules> {
  const listed = await listSchedules(client, tenant);
  const schedules = await Promise.all(
    listed.map(async ({ recent, tenant: _same, ...entry }): Promise<Shown> => {
      const { last, lastGoodEndedAt } = await readRuns(client, { recent });
      const good = Math.max(goodRuns?.(tenant, entry.schedule) ?? 0, Date.parse(lastGoodEndedAt ?? '') || 0);
      const judged = judge(entry, good > 0 ? good : null, now);
      return { ...entry, lastRun: last, lastGoodRunAt: good > 0 ? new Date(good).toISOString() : null, ...judged };
    }),
  );
  // Elsewhere the tenant may be configured in another way.
  const isOurs = reached.stack !== null || config.tenants.some(({ name }) => name === tenant);
  const missing = isOurs
    ? wantedSchedules(settingsOf(config, tenant)).filter(
        ({ schedule, spec }) => spec !== null && !listed.some((entry) => entry.schedule === schedule),
      )
    : [];
  return {
    tenant,
    schedules,
    missing: missing.map(({ schedule }) => ({
      schedule,
      resource: SCHEDULE_RESOURCE[schedule],
      scheduleId: scheduleId(tenant, schedule),
      why: MISSING,
    })),
  };
}

function judge(entry: Pick<Shown, 'everyMs' | 'next' | 'paused' | 'createdAt'>, good: number | null, now: number) {
  const { everyMs, next, paused, createdAt } = entry;
  // Somebody has given it an end.
  if (everyMs === null)
    return { stale: true, why: next === null ? 'it has no next run' : 'it has only one more run' } as const;
  const created = Date.parse(createdAt);
  return staleness({ everyMs, lastGoodRunEndedAt: good, scheduleExists: true, paused, createdAt: created, now });
}

/** The ledger knows also of good runs that no schedule has started, and of those that Temporal has forgotten. */
async function askLedger(
  config: Config,
  { clickhouse }: Reached,
): Promise<{ goodRuns: GoodRuns | null; problem: string | null }> {
  if (clickhouse === null)
    return { goodRuns: null, problem: 'CLICKHOUSE_URL is not set: good runs are those that Temporal remembers' };
  const client = openClickHouse({ ...config.clickhouse, url: clickhouse.url });
  try {
    return { goodRuns: await readGoodRuns(client, clickhouse.database), problem: null };
  } catch (error) {
    const { message } = describeFailure(error);
    return { goodRuns: null, problem: `Good runs are those that Temporal remembers: ${message}` };
  } finally {
    await client.close();
  }
}

function rowOf(entry: Shown): string[] {
  const { lastRun, skipped, missed, buffered } = entry;
  const zone = entry.timezone === 'UTC' ? '' : ` ${entry.timezone}`;
  const spread = entry.jitterMs > 0 ? `, up to ${spanText(entry.jitterMs)} later` : '';
  return [
    `  ${entry.scheduleId}`,
    `${entry.times}${zone}${spread}`,
    lastRun === null ? 'last never' : `last ${lastRun.outcome} ${lastRun.startedAt}`,
    entry.paused ? `paused${entry.note === null ? '' : ` (${entry.note})`}` : `next ${entry.next ?? 'never'}`,
    `${skipped} skipped, ${missed} missed${buffered > 0 ? `, ${buffered} waiting` : ''}`,
  ];
}

function warningsOf({ tenant, schedules, missing }: TenantSchedules): string[] {
  const none = schedules.length === 0 && missing.length === 0;
  return [
    ...(none ? [`No schedules for ${tenant}: make them with schedule apply`] : []),
    ...missing.map(({ scheduleId: id, why }) => `  ${id} is missing: ${why}`),
    ...schedules.flatMap(({ scheduleId: id, why }) => (why === null ? [] : [`  ${id} is stale: ${why}`])),
    ...schedules.flatMap(({ scheduleId: id, lastRun }) =>
      lastRun?.error ? [`  ${id}: the last run failed: ${lastRun.error}`] : [],
    ),
  ];
}

function strayText({ scheduleId: id, tenant, paused }: StraySchedule): string {
  const state = paused ? 'paused' : 'runs';
  return `  ${id} is not configured here, but exists (${state}): schedule delete --tenant ${tenant} deletes it`;
}
