import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { type ListedRun, readRuns } from '../clickhouse/run-rows.js';
import { count, duration, type Terminal } from './terminal.js';

const LOOK_EVERY_MS = 2_000;
/** More than that at once nobody reads. */
const MOST_LINES = 50;

/**
 * Prints a line for each run that ends from now on, whoever has started it, until the signal says that it is enough. A
 * ledger that cannot be read is looked at again: that its server is away is said by whoever watches over it.
 */
export async function printLaterRuns(
  terminal: Terminal,
  client: ClickHouseClient,
  { database, tenants, signal }: { database: string; tenants: readonly string[]; signal: AbortSignal },
): Promise<void> {
  let endedAfter = Date.now();
  const width = Math.max(0, ...tenants.map((name) => name.length));
  while (!signal.aborted) {
    const runs = await readOrNone(client, database, { tenants, endedAfter, limit: MOST_LINES });
    if (signal.aborted) return;
    for (const run of runs.toSorted((a, b) => (a.endedAt ?? '').localeCompare(b.endedAt ?? ''))) {
      const label = tenants.length > 1 ? `${run.tenant.padEnd(width)} ${run.resource}` : run.resource;
      for (const line of laterRunLines(terminal, label, run)) terminal.line(line);
      endedAfter = Math.max(endedAfter, Date.parse(run.endedAt ?? ''));
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

async function readOrNone(...question: Parameters<typeof readRuns>): Promise<ListedRun[]> {
  try {
    return await readRuns(...question);
  } catch {
    return [];
  }
}

/** What became of a run: when, what, how much, and what went wrong. */
export function laterRunLines({ colors }: Pick<Terminal, 'colors'>, label: string, run: ListedRun): string[] {
  const { status, rows, gaps, startedAt, endedAt, error, warnings } = run;
  const ended = Date.parse(endedAt ?? '');
  const parts = [
    new Date(ended).toLocaleTimeString('en-GB'),
    label.padEnd('clients'.length),
    `${count(rows)} rows`,
    status === 'completed' ? colors.green(status) : colors.red(status),
    duration(Math.max(0, ended - Date.parse(startedAt))),
    gaps > 0 ? colors.yellow(`${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`) : '',
  ].filter((part) => part !== '');
  return [
    parts.join('  '),
    ...(error === null ? [] : [colors.red(`  ${error.message}`)]),
    ...warnings.map((warning) => colors.yellow(`  ${warning}`)),
  ];
}
