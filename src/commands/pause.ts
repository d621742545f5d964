import { type ControlledRun, MAX_REASON } from '../contracts/control.js';
import { scheduleId, schedulesOf } from '../contracts/names.js';
import { controlChosen } from '../temporal/control.js';
import { pauseSchedules, resumeSchedules, type ScheduleChange } from '../temporal/schedule-pause.js';
import { type ChoiceFlags, parseChoice } from './choice.js';
import { configOf, openOutput, openTemporal, type Output, theTenant } from './context.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { alignColumns, count } from './terminal.js';

export interface PauseFlags extends ChoiceFlags {
  reason?: string;
}

/**
 * Pauses the schedules and the runs under way: those store their page in flight and wait, over restarts too. JSON:
 * `{tenant, status, schedules: [{scheduleId, action, note}], runs: [{workflowId, status, rows, cursor, message}]}`.
 */
export function pause(flags: PauseFlags): Promise<number> {
  if ((flags.reason?.length ?? 0) > MAX_REASON) throw new UsageError(`--reason: ${MAX_REASON} characters at most`);
  return control('pause', flags);
}

/** Lets schedules and runs go on after a pause. JSON: as `pause`. */
export function resume(flags: ChoiceFlags): Promise<number> {
  return control('resume', flags);
}

async function control(action: 'pause' | 'resume', flags: PauseFlags): Promise<number> {
  const output = openOutput(flags);
  const chosen = parseChoice(flags);
  const { client, close, reached } = await openTemporal(configOf(flags));
  const done = action === 'pause' ? 'paused' : 'resumed';
  try {
    const tenant = theTenant(reached);
    const ids = chosen.backfillsOnly
      ? []
      : schedulesOf(chosen.resources).map((schedule) => scheduleId(tenant, schedule));
    const note = `${done} by the command ${action}${flags.reason ? `: ${flags.reason}` : ''}`;
    // The schedules first on pausing, and last on resuming: nothing begins in between.
    const runs = () => controlChosen(client, { ...chosen, tenant }, action, flags.reason);
    let controlled: ControlledRun[];
    let schedules: ScheduleChange[];
    if (action === 'pause') {
      schedules = await pauseSchedules(client, ids, note);
      controlled = await runs();
    } else {
      controlled = await runs();
      schedules = await resumeSchedules(client, ids, note);
    }
    print(output, schedules, controlled);
    const present = schedules.filter((entry) => entry.action !== 'none');
    if (present.length + controlled.length === 0)
      throw new CommandError(`Nothing was ${done}: ${tenant} has neither schedules nor runs under way that are meant`);
    const unanswered = controlled.some(({ status }) => status === 'unanswered');
    output.result({ tenant, status: unanswered ? 'unanswered' : done, schedules, runs: controlled });
    return unanswered ? EXIT.failed : EXIT.done;
  } finally {
    await close();
  }
}

function print({ terminal }: Output, schedules: readonly ScheduleChange[], runs: readonly ControlledRun[]): void {
  const rows = [
    ...runs.map(({ workflowId, status, rows: stored, message }) => [
      `  ${workflowId}`,
      status,
      stored === null ? message : `${count(stored)} rows stored`,
    ]),
    ...schedules.map((entry) => [`  schedule ${entry.scheduleId}`, entry.action, noteOf(entry)]),
  ];
  for (const row of alignColumns(rows)) terminal.line(row);
  if (runs.length === 0) terminal.line('  no run is under way');
  if (runs.some(({ status }) => status === 'pausing'))
    terminal.line('  What is pausing stores its pages in flight first, or gives them up; then it waits. See status');
}

function noteOf({ action, note }: ScheduleChange): string {
  if (action === 'none') return 'there is none';
  return note === null ? '' : `(${note})`;
}
