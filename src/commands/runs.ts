import { type ListedRun, readRuns } from '../clickhouse/run-rows.js';
import { ERRORS, isErrorKind } from '../contracts/errors.js';
import { backfillPrefix, isResourceName, resourceWorkflowId } from '../contracts/names.js';
import { type CommonFlags, configOf, openOutput, type Output, parseResources, reach } from './context.js';
import { openDestination } from './destination.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { alignColumns, count, duration } from './terminal.js';
import { type LogLine, readRunLog, workerLogOf } from './worker-log.js';

export interface RunsFlags extends CommonFlags {
  resources?: string;
  failed?: boolean;
  limit?: string;
}

/** Lists what runs did, the newest first. JSON: `{runs: [...]}`. */
export async function runsList(flags: RunsFlags): Promise<number> {
  const limit = Number(flags.limit ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new UsageError(`--limit ${flags.limit}: must be a whole number from 1 to 10000`);
  const resources = parseResources(flags.resources);
  const output = openOutput(flags);
  const config = configOf(flags);
  const destination = await openDestination(config);
  try {
    const filter = { tenants: meant(reach(config).tenants), resources, failed: flags.failed, limit };
    const runs = await readRuns(destination.client, config.clickhouse.database, filter);
    for (const row of alignColumns(
      runs.map((run) => rowOf(output, run)),
      [4],
    ))
      output.terminal.line(row);
    if (runs.length === 0) output.terminal.line('No run is in the ledger');
    output.result({ runs });
    return EXIT.done;
  } finally {
    await destination.close();
  }
}

/** Shows a run by its id, or the beginning of it, with what its worker has logged. JSON: the run, with `log`. */
export async function runsShow(id: string, flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const destination = await openDestination(config);
  let found: ListedRun[];
  try {
    const filter = { tenants: meant(reach(config).tenants), id, limit: 3 };
    found = await readRuns(destination.client, config.clickhouse.database, filter);
  } finally {
    await destination.close();
  }
  const [run] = found;
  if (run === undefined) throw new CommandError(`There is no run ${id}: runs list shows them`);
  if (found.length > 1) throw new CommandError(`Several runs begin with ${id}: give more of the id`);
  const file = workerLogOf(config.stack.dataDir);
  const log = file === null ? null : await readRunLog(file, loggedRun(run));
  printRun(output, run);
  printLog(output, run, file, log);
  output.result({ ...run, workflowId: workflowIdOf(run), log });
  return EXIT.done;
}

/** Where no tenant is known here, all that are in the tables are meant. */
function meant(tenants: readonly string[]): readonly string[] | null {
  return tenants.length === 0 ? null : tenants;
}

function workflowIdOf({ tenant, resource, mode, firstCursor }: ListedRun): string {
  if (mode === 'logs-backfill') return `${backfillPrefix(tenant)}${firstCursor}`;
  return isResourceName(resource) ? resourceWorkflowId(tenant, resource) : `auth0/${tenant}/${resource}`;
}

function loggedRun(run: ListedRun) {
  return {
    runId: run.runId,
    workflowId: workflowIdOf(run),
    from: Date.parse(run.startedAt),
    to: run.endedAt === null ? null : Date.parse(run.endedAt),
  };
}

function rowOf({ terminal: { colors } }: Output, run: ListedRun): string[] {
  const paint =
    run.status === 'completed'
      ? colors.green
      : ['failed', 'unavailable'].includes(run.status)
        ? colors.red
        : colors.yellow;
  return [
    `  ${run.startedAt}`,
    `${run.tenant} ${run.resource}`,
    run.mode,
    paint(run.status),
    `${count(run.rows)} rows`,
    tookText(run),
    run.error?.kind ?? (run.warnings.length > 0 ? `${run.warnings.length} warnings` : ''),
    run.runId,
  ];
}

function tookText({ startedAt, endedAt }: ListedRun): string {
  return endedAt === null ? '' : duration(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)));
}

function printRun({ terminal }: Output, run: ListedRun): void {
  const { colors } = terminal;
  const next = run.error !== null && isErrorKind(run.error.kind) ? ERRORS[run.error.kind].next : '';
  const facts: [string, string][] = [
    ['run', run.runId],
    ['in Temporal', workflowIdOf(run)],
    ['resource', `${run.resource} of ${run.tenant} (${run.mode})`],
    ['status', run.status],
    ['started', run.startedAt],
    ['ended', run.endedAt === null ? '' : `${run.endedAt}, after ${tookText(run)}`],
    ['read', `${count(run.pages)} pages, ${count(run.requests)} requests`],
    ['stored', `${count(run.rows)} rows${run.visible === null ? '' : `, ${count(run.visible)} counted at the end`}`],
    [
      'deleted',
      run.deleted + run.deletesWaiting === 0 ? '' : `${count(run.deleted)}, ${count(run.deletesWaiting)} wait`,
    ],
    ['left out', run.redacted === 0 ? '' : `${count(run.redacted)} fields with secrets`],
    ['malformed', run.malformed === 0 ? '' : `${count(run.malformed)} records`],
    ['too large', run.lost === 0 ? '' : `${count(run.lost)} records, left out and named by gaps list`],
    ['gaps', run.gaps === 0 ? '' : `${count(run.gaps)}, see gaps list`],
    ['numbers add up', run.reconciled],
    ['from', run.firstCursor],
    ['to', run.lastCursor],
    ['error', run.error === null ? '' : colors.red(`${run.error.kind}: ${run.error.message}`)],
    ['what to do', next],
    ...run.warnings.map((warning): [string, string] => ['warning', colors.yellow(warning)]),
  ];
  const shown = facts.filter(([, value]) => value !== '');
  for (const row of alignColumns(shown.map(([name, value]) => [`  ${name}`, value]))) terminal.line(row);
}

function printLog(
  { terminal }: Output,
  { runId }: ListedRun,
  file: string | null,
  log: readonly LogLine[] | null,
): void {
  terminal.line();
  if (file === null || log === null) {
    terminal.line(
      `What its worker has logged is where that worker runs: the lines with "runId":"${runId}" on its stderr`,
    );
    return;
  }
  if (log.length === 0) terminal.line(`No line of it is in ${file}`);
  for (const { time, level, message, fields } of log) {
    const { tenant: _tenant, resource: _resource, ...more } = fields;
    const rest = Object.entries(more).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    terminal.line(`  ${time} ${level.padEnd(5)} ${[message, ...rest].join('  ')}`);
  }
}
