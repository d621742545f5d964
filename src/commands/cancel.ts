import { cancelChosen } from '../temporal/control.js';
import { type ChoiceFlags, parseChoice } from './choice.js';
import { configOf, openOutput, openTemporal, theTenant } from './context.js';
import { EXIT } from './failure.js';
import { alignColumns, count } from './terminal.js';

/** A run ends when its page in flight has; one beat of an activity brings the cancellation to it. */
const PATIENCE_MS = 60_000;

/**
 * Cancels the runs under way, waits until they have ended, and says what each had stored. JSON:
 * `{tenant, status: 'cancelled'|'nothing'|'running', runs: [{workflowId, status, rows, cursor}]}`.
 */
export async function cancel(flags: ChoiceFlags): Promise<number> {
  const output = openOutput(flags);
  const chosen = parseChoice(flags);
  const { client, close, reached } = await openTemporal(configOf(flags));
  try {
    const tenant = theTenant(reached);
    const runs = await cancelChosen(client, { ...chosen, tenant }, PATIENCE_MS);
    const rows = runs.map(({ workflowId, status, rows: stored, cursor }) => [
      `  ${workflowId}`,
      status,
      stored === null ? '' : `${count(stored)} rows stored`,
      cursor === null ? '' : `at ${cursor}`,
    ]);
    for (const row of alignColumns(rows)) output.terminal.line(row);
    if (runs.length === 0) output.terminal.line('  No run is under way: nothing was cancelled');
    const isLate = runs.some(({ status }) => status === 'running');
    if (isLate)
      output.terminal.line('  Still running: the cancellation is requested, and takes effect when a worker is up');
    output.result({ tenant, status: isLate ? 'running' : runs.length === 0 ? 'nothing' : 'cancelled', runs });
    return isLate ? EXIT.failed : EXIT.done;
  } finally {
    await close();
  }
}
