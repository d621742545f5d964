import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { RESOURCES, type ResourceName } from '../contracts/names.js';
import type { ExtractTenantInput, ResourceResult, TenantResult } from '../contracts/types.js';
import { type LiveProgress, readProgress, startSync, type SyncRun } from '../temporal/sync-run.js';
import { CommandError } from './failure.js';
import { alignColumns, count, duration, type Terminal } from './terminal.js';

const REDRAW_MS = 400;
/** Without a terminal a line goes out only so often, and when something has happened. */
const LINE_MS = 5_000;

/** What a sync is asked to do. */
export interface SyncRequest {
  taskQueue: string;
  tenant: string;
  input: ExtractTenantInput;
  /** Ends the display, not the sync. */
  signal?: AbortSignal;
}

/**
 * Starts a sync and shows how far it is until it has ended. One that is under way is joined; where this one was asked
 * for something of its own, it is done after that. Throws CommandError.
 */
export async function syncLive(client: Client, terminal: Terminal, request: SyncRequest): Promise<TenantResult> {
  const run = await startSync(client, request.taskQueue, request.tenant, request.input);
  if (!run.joined) return showSync(client, terminal, request, run);
  const hasWishes = Object.keys(request.input).length > 0;
  const then = hasWishes ? ' What you asked for is done after it.' : '';
  terminal.line(`A sync is under way already: joining it.${then}`);
  const result = await showSync(client, terminal, { ...request, input: {} }, run);
  return hasWishes && !request.signal?.aborted ? syncLive(client, terminal, request) : result;
}

async function showSync(
  client: Client,
  terminal: Terminal,
  { tenant, input, signal }: SyncRequest,
  run: SyncRun,
): Promise<TenantResult> {
  const wanted = input.resources ?? RESOURCES;
  const startedAt = Date.now();
  let ended = false;
  const end = run.end().finally(() => {
    ended = true;
  });
  // Its rejection is thrown below; until then it must not count as unhandled.
  end.catch(() => {});
  let lastLine = 0;
  let lastText = '';
  while (!ended && !signal?.aborted) {
    const states = await Promise.all(
      wanted.map((resource) => readProgress(client, tenant, resource).catch(() => null)),
    );
    const rows = wanted.map((resource, i) => progressRow(terminal, resource, states[i] ?? null, startedAt));
    const text = rows.map((row) => row.join(' ').replaceAll(/\s+/g, ' ')).join('; ');
    if (signal?.aborted || ended) break;
    if (terminal.live) terminal.redraw(alignColumns(rows, [1]));
    else if (text !== lastText && Date.now() - lastLine >= LINE_MS) {
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
  const rows = wanted.flatMap((resource) =>
    resources[resource] ? [resultRow(terminal, resource, resources[resource])] : [],
  );
  if (terminal.live) terminal.redraw([]);
  terminal.keep();
  for (const row of alignColumns(rows, [1])) terminal.line(row);
  reportWarnings(terminal, Object.values(resources));
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
    ? colors.yellow(`attempt ${live.retrying.attempt} of 8: ${firstSentence(live.retrying.message)}`)
    : live.running
      ? progress.phase
      : 'done';
  return [`  ${resource}`, `${count(progress.rows)}${share} rows`, state, rate];
}

/** A failure's message goes on with what to do; while it is being tried again what happened is enough. */
function firstSentence(message: string): string {
  return message.split('. ')[0] ?? message;
}

function resultRow(terminal: Terminal, resource: ResourceName, result: ResourceResult): string[] {
  const { colors } = terminal;
  const status = result.status === 'completed' ? colors.green('completed') : colors.red(result.status);
  const gaps = result.gaps > 0 ? colors.yellow(`${result.gaps} ${result.gaps === 1 ? 'gap' : 'gaps'}`) : '';
  const work = `${count(result.pages)} pages, ${count(result.requests)} requests, ${duration(result.durationMs)}`;
  return [`  ${resource}`, `${count(result.rows)} rows`, status, work, gaps];
}

/** Warnings of the runs, then where some failed. */
function reportWarnings(terminal: Terminal, results: readonly ResourceResult[]): void {
  for (const { resource, warnings } of results)
    for (const warning of warnings) terminal.line(terminal.colors.yellow(`  ${resource}: ${warning}`));
}

/**
 * What went wrong, each problem once: a wrong secret is the same for all resources. Goes to stderr, as the last thing
 * that is said. Empty where all is well.
 */
export function problemsOf(result: TenantResult): string[] {
  const problems = new Map<string, string[]>();
  for (const { resource, error, status } of Object.values(result.resources)) {
    if (status === 'completed') continue;
    // The place differs from resource to resource, the problem does not.
    const text = (error?.message ?? `was ${status}`).replace(/ \((logs|users|clients)(, [^)]*)?\)/, '');
    problems.set(text, [...(problems.get(text) ?? []), resource]);
  }
  return [...problems].map(([message, resources]) => `${resources.join(', ')}: ${message}`);
}
