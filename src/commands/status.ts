import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.js';
import { RESOURCES } from '../contracts/names.js';
import { staleness } from '../contracts/stale.js';
import { askHeld, askRuns, askTables } from '../status/collect.js';
import { createPaceMeter, type PaceMeter } from '../status/progress.js';
import {
  type Answer,
  combine,
  type HeldFacts,
  isFine,
  statusDocument,
  type StatusReport,
  type TenantRuns,
} from '../status/status.js';
import { renderStatus } from '../status/view.js';
import { connectTemporal } from '../temporal/connect.js';
import { type CommonFlags, configOf, openOutput, type Output, reach, settingsOf, theTenant } from './context.js';
import { openDestination } from './destination.js';
import { describeFailure, EXIT } from './failure.js';

export interface StatusFlags extends CommonFlags {
  watch?: boolean;
}

/** How often `--watch` draws anew, and prints where nothing can be drawn in place. */
const REDRAW_MS = 1_000;
const LINE_MS = 10_000;
/** Counting what is held reads the tables, so it is asked for less often than how far the runs are. */
const HELD_EVERY_MS = 5_000;

/**
 * Shows what each resource is doing, how far behind it is, what went wrong. Exit code 0: all is well; 1: a part is down,
 * a resource has failed or is stale.
 */
export async function status(flags: StatusFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  if (flags.watch) return watch(config, output);
  const report = await look(config, createLooks(config));
  print(output, report);
  output.result(statusDocument(report));
  return isFine(report) ? EXIT.done : EXIT.failed;
}

/** The ways to ask, and what they measure over time. */
interface Looks {
  meter: PaceMeter;
  temporal: (tenants: readonly string[]) => Promise<Answer<TenantRuns>>;
  clickhouse: (tenants: readonly string[]) => Promise<AskedDestination>;
}

/** What ClickHouse has answered, and what is wrong with its tables although it does. */
interface AskedDestination {
  answer: Answer<HeldFacts>;
  tables: string | null;
}

function createLooks(config: Config): Looks {
  return {
    meter: createPaceMeter(),
    temporal: (tenants) => answerOf(() => askTemporal(config, tenants)),
    clickhouse: (tenants) => askDestination(config, tenants),
  };
}

async function look(config: Config, { meter, ...ask }: Looks): Promise<StatusReport> {
  const { tenants: names } = reach(config);
  if (names.length === 0) theTenant({ tenants: names });
  const [temporal, clickhouse] = await Promise.all([ask.temporal(names), ask.clickhouse(names)]);
  const now = Date.now();
  if (temporal.problem === null)
    for (const [tenant, { live }] of temporal.of)
      for (const resource of RESOURCES) meter.look(`${tenant} ${resource}`, live[resource] ?? null, now);
  return combine({
    now,
    tenants: names.map((name) => ({ name, settings: settingsOf(config, name) })),
    temporal,
    clickhouse: clickhouse.answer,
    tables: clickhouse.tables,
    paceOf: (tenant, resource) => meter.pace(`${tenant} ${resource}`),
    staleness,
  });
}

/** Turns what a part throws into the sentence that says what is wrong with it. */
async function answerOf<T>(ask: () => Promise<ReadonlyMap<string, T> | string>): Promise<Answer<T>> {
  try {
    const answer = await ask();
    return typeof answer === 'string' ? { problem: answer } : { problem: null, of: answer };
  } catch (error) {
    return { problem: describeFailure(error).message };
  }
}

async function askTemporal(config: Config, tenants: readonly string[]): Promise<Map<string, TenantRuns> | string> {
  const { temporal } = reach(config);
  if (temporal === null) return 'Temporal is not running: start it with npm start, or set TEMPORAL_ADDRESS';
  const { client, close } = await connectTemporal(temporal);
  try {
    return await askRuns(client, tenants);
  } finally {
    await close();
  }
}

async function askDestination(config: Config, tenants: readonly string[]): Promise<AskedDestination> {
  const { database } = config.clickhouse;
  let tables: string | null = null;
  const answer = await answerOf(async () => {
    const destination = await openDestination(config);
    try {
      const held = await askHeld(destination.client, database, tenants);
      tables = await askTables(destination.client, database);
      return held;
    } finally {
      await destination.close();
    }
  });
  return { answer, tables };
}

/** Draws the same again and again until Ctrl-C, which is the way to end it and no failure. */
async function watch(config: Config, output: Output): Promise<number> {
  const { terminal, json } = output;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const looks = createLooks(config);
  let held: { asked: AskedDestination; at: number; embedded: boolean } | undefined;
  const watched: Looks = {
    ...looks,
    async clickhouse(tenants) {
      const embedded = reach(config).clickhouse === null;
      // An engine that is started for each question would hold the data folder against the next `up`: once is enough.
      const isGood =
        held !== undefined && held.embedded === embedded && (embedded || Date.now() - held.at < HELD_EVERY_MS);
      if (held === undefined || !isGood) held = { asked: await looks.clickhouse(tenants), at: Date.now(), embedded };
      return held.asked;
    },
  };
  try {
    while (!abort.signal.aborted) {
      const report = await look(config, watched);
      if (json) output.result(statusDocument(report));
      else if (terminal.live) terminal.redraw(linesOf(output, report));
      else print(output, report);
      const pause = terminal.live && !json ? REDRAW_MS : json ? REDRAW_MS * 2 : LINE_MS;
      await sleep(pause, undefined, { signal: abort.signal }).catch(() => {});
    }
    terminal.keep();
    return EXIT.done;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function print(output: Output, report: StatusReport): void {
  for (const line of linesOf(output, report)) output.terminal.line(line);
}

function linesOf({ terminal }: Output, report: StatusReport): string[] {
  return renderStatus(report, { colors: terminal.colors, width: terminal.width, now: Date.now() });
}
