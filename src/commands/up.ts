import type { ClickHouseClient } from '@clickhouse/client';
import { openClickHouse } from '../clickhouse/client.js';
import type { Config } from '../config/config.js';
import { specText } from '../contracts/schedule-spec.js';
import { type DataDir, openDataDir } from '../embedded/data-dir.js';
import { type Stack, startStack } from '../embedded/stack.js';
import { askHeld } from '../status/collect.js';
import { connectTemporal } from '../temporal/connect.js';
import { applySchedules } from '../temporal/schedules.js';
import { type WantedSchedule, wantedSchedules } from '../temporal/wanted.js';
import { checkServers } from './check-servers.js';
import {
  type CommonFlags,
  configOf,
  openOutput,
  type Output,
  parseResources,
  settingsOf,
  withEmbeddedUser,
} from './context.js';
import { CommandError, EXIT, tellProblem } from './failure.js';
import { allCompleted, problemsOf, syncDocument, syncLive, type SyncedTenant } from './live-sync.js';
import { printLaterRuns } from './later-runs.js';
import { printAddresses, printHowToAsk, printOverview } from './overview.js';
import { duration } from './terminal.js';

export interface UpFlags extends CommonFlags {
  once?: boolean;
  full?: boolean;
  resources?: string;
  temporalPort?: string;
  uiPort?: string;
  clickhousePort?: string;
}

/** Starts the stack, syncs everything once with progress on screen, then keeps the schedules running until Ctrl-C. */
export async function up(flags: UpFlags): Promise<number> {
  const startedAt = Date.now();
  const output = openOutput(flags);
  const resources = parseResources(flags.resources);
  const configured = configOf(flags, {
    TEMPORAL_PORT: flags.temporalPort,
    TEMPORAL_UI_PORT: flags.uiPort,
    CLICKHOUSE_PORT: flags.clickhousePort,
  });
  await checkServers(configured);
  const dataDir = openDataDir(configured.stack.dataDir);
  const config = withEmbeddedUser(configured, dataDir.password);
  process.on('exit', () => dataDir.release());
  const interrupted = watchSignals();

  output.terminal.line(started(config));
  const starting = startStack(config, dataDir, {
    live: flags.once !== true,
    say: (line) => output.terminal.line(output.terminal.colors.yellow(line)),
  });
  const stack = await Promise.race([starting, interrupted.promise]);
  if (stack === 'interrupted') {
    // The parts see that we are gone and stop by themselves.
    return EXIT.interrupted;
  }
  output.terminal.line(`Everything is up after ${duration(Date.now() - startedAt)}.`);
  const input = { ...(resources && { resources }), ...(flags.full && { full: true }) };
  const ends = Promise.race([
    interrupted.promise,
    stack.broken.then((reason) => {
      throw new CommandError(`${reason}. Its output is in ${dataDir.file('logs')}`);
    }),
  ]);
  const clickhouse = openClickHouse(
    { ...config.clickhouse, url: stack.addresses.clickhouse.url },
    { useDatabase: true },
  );
  const temporal = await connectTemporal({ ...config.temporal, ...stack.addresses.temporal });
  const stopped = new AbortController();
  const password = config.clickhouse.url === null ? dataDir.password : null;
  try {
    const { tenants } = stack.addresses;
    output.terminal.line(`Copying ${tenants.map(({ name, origin }) => `${name} (${origin})`).join(', ')}:`);
    const stopDrawing = new AbortController();
    const syncing = syncLive(temporal.client, output.terminal, {
      signal: stopDrawing.signal,
      taskQueue: config.temporal.taskQueue,
      tenants: tenants.map(({ name }) => ({ name, settings: settingsOf(config, name) })),
      input,
      searchAttributes: temporal.searchAttributes,
      askHeld: (names) => askHeld(clickhouse, config.clickhouse.database, names),
    });
    // After a Ctrl-C nobody waits for it any more: what it says then is that the server went away.
    syncing.catch(() => {});
    const synced = await Promise.race([syncing, ends]);
    stopDrawing.abort();
    if (synced === 'interrupted') return await sayStopping(output, EXIT.interrupted);
    const { database } = config.clickhouse;
    if (allCompleted(synced)) await printOverview(output.terminal, clickhouse, database);
    for (const problem of problemsOf(synced)) tellProblem(problem);
    output.result(upDocument(synced, stack));
    const exitCode = allCompleted(synced) ? EXIT.done : EXIT.failed;
    // With nothing copied at all (a wrong secret) schedules would only repeat it.
    const results = synced.flatMap(({ result }) => Object.values(result?.resources ?? {}));
    const someDone = results.some(({ status }) => status === 'completed');
    if (flags.once || !someDone) {
      if (someDone) printHowToAsk(output.terminal, flags.dataDir);
      return exitCode;
    }
    printAddresses(output.terminal, stack.addresses, { dataDir: flags.dataDir, password });
    for (const { name } of tenants) {
      const wanted = wantedSchedules(settingsOf(config, name));
      const applied = await applySchedules(temporal.client, config.temporal.taskQueue, name, wanted, temporal);
      for (const { scheduleId, error } of applied)
        if (error !== undefined)
          tellProblem(`The schedule ${scheduleId} could not be set: ${error}. To set it: schedule apply`);
      const label = tenants.length > 1 ? ` of ${name}` : '';
      output.terminal.line(`Schedules${label} are running${describeSchedules(wanted)}.`);
    }
    output.terminal.line('Ctrl-C stops everything. A line for each later sync:');
    const names = tenants.map(({ name }) => name);
    const printing = printLaterRuns(output.terminal, clickhouse, { database, tenants: names, signal: stopped.signal });
    await Promise.race([ends, printing]);
    return await sayStopping(output, EXIT.done);
  } finally {
    stopped.abort();
    await close(clickhouse, stack, dataDir);
  }
}

function started(config: Config): string {
  const parts = [
    config.temporal.address === null ? 'a Temporal server' : undefined,
    config.clickhouse.url === null ? 'ClickHouse' : undefined,
    config.tenants.length === 0 ? 'an emulated Auth0 tenant (no tenant is configured)' : undefined,
    'the worker',
  ];
  return `Starting ${parts.filter((part) => part !== undefined).join(', ')}; data in ${config.stack.dataDir}`;
}

function describeSchedules(wanted: readonly WantedSchedule[]): string {
  const on = wanted.flatMap(({ schedule, spec }) => (spec === null ? [] : [`${schedule} ${specText(spec)}`]));
  return on.length === 0 ? ' (none is configured)' : `: ${on.join(', ')}`;
}

async function sayStopping(output: Output, exitCode: number): Promise<number> {
  output.terminal.keep();
  output.terminal.line('Stopping. What is under way goes on where it was at the next start.');
  return exitCode;
}

/** The first Ctrl-C asks for an orderly end; the second ends this process at once, and the parts follow it. */
function watchSignals(): { promise: Promise<'interrupted'> } {
  const promise = new Promise<'interrupted'>((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(EXIT.interrupted);
        asked = true;
        resolve('interrupted');
      });
    }
  });
  return { promise };
}

/**
 * Stops the parts. The Temporal connection is left to the end of the process: closed under a call in flight, grpc-js
 * throws "Channel has been shut down" where nobody can catch it.
 */
async function close(clickhouse: ClickHouseClient, stack: Stack, dataDir: DataDir): Promise<void> {
  await clickhouse.close();
  await stack.stop();
  dataDir.release();
}

/** The document of `up --json` and `sync --json`: scripts rely on its fields. */
export function upDocument(synced: readonly SyncedTenant[], { addresses }: Pick<Stack, 'addresses'>): unknown {
  return {
    ...syncDocument(synced),
    temporal: { address: addresses.temporal.address, ui: addresses.temporal.ui },
    clickhouse: addresses.clickhouse,
    metrics: addresses.metrics,
  };
}
