import { Context } from '@temporalio/activity';
import { ScheduleNotFoundError } from '@temporalio/client';
import type { PauseRefusedScheduleInput } from '../contracts/activities.js';
import { refusedInARow, REFUSALS_BEFORE_PAUSE, refusedNote } from '../contracts/refused.js';
import type { ActivityDeps } from './deps.js';

/**
 * Pauses a schedule whose last runs, by the ledger, were all refused for their credentials: going on would knock at the
 * tenant every minute with a secret that it does not take. The reason is in the schedule's note. One that is paused, or
 * gone, is left as it is.
 */
export async function pauseRefusedSchedule(
  { store }: Pick<ActivityDeps, 'store'>,
  { tenant, resources, scheduleId }: PauseRefusedScheduleInput,
): Promise<{ paused: boolean }> {
  const kinds = await Promise.all(
    resources.map(async (resource) => refusedInARow(await store.lastEnds(tenant, resource, REFUSALS_BEFORE_PAUSE))),
  );
  const [kind] = kinds;
  if (kind === undefined || kinds.includes(undefined)) return { paused: false };
  const handle = Context.current().client.schedule.getHandle(scheduleId);
  try {
    const { state } = await handle.describe();
    if (state.paused) return { paused: false };
    await handle.pause(refusedNote(kind));
    return { paused: true };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return { paused: false };
    throw error;
  }
}
