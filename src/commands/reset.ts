import { createInterface } from 'node:readline/promises';
import { type Client } from '@temporalio/client';
import { countMeant, type MeantRows, type ResetChoice, resetRows } from '../clickhouse/reset.js';
import type { Config } from '../config/config.js';
import { isResourceName, RESOURCES, scheduleId, schedulesOf } from '../contracts/names.js';
import { connectTemporal } from '../temporal/connect.js';
import { findRuns } from '../temporal/control.js';
import { pauseSchedules, resumeSchedules } from '../temporal/schedule-pause.js';
import { type CommonFlags, configOf, openOutput, type Output, reach, theTenant } from './context.js';
import { openDestination } from './destination.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { alignColumns, count } from './terminal.js';
import { whoAmI } from './who.js';

export interface ResetFlags extends CommonFlags {
  yes?: boolean;
}

/**
 * Drops what is held of a resource, or of a whole tenant: records, positions, gaps and the ledger's rows. The next run
 * begins anew. JSON: `{tenant, resource, status: 'reset'|'nothing', tables: [{table, rows}]}`.
 */
export async function reset(resource: string | undefined, flags: ResetFlags): Promise<number> {
  const output = openOutput(flags);
  if (resource === undefined && flags.tenant === undefined)
    throw new UsageError('Say what to reset: a resource, or with --tenant all that is held of a tenant');
  if (resource !== undefined && !isResourceName(resource))
    throw new UsageError(`reset ${resource}: there are ${RESOURCES.join(', ')}`);
  // What is held outlives its tenant's configuration: `--tenant` may name one that is no longer in it.
  const { tenant: _tenant, ...shared } = flags;
  const config = configOf(shared);
  const choice: ResetChoice = { tenant: flags.tenant ?? theTenant(reach(config)), resource: resource ?? null };
  if (!flags.yes && !canAsk())
    throw new UsageError('Nobody can be asked here for a yes: --yes drops it without asking');
  const destination = await openDestination(config);
  try {
    refuseBlindly(config);
    const tables = (await countMeant(destination.client, config.clickhouse, choice)).filter(({ rows }) => rows > 0);
    const document = { tenant: choice.tenant, resource: choice.resource, tables };
    if (tables.length === 0) {
      output.terminal.line(`Nothing is held of ${nameOf(choice)}`);
      output.result({ ...document, status: 'nothing' });
      return EXIT.done;
    }
    printMeant(output, choice, tables);
    if (!flags.yes && !(await confirmed(choice))) throw new CommandError('Nothing was dropped');
    const rows = tables.reduce((sum, entry) => sum + entry.rows, 0);
    await whileNothingRuns(config, choice, () =>
      resetRows(destination.client, config.clickhouse, choice, { by: whoAmI(), rows, now: Date.now() }),
    );
    output.terminal.line(`Dropped. The next sync of ${nameOf(choice)} begins anew, with what the tenant still has.`);
    output.result({ ...document, status: 'reset' });
    return EXIT.done;
  } finally {
    await destination.close();
  }
}

/** Without Temporal nobody knows whether a run is under way, unless nothing but this command can open the data. */
function refuseBlindly(config: Config): void {
  const { temporal, clickhouse } = reach(config);
  if (temporal === null && clickhouse !== null)
    throw new CommandError('Whether a run is under way cannot be asked: set TEMPORAL_ADDRESS');
}

function nameOf({ tenant, resource }: ResetChoice): string {
  return resource === null ? tenant : `${resource} of ${tenant}`;
}

function printMeant({ terminal }: Output, choice: ResetChoice, tables: readonly MeantRows[]): void {
  terminal.line(`All of ${nameOf(choice)} is dropped from:`);
  for (const row of alignColumns(
    tables.map(({ table, rows }) => [`  ${table}`, `${count(rows)} rows`]),
    [1],
  ))
    terminal.line(row);
}

function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

async function confirmed(choice: ResetChoice): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const said = await asking.question(
      `What the tenant no longer keeps cannot be read again. Type yes to drop ${nameOf(choice)}: `,
    );
    return said.trim().toLowerCase() === 'yes';
  } finally {
    asking.close();
  }
}

/** Keeps the schedules from starting anything meanwhile. Throws CommandError where a run is under way. */
async function whileNothingRuns(config: Config, choice: ResetChoice, act: () => Promise<void>): Promise<void> {
  const { temporal } = reach(config);
  if (temporal === null) return act();
  const { client, close } = await connectTemporal(temporal);
  try {
    const resources = choice.resource === null ? RESOURCES : [choice.resource];
    const ids = schedulesOf(resources).map((schedule) => scheduleId(choice.tenant, schedule));
    const paused = await pauseSchedules(client, ids, `paused while ${nameOf(choice)} is reset`);
    const ours = paused.filter(({ action }) => action === 'paused').map((entry) => entry.scheduleId);
    try {
      await refuseRunning(client, choice, resources);
      await act();
    } finally {
      await resumeSchedules(client, ours, `${nameOf(choice)} was reset`);
    }
  } finally {
    await close();
  }
}

async function refuseRunning(
  client: Client,
  { tenant, resource }: ResetChoice,
  resources: Parameters<typeof findRuns>[1]['resources'],
): Promise<void> {
  const runs = await findRuns(client, { tenant, resources, backfillsOnly: false, everything: resource === null });
  if (runs.length === 0) return;
  const how = `cancel${resource === null ? '' : ` --resources ${resource}`} --tenant ${tenant}`;
  throw new CommandError(
    `Nothing was dropped: ${runs.join(', ')} ${runs.length === 1 ? 'is' : 'are'} under way. Wait for the end, or end it: ${how}`,
  );
}
