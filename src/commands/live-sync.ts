import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { RESOURCES, type ResourceName } from '../contracts/names.js';
import type { ExtractTenantInput, ResourceResult, TenantResult } from '../contracts/types.js';
import { type LiveProgress, readProgress, startSync } from '../temporal/sync-run.js';
import { CommandError } from './failure.js';
import { alignColumns, count, duration, type Terminal } from './terminal.js';

const REDRAW_MS = 400;
/** Without a terminal a line goes out only so often, and when something has happened. */
const LINE_MS = 5_000;

/** Starts a sync, or joins the one under way, and shows how far it is until it has ended. Throws CommandError. */
export async function syncLive(
  client: Client,
  terminal: Terminal,
  { taskQueue, tenant, input }: { taskQueue: string; tenant: string; input: ExtractTenantInput },
): Promise<TenantResult> {
  const wanted = input.resources ?? RESOURCES;
  const startedAt = Date.now();
  const run = await startSync(client, taskQueue, tenant, input);
  let ended = false;
  const end = run.end().finally(() => {
    ended = true;
  });
  // Its rejection is thrown below; until then it must not count as unhandled.
  end.catch(() => {});
  let lastLine = 0;
  let lastText = '';
  while (!ended) {
    const states = await Promise.all(
      wanted.map((resource) => readProgress(client, tenant, resource).catch(() => null)),
    );
    const rows = wanted.map((resource, i) => progressRow(terminal, resource, states[i] ?? null, startedAt));
    const text = rows.map((row) => row.join(' ').replaceAll(/\s+/g, ' ')).join('; ');
    if (terminal.live) terminal.redraw(alignColumns(rows, [1]));
    else if (!ended && text !== lastText && Date.now() - lastLine >= LINE_MS) {
      terminal.line(text);
      [lastLine, lastText] = [Date.now(), text];
    }
    await Promise.race([sleep(REDRAW_MS), end.catch(() => {})]);
  }
  const outcome = await end;
  if (outcome.kind === 'lost') {
    if (terminal.live) terminal.redraw([]);
    terminal.keep();
    throw new CommandError(outcome.reason);
  }
  const { resources } = outcome.result;
  const rows = wanted.map((resource) => resultRow(terminal, resource, resources[resource]));
  if (terminal.live) terminal.redraw([]);
  terminal.keep();
  for (const row of alignColumns(rows, [1])) terminal.line(row);
  reportProblems(terminal, Object.values(resources));
  return outcome.result;
}

function progressRow(
  terminal: Terminal,
  resource: ResourceName,
  live: LiveProgress | null,
  startedAt: number,
): string[] {
  const { colors } = terminal;
  const progress = live?.progress;
  // A run that had ended before this sync began is an earlier one.
  if (!live || !progress || (!live.running && Date.parse(progress.startedAt) < startedAt - 2_000))
    return [colors.dim(`  ${resource}`), '', 'waiting'];
  const seconds = Math.max((Date.now() - Math.max(Date.parse(progress.startedAt), startedAt)) / 1000, 0.5);
  const share = progress.total === null || progress.total === 0 ? '' : ` of ${count(progress.total)}`;
  const rate = live.running && progress.rows > 0 ? `${count(Math.round(progress.rows / seconds))} rows/s` : '';
  const state = live.retrying
    ? colors.yellow(`attempt ${live.retrying.attempt} of 8: ${live.retrying.message}`)
    : live.running
      ? progress.phase
      : 'done';
  return [`  ${resource}`, `${count(progress.rows)}${share} rows`, state, rate];
}

function resultRow(terminal: Terminal, resource: ResourceName, result: ResourceResult | undefined): string[] {
  const { colors } = terminal;
  if (!result) return [`  ${resource}`, '', 'not run', ''];
  const status = result.status === 'completed' ? colors.green('completed') : colors.red(result.status);
  const gaps = result.gaps > 0 ? colors.yellow(`${result.gaps} gaps`) : '';
  const work = `${count(result.pages)} pages, ${count(result.requests)} requests, ${duration(result.durationMs)}`;
  return [`  ${resource}`, `${count(result.rows)} rows`, status, work, gaps];
}

/** Warnings, then each error once: a wrong secret is the same for all resources. */
function reportProblems(terminal: Terminal, results: readonly ResourceResult[]): void {
  const { colors } = terminal;
  for (const { resource, warnings } of results)
    for (const warning of warnings) terminal.line(colors.yellow(`  ${resource}: ${warning}`));
  const errors = new Map<string, string[]>();
  for (const { resource, error } of results) {
    if (!error) continue;
    const text = error.message.replace(new RegExp(`\\(${resource}(, )?`), '(').replace('()', '');
    errors.set(text, [...(errors.get(text) ?? []), resource]);
  }
  for (const [message, resources] of errors) terminal.line(colors.red(`${resources.join(', ')}: ${message}`));
}
