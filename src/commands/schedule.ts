import type { Client } from '@temporalio/client';
import type { Config } from '../config/config.js';
import { RESOURCES, SCHEDULE_RESOURCE, type ScheduleName, scheduleId, schedulesOf } from '../contracts/names.js';
import { spanText } from '../contracts/schedule-spec.js';
import { mapLimited } from '../parallel.js';
import {
  type AppliedSchedule,
  applySchedules,
  deleteSchedule,
  pauseSchedule,
  resumeSchedule,
} from '../temporal/schedules.js';
import { serverTrouble } from '../temporal/slow-server.js';
import { wantedSchedules } from '../temporal/wanted.js';
import { type CommonFlags, configOf, openOutput, openTemporal, parseResources, reach, settingsOf } from './context.js';
import { EXIT, describeFailure, tellProblem } from './failure.js';
import { refuseOldClickHouse } from './old-clickhouse.js';
import { perTenant, TENANTS_AT_ONCE } from './per-tenant.js';
import { alignColumns } from './terminal.js';

export interface ScheduleFlags extends CommonFlags {
  resources?: string;
}

/** Makes the schedules of the configuration true, or with `--dry-run` says what that would change. */
export async function scheduleApply(flags: ScheduleFlags & { dryRun?: boolean }): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const resources = parseResources(flags.resources);
  const dryRun = flags.dryRun === true;
  await refuseOldClickHouse(config);
  const { client, close, reached, searchAttributes } = await openTemporal(config);
  try {
    const applied = await mapLimited(reached.tenants, TENANTS_AT_ONCE, async (tenant) => ({
      tenant,
      schedules: await applySchedules(
        client,
        config.temporal.taskQueue,
        tenant,
        wantedSchedules(settingsOf(config, tenant), resources),
        { dryRun, searchAttributes },
      ),
    }));
    const all = applied.flatMap(({ schedules }) => schedules);
    const rows = alignColumns(all.map((entry) => [`  ${entry.scheduleId}`, entry.action, intervalText(entry)]));
    for (const [i, { changes, error }] of all.entries()) {
      output.terminal.line(rows[i]);
      if (error !== undefined) output.terminal.line(output.terminal.colors.yellow(`      ${error}`));
      for (const { field, from, to } of changes) output.terminal.line(`      ${field}: ${from} → ${to}`);
    }
    if (dryRun) output.terminal.line('Nothing was changed (--dry-run).');
    output.result(perTenant(applied));
    return endWith(all.filter(({ error }) => error !== undefined).length, all.length, 'applied');
  } finally {
    await close();
  }
}

/** Says how many of the schedules were left undone, where some were. */
function endWith(failed: number, all: number, done: string): number {
  if (failed === 0) return EXIT.done;
  tellProblem(
    `${failed} of ${all} schedules were not ${done}, since Temporal did not answer in time; the others were. Run the same command again: what is done already stays as it is.`,
  );
  return EXIT.failed;
}

function intervalText({ everyMs, cron }: AppliedSchedule): string {
  if (cron !== null) return `cron ${cron}`;
  return everyMs === null || everyMs === 0 ? 'not scheduled' : `every ${spanText(everyMs)}`;
}

/** Deletes schedules; runs under way go on. */
export async function scheduleDelete(flags: ScheduleFlags): Promise<number> {
  return forEachSchedule(flags, async (client, id) => {
    const deleted = await deleteSchedule(client, id);
    return { found: deleted, text: 'deleted', document: { deleted } };
  });
}

/** Pauses schedules; runs under way go on. */
export async function schedulePause(flags: ScheduleFlags & { note?: string }): Promise<number> {
  const note = flags.note ?? 'Paused with schedule pause';
  return forEachSchedule(flags, async (client, id) => {
    const found = await pauseSchedule(client, id, note);
    return { found, text: `paused (${note})`, document: { found, paused: found, note: found ? note : null } };
  });
}

/** Lets paused schedules run again. */
export async function scheduleResume(flags: ScheduleFlags & { note?: string }): Promise<number> {
  const note = flags.note ?? 'Resumed with schedule resume';
  return forEachSchedule(flags, async (client, id) => {
    const found = await resumeSchedule(client, id, note);
    return { found, text: 'runs again', document: { found, paused: false, note: found ? note : null } };
  });
}

interface Done {
  /** Whether there was such a schedule. */
  found: boolean;
  /** Nobody knows: the server was in trouble. `text` says how. */
  failed?: boolean;
  text: string;
  document: Record<string, unknown>;
}

/** A server in trouble costs this schedule, and not those after it. */
async function unlessTrouble(act: () => Promise<Done>): Promise<Done> {
  try {
    return await act();
  } catch (error) {
    const trouble = serverTrouble(error);
    if (!trouble) throw error;
    const { message } = describeFailure(trouble);
    return { found: false, failed: true, text: `failed: ${message}`, document: { error: message } };
  }
}

/** Does something to the schedules that are meant. Fails where there is none of them, as nothing was done. */
async function forEachSchedule(
  flags: ScheduleFlags,
  act: (client: Client, id: string) => Promise<Done>,
): Promise<number> {
  const output = openOutput(flags);
  const schedules = schedulesOf(parseResources(flags.resources) ?? RESOURCES);
  const config = configOfAny(flags);
  const { client, close, reached } = await openTemporal(config);
  try {
    const tenants = flags.tenant === undefined ? reached.tenants : [flags.tenant];
    const done = await mapLimited(tenants, TENANTS_AT_ONCE, async (tenant) => {
      const results: (Done & { schedule: ScheduleName })[] = [];
      for (const schedule of schedules)
        results.push({ schedule, ...(await unlessTrouble(() => act(client, scheduleId(tenant, schedule)))) });
      return { tenant, results };
    });
    const rows = done.flatMap(({ tenant, results }) =>
      results.map(({ schedule, found, failed, text }) => [
        `  ${scheduleId(tenant, schedule)}`,
        found || failed ? text : 'there was none',
      ]),
    );
    for (const row of alignColumns(rows)) output.terminal.line(row);
    const documents = done.map(({ tenant, results }) => ({
      tenant,
      schedules: results.map(({ schedule, document }) => ({
        schedule,
        resource: SCHEDULE_RESOURCE[schedule],
        scheduleId: scheduleId(tenant, schedule),
        ...document,
      })),
    }));
    output.result(perTenant(documents));
    const results = done.flatMap((entry) => entry.results);
    const failed = results.filter((entry) => entry.failed).length;
    if (failed > 0) return endWith(failed, results.length, 'changed');
    return results.some(({ found }) => found) ? EXIT.done : EXIT.failed;
  } finally {
    await close();
  }
}

/** Schedules outlive their tenant's configuration: `--tenant` may name one that is no longer in it. */
function configOfAny({ tenant, ...flags }: ScheduleFlags): Config {
  const config = configOf(flags);
  if (tenant === undefined || reach(config).tenants.length > 0) return config;
  return { ...config, tenantName: tenant };
}
