import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { TenantSettings } from '../config/config.js';
import type { ExtractTenantInput, ResourceResult, TenantResult } from '../contracts/types.js';
import { createLiveLook } from '../status/live.js';
import type { HeldFacts, ResourceStatus } from '../status/status.js';
import { renderRows } from '../status/view.js';
import type { RunProgress } from '../temporal/progress.js';
import { type LiveProgress, pausedRuns, startSync } from '../temporal/sync-run.js';
import { alignColumns, count, duration, type Terminal } from './terminal.js';

const REDRAW_MS = 400;
/** Without a terminal a line goes out only so often, and when something has happened. */
const LINE_MS = 5_000;

/** What a sync is asked to do. */
export interface SyncRequest {
  taskQueue: string;
  tenants: readonly SyncTenant[];
  input: Omit<ExtractTenantInput, 'tenant'>;
  /** See StartOptions. */
  searchAttributes: boolean;
  /** Asks what is held of these tenants, where ClickHouse can be asked from here. */
  askHeld?: (tenants: readonly string[]) => Promise<ReadonlyMap<string, HeldFacts>>;
  /** Ends the display, not the sync. */
  signal?: AbortSignal;
}

/** A tenant to sync, and what is copied of it. */
export interface SyncTenant {
  name: string;
  settings: TenantSettings;
}

/** How the sync of a tenant ended: with its result, or, where it left none (it was terminated), why. */
export type SyncedTenant = { tenant: string; result: TenantResult } | { tenant: string; result: null; reason: string };

/** Tenants whose progress is shown at a time. */
const SHOWN_TENANTS = 8;

/**
 * Starts a sync of each tenant and shows how far they are until all have ended. One that is under way is joined; where
 * this one was asked for something of its own, it is done after that.
 */
export async function syncLive(client: Client, terminal: Terminal, request: SyncRequest): Promise<SyncedTenant[]> {
  const startedAt = Date.now();
  const pending = new Set(request.tenants);
  const ends = request.tenants.map(async (tenant) => {
    const end = await syncOne(client, terminal, request, tenant.name);
    pending.delete(tenant);
    return end;
  });
  const all = Promise.all(ends);
  // Its rejection is thrown below; until then it must not count as unhandled.
  let failed = false;
  all.catch(() => {
    failed = true;
  });
  const several = request.tenants.length > 1;
  const look = createLiveLook(client, request, startedAt);
  let lastLine = 0;
  let lastText = '';
  // A sync that fails without an end (its answer cannot be read) must not be waited for.
  while (pending.size > 0 && !failed && !request.signal?.aborted) {
    const shown = [...pending].slice(0, SHOWN_TENANTS);
    const entries = await look(shown);
    if (request.signal?.aborted || failed || pending.size === 0) break;
    const options = { colors: terminal.colors, width: terminal.width, now: Date.now() };
    const rows = renderRows(
      entries.map(({ tenant, entry }) => ({ label: several ? `${tenant} ${entry.resource}` : entry.resource, entry })),
      options,
    );
    const remarks = entries.flatMap(({ tenant, entry }) =>
      liveRemarks(terminal, several ? `${tenant} ${entry.resource}` : entry.resource, entry),
    );
    const more = pending.size > SHOWN_TENANTS ? [`  and ${pending.size - SHOWN_TENANTS} more tenants`] : [];
    const text = [...rows, ...remarks].map((row) => row.trim().replaceAll(/\s+/g, ' ')).join('; ');
    if (terminal.live) terminal.redraw([...rows, ...remarks, ...more]);
    else if (text !== lastText && Date.now() - lastLine >= LINE_MS) {
      terminal.line(text);
      [lastLine, lastText] = [Date.now(), text];
    }
    await Promise.race([sleep(REDRAW_MS), all.catch(() => {})]);
  }
  const synced = await all;
  if (terminal.live) terminal.redraw([]);
  terminal.keep();
  const rows = synced.flatMap(({ tenant, result }) =>
    Object.values(result?.resources ?? {}).map((entry) =>
      resultRow(terminal, several ? `${tenant} ${entry.resource}` : entry.resource, entry),
    ),
  );
  for (const row of alignColumns(rows, [1])) terminal.line(row);
  for (const { tenant, result } of synced)
    reportWarnings(terminal, several ? `${tenant} ` : '', Object.values(result?.resources ?? {}));
  return synced;
}

/** What a retried or paused run waits for, in a few words: the row has no room for it. */
function liveRemarks({ colors }: Terminal, label: string, { retrying, paused }: ResourceStatus): string[] {
  // A failure's message goes on with what to do; while it is being tried again what happened is enough.
  const texts = [retrying?.split('. ')[0], paused && `paused${paused.reason === null ? '' : `: ${paused.reason}`}`];
  return texts.flatMap((text) => (text ? [colors.yellow(`  ${label}: ${text}`)] : []));
}

async function syncOne(
  client: Client,
  terminal: Terminal,
  request: SyncRequest,
  tenant: string,
): Promise<SyncedTenant> {
  const { taskQueue, input, signal } = request;
  const run = await startSync(client, taskQueue, tenant, input, request);
  const hasWishes = Object.keys(input).length > 0;
  if (run.joined) {
    const then = hasWishes ? ' What you asked for is done after it.' : '';
    terminal.line(`A sync of ${tenant} is under way already: joining it.${then}`);
    for (const paused of await pausedRuns(client, tenant))
      terminal.line(terminal.colors.yellow(`  ${paused}, and is waited for: resume --tenant ${tenant} lets it go on`));
  }
  const end = await run.end();
  if (run.joined && hasWishes && !signal?.aborted) return syncOne(client, terminal, request, tenant);
  return end.kind === 'result' ? { tenant, result: end.result } : { tenant, result: null, reason: end.reason };
}

/** What a run is doing: paused by somebody, held up by something, or its phase. */
export function stateText(
  { colors }: Terminal,
  { running, retrying }: LiveProgress,
  { phase, paused }: RunProgress,
): string {
  if (!running) return 'done';
  const again = retrying ? `attempt ${retrying.attempt} of 8: ${firstSentence(retrying.message)}` : null;
  // Older workers know no pause.
  if (!paused) return again === null ? phase : colors.yellow(again);
  const why = paused.reason == null ? '' : ` (${paused.reason})`;
  const what = paused.settled ? `paused since ${paused.since}${why}: resume lets it go on` : `pausing${why}`;
  return colors.yellow(again === null ? what : `${what}; ${again}`);
}

/** A failure's message goes on with what to do; while it is being tried again what happened is enough. */
function firstSentence(message: string): string {
  return message.split('. ')[0] ?? message;
}

function resultRow(terminal: Terminal, label: string, result: ResourceResult): string[] {
  const { colors } = terminal;
  const status = result.status === 'completed' ? colors.green('completed') : colors.red(result.status);
  const gaps = result.gaps > 0 ? colors.yellow(`${result.gaps} ${result.gaps === 1 ? 'gap' : 'gaps'}`) : '';
  const work = `${count(result.pages)} pages, ${count(result.requests)} requests, ${duration(result.durationMs)}${result.joined ? ', joined' : ''}`;
  const lost = result.lost ? colors.yellow(`${count(result.lost)} too large`) : '';
  return [`  ${label}`, `${count(result.rows)} rows`, status, work, gaps, lost];
}

function reportWarnings(terminal: Terminal, prefix: string, results: readonly ResourceResult[]): void {
  for (const { resource, warnings } of results)
    for (const warning of warnings) terminal.line(terminal.colors.yellow(`  ${prefix}${resource}: ${warning}`));
}

/** Whether everything that was asked for is copied. */
export function allCompleted(synced: readonly SyncedTenant[]): boolean {
  return synced.every(({ result }) => result?.status === 'completed');
}

/**
 * What went wrong, each problem once: a wrong secret is the same for all resources. Goes to stderr, as the last thing
 * that is said. Empty where all is well.
 */
export function problemsOf(synced: readonly SyncedTenant[]): string[] {
  return synced.flatMap((end) => {
    const prefix = synced.length > 1 ? `${end.tenant} ` : '';
    if (end.result === null) return [`${prefix}sync: ${end.reason}`];
    const problems = new Map<string, string[]>();
    for (const { resource, error, status } of Object.values(end.result.resources)) {
      if (status === 'completed') continue;
      // The place differs from resource to resource, the problem does not.
      const text = (error?.message ?? `was ${status}`).replace(/ \((logs|users|clients)(, [^)]*)?\)/, '');
      problems.set(text, [...(problems.get(text) ?? []), resource]);
    }
    return [...problems].map(([message, resources]) => `${prefix}${resources.join(', ')}: ${message}`);
  });
}

/** What `up --json` and `sync --json` say of the tenants: scripts rely on its fields. */
export function syncDocument(synced: readonly SyncedTenant[]): Record<string, unknown> {
  const documents = synced.map((end) =>
    end.result === null
      ? { tenant: end.tenant, status: 'failed', resources: {}, error: { message: end.reason } }
      : { tenant: end.tenant, status: end.result.status, resources: end.result.resources },
  );
  const [only] = documents;
  if (only !== undefined && documents.length === 1) return only;
  return { status: allCompleted(synced) ? 'completed' : 'failed', tenants: documents };
}
