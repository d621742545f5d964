import type { TenantSettings } from '../config/config.js';
import { type ResourceName, RESOURCES, scheduleId } from '../contracts/names.js';
import { applySchedules, deleteSchedule, listSchedules, type WantedSchedule } from '../temporal/schedules.js';
import {
  type CommonFlags,
  configOf,
  openOutput,
  openTemporal,
  parseResources,
  settingsOf,
  theTenant,
} from './context.js';
import { EXIT } from './failure.js';
import { alignColumns, duration } from './terminal.js';

interface ScheduleFlags extends CommonFlags {
  resources?: string;
}

/** The schedules that a tenant's settings ask for: none for a resource that is not copied. */
export function wantedSchedules(
  settings: TenantSettings,
  resources: readonly ResourceName[] = RESOURCES,
): WantedSchedule[] {
  return resources.map((resource) => ({
    resource,
    everyMs: settings.resources.includes(resource) ? settings.schedules[resource] : 0,
  }));
}

/** Makes the schedules of the configuration true. */
export async function scheduleApply(flags: ScheduleFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const { client, close, reached, searchAttributes } = await openTemporal(config);
  try {
    const tenant = theTenant(reached);
    const wanted = wantedSchedules(settingsOf(config, tenant), parseResources(flags.resources));
    const applied = await applySchedules(client, config.temporal.taskQueue, tenant, wanted, { searchAttributes });
    const rows = applied.map(({ scheduleId: id, action, everyMs }) => [
      `  ${id}`,
      action,
      everyMs > 0 ? `every ${duration(everyMs)}` : 'not scheduled',
    ]);
    for (const row of alignColumns(rows)) output.terminal.line(row);
    output.result({ tenant, schedules: applied });
    return EXIT.done;
  } finally {
    await close();
  }
}

/** Shows the schedules that exist. */
export async function scheduleList(flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const { client, close, reached } = await openTemporal(config);
  try {
    const tenant = theTenant(reached);
    const listed = await listSchedules(client, tenant);
    if (listed.length === 0) output.terminal.line(`No schedules for ${tenant}: make them with schedule apply`);
    const rows = listed.map((entry) => [
      `  ${entry.scheduleId}`,
      entry.paused ? `paused${entry.note === null ? '' : ` (${entry.note})`}` : `every ${duration(entry.everyMs)}`,
      `last ${entry.last ?? 'never'}`,
      `next ${entry.next ?? 'never'}`,
      `${entry.skipped} skipped, ${entry.missed} missed`,
    ]);
    for (const row of alignColumns(rows)) output.terminal.line(row);
    output.result({ tenant, schedules: listed });
    return EXIT.done;
  } finally {
    await close();
  }
}

/** Deletes schedules; runs under way go on. */
export async function scheduleDelete(flags: ScheduleFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const { client, close, reached } = await openTemporal(config);
  try {
    const tenant = theTenant(reached);
    const deleted: { resource: ResourceName; deleted: boolean }[] = [];
    for (const resource of parseResources(flags.resources) ?? RESOURCES) {
      const id = scheduleId(tenant, resource);
      const done = await deleteSchedule(client, id);
      deleted.push({ resource, deleted: done });
      output.terminal.line(`  ${id}  ${done ? 'deleted' : 'there was none'}`);
    }
    output.result({ tenant, schedules: deleted });
    return EXIT.done;
  } finally {
    await close();
  }
}
