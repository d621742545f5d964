import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { backfillWindow } from '../activities/start-backfill.js';
import { ExtractError } from '../contracts/errors.js';
import { type LogWindow, windowText } from '../contracts/log-window.js';
import type { ResourceResult } from '../contracts/types.js';
import { startBackfill } from '../temporal/backfill-run.js';
import type { StartedRun } from '../temporal/start-or-join.js';
import { readRun } from '../temporal/sync-run.js';
import { type CommonFlags, configOf, openOutput, openTemporal, theTenant } from './context.js';
import { CommandError, EXIT, UsageError, tellProblem } from './failure.js';
import { stateText } from './live-sync.js';
import { refuseOldClickHouse } from './old-clickhouse.js';
import { count, duration, type Terminal } from './terminal.js';

export interface BackfillFlags extends CommonFlags {
  from?: string;
  to?: string;
  available?: boolean;
  detach?: boolean;
}

const REDRAW_MS = 400;
/** Without a terminal a line goes out only so often, and when something has happened. */
const LINE_MS = 5_000;

/**
 * Reads an interval of the tenant's log again beside the live sync. JSON: `{tenant, status, workflowId, joined, result}`,
 * the result with `window`, `rows` (stored now), `held` (were there before) and `refilled` (gaps filled). Throws
 * UsageError, CommandError.
 */
export async function backfill(resource: string, flags: BackfillFlags): Promise<number> {
  if (resource !== 'logs')
    throw new UsageError(`backfill ${resource}: only logs have a past to read; for users and clients there is reload`);
  const output = openOutput(flags);
  const { terminal } = output;
  const window = parseWindow(flags);
  const config = configOf(flags);
  await refuseOldClickHouse(config);
  const { client, close, reached } = await openTemporal(config);
  try {
    const tenant = theTenant(reached);
    const wanted = { window, available: flags.available ?? false };
    const run = await startBackfill(client, config.temporal.taskQueue, tenant, wanted);
    const { workflowId, runId, joined } = run;
    if (flags.detach) {
      terminal.line(`${joined ? 'Already under way:' : 'Started'} ${workflowId} (run ${runId})`);
      output.result({ tenant, status: joined ? 'joined' : 'started', workflowId, runId });
      return EXIT.done;
    }
    if (joined) terminal.line(`A backfill of ${windowText(window)} is under way already: joining it.`);
    const result = await show(client, terminal, run, windowText(window));
    output.result({ tenant, status: result.status, workflowId, joined, result });
    return result.status === 'completed' ? EXIT.done : EXIT.failed;
  } finally {
    await close();
  }
}

/** Throws UsageError. */
function parseWindow(flags: BackfillFlags): LogWindow {
  try {
    return backfillWindow(flags, Date.now());
  } catch (error) {
    throw error instanceof ExtractError ? new UsageError(error.message) : error;
  }
}

async function show(
  client: Client,
  terminal: Terminal,
  run: StartedRun<ResourceResult>,
  interval: string,
): Promise<ResourceResult> {
  const end = run.end();
  let ended = false;
  const over = end.then(
    () => (ended = true),
    () => (ended = true),
  );
  let [lastLine, lastText] = [Date.now(), ''];
  while (!ended) {
    const live = await readRun(client, run.workflowId).catch(() => null);
    const progress = live?.progress;
    if (ended) break;
    if (live && progress) {
      const seen = `${count(progress.rows)} rows stored, ${count(progress.held ?? 0)} held before`;
      const text = `  logs ${interval}  ${progress.percent ?? 0} %  ${seen}  ${stateText(terminal, live, progress)}`;
      if (terminal.live) terminal.redraw([text]);
      else if (text !== lastText && Date.now() - lastLine >= LINE_MS) {
        terminal.line(text);
        [lastLine, lastText] = [Date.now(), text];
      }
    }
    await Promise.race([sleep(REDRAW_MS), over]);
  }
  if (terminal.live) terminal.redraw([]);
  terminal.keep();
  const outcome = await end;
  if (outcome.kind === 'lost') throw new CommandError(outcome.reason);
  const { result } = outcome;
  const gaps = result.refilled ? `, ${result.refilled} ${result.refilled === 1 ? 'gap' : 'gaps'} filled` : '';
  terminal.line(
    `  logs ${interval}  ${result.status}: ${count(result.rows)} rows stored, ${count(result.held ?? 0)} held before${gaps}; ${count(result.pages)} pages, ${duration(result.durationMs)}`,
  );
  for (const warning of result.warnings) terminal.line(terminal.colors.yellow(`  ${warning}`));
  if (result.error) tellProblem(result.error.message);
  return result;
}
