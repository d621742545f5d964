import { type Client, ScheduleNotFoundError } from '@temporalio/client';

/** What became of one schedule. */
export interface ScheduleChange {
  scheduleId: string;
  /** `unchanged`: it was paused (or not paused) already. `none`: there is no such schedule. */
  action: 'paused' | 'resumed' | 'unchanged' | 'none';
  /** The note that stands on it now. */
  note: string | null;
}

/** Pauses schedules, so that they start nothing. One that is paused already keeps its note. */
export function pauseSchedules(client: Client, ids: readonly string[], note: string): Promise<ScheduleChange[]> {
  return change(client, ids, 'paused', note);
}

/** Lets schedules start runs again, whoever paused them. */
export function resumeSchedules(client: Client, ids: readonly string[], note: string): Promise<ScheduleChange[]> {
  return change(client, ids, 'resumed', note);
}

async function change(
  client: Client,
  ids: readonly string[],
  action: 'paused' | 'resumed',
  note: string,
): Promise<ScheduleChange[]> {
  const changes: ScheduleChange[] = [];
  for (const scheduleId of ids) {
    const handle = client.schedule.getHandle(scheduleId);
    try {
      const { state } = await handle.describe();
      if (state.paused === (action === 'paused')) {
        changes.push({ scheduleId, action: 'unchanged', note: state.note || null });
        continue;
      }
      await (action === 'paused' ? handle.pause(note) : handle.unpause(note));
      changes.push({ scheduleId, action, note });
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      changes.push({ scheduleId, action: 'none', note: null });
    }
  }
  return changes;
}
