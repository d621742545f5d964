import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { isResourceName, RESOURCES, type ResourceName } from '../contracts/names.js';
import { isDataDir, readStack, type StackAddresses } from '../embedded/data-dir.js';
import { connectTemporal, type TemporalHandle } from '../temporal/connect.js';
import { CommandError, UsageError } from './failure.js';
import { createTerminal, type Terminal } from './terminal.js';

/** Flags that every command takes. */
export interface CommonFlags {
  json?: boolean;
  dataDir?: string;
}

/** Where and how a command talks: to people on `terminal`, to scripts by `result`. */
export interface Output {
  terminal: Terminal;
  json: boolean;
  /** Prints the one JSON document of `--json`, as the last line on stdout. Without the flag it prints nothing. */
  result(document: unknown): void;
}

/** With `--json` stdout belongs to the document, and people are talked to on stderr. */
export function openOutput({ json = false }: CommonFlags): Output {
  return {
    json,
    terminal: createTerminal(json ? process.stderr : process.stdout),
    result(document) {
      if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    },
  };
}

/** The configuration with the flags that stand for settings on top. Throws ConfigError. */
export function configOf(flags: CommonFlags, more: Record<string, string | undefined> = {}): Config {
  return loadConfig({ DATA_DIR: flags.dataDir, ...more });
}

/** The parts that a command needs, from the settings or from the stack that is running on the data folder. */
export interface Reached {
  tenant: string;
  temporal: { address: string; namespace: string; ui: string | null } | null;
  clickhouse: { url: string; database: string } | null;
  stack: StackAddresses | null;
}

/** Finds tenant, Temporal and ClickHouse: what is configured wins over what `up` has started. */
export function reach(config: Config): Reached {
  const stack = readStack(config.stack.dataDir);
  const { address, namespace } = config.temporal;
  const { url, database } = config.clickhouse;
  const tenant = config.tenant?.name ?? stack?.tenant.name;
  return {
    tenant: tenant ?? 'demo',
    temporal: address === null ? (stack?.temporal ?? null) : { address, namespace, ui: null },
    clickhouse: url === null ? (stack?.clickhouse ?? null) : { url, database },
    stack,
  };
}

/** Connects to the Temporal server that a command needs. Throws CommandError, ExtractError. */
export async function openTemporal(config: Config): Promise<TemporalHandle & { reached: Reached }> {
  const reached = reach(config);
  if (reached.temporal === null) throw noStack(config, 'TEMPORAL_ADDRESS');
  const handle = await connectTemporal(reached.temporal);
  return { ...handle, reached };
}

/** The error for a command that needs what nobody has started. */
export function noStack(config: Config, variable: string): CommandError {
  const where = isDataDir(config.stack.dataDir) ? `on ${config.stack.dataDir}` : 'here';
  return new CommandError(
    `Nothing is running ${where} and ${variable} is not set: start it with npm start, or set ${variable}`,
  );
}

/** `logs,users` as resources. Throws UsageError. */
export function parseResources(text: string | undefined): ResourceName[] | undefined {
  if (text === undefined) return undefined;
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const wrong = words.filter((word) => !isResourceName(word));
  if (wrong.length > 0 || words.length === 0)
    throw new UsageError(`--resources ${text}: there are ${RESOURCES.join(', ')}`);
  return [...new Set(words.filter((word) => isResourceName(word)))];
}
