import type { Config, TenantSettings } from '../config/config.js';
import { findUnknown, loadConfig } from '../config/load.js';
import { describeUnknown } from '../config/unknown.js';
import { isResourceName, RESOURCES, type ResourceName } from '../contracts/names.js';
import { USER } from '../embedded/clickhouse/access.js';
import { isDataDir, readPassword, readStack, type StackAddresses } from '../embedded/data-dir.js';
import { inJson } from '../printable.js';
import { connectTemporal, type TemporalHandle } from '../temporal/connect.js';
import type { TemporalTarget } from '../temporal/connection-options.js';
import { CommandError, UsageError } from './failure.js';
import { createTerminal, type Terminal } from './terminal.js';

/** Flags that every command takes. */
export interface CommonFlags {
  json?: boolean;
  dataDir?: string;
  tenant?: string;
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
      if (json) process.stdout.write(`${inJson(JSON.stringify(document))}\n`);
    },
  };
}

/**
 * The configuration with the flags that stand for settings on top; `--tenant` leaves one tenant of it. Throws
 * ConfigError, UsageError.
 */
export function configOf(flags: CommonFlags, more: Record<string, string | undefined> = {}): Config {
  // Once, before anything else is said: it may be why what follows is wrong.
  for (const unknown of findUnknown()) process.stderr.write(`${describeUnknown(unknown)}\n`);
  const loaded = loadConfig({ DATA_DIR: flags.dataDir, ...more });
  const config = withEmbeddedUser(loaded, readPassword(loaded.stack.dataDir));
  const { tenant } = flags;
  if (tenant === undefined) return config;
  const tenants = config.tenants.filter(({ name }) => name === tenant);
  if (tenants.length === 0 && config.tenants.length > 0)
    throw noSuchTenant(
      tenant,
      config.tenants.map(({ name }) => name),
    );
  return { ...config, tenants, tenantName: tenant };
}

/** The configuration with the user of the data folder's own ClickHouse, where no other server is configured. */
export function withEmbeddedUser(config: Config, password: string): Config {
  const { clickhouse } = config;
  return clickhouse.url === null ? { ...config, clickhouse: { ...clickhouse, username: USER, password } } : config;
}

/** The parts that a command needs, from the settings or from the stack that is running on the data folder. */
export interface Reached {
  /** The tenants that are meant: the one of `--tenant`, else all that are known here. Empty: none is known. */
  tenants: readonly string[];
  /** With credentials in it: print its address and its UI only. */
  temporal: (TemporalTarget & { ui: string | null }) | null;
  clickhouse: { url: string; database: string } | null;
  stack: StackAddresses | null;
}

/** Finds tenants, Temporal and ClickHouse: what is configured wins over what `up` has started. Throws UsageError. */
export function reach(config: Config): Reached {
  const stack = readStack(config.stack.dataDir);
  const { address } = config.temporal;
  const { url, database } = config.clickhouse;
  return {
    tenants: meantTenants(config, stack),
    temporal:
      address === null ? stack && { ...config.temporal, ...stack.temporal } : { ...config.temporal, address, ui: null },
    clickhouse: url === null ? (stack?.clickhouse ?? null) : { url, database },
    stack,
  };
}

function meantTenants({ tenants, tenantName, temporal }: Config, stack: StackAddresses | null): string[] {
  if (tenants.length > 0) return tenants.map(({ name }) => name);
  const running = stack?.tenants.map(({ name }) => name) ?? [];
  if (tenantName === null) return running;
  // On an operator's machine no tenant is configured, and any name may be meant.
  if (stack !== null && temporal.address === null && !running.includes(tenantName))
    throw noSuchTenant(tenantName, running);
  return [tenantName];
}

function noSuchTenant(name: string, known: readonly string[]): UsageError {
  return new UsageError(
    `There is no tenant "${name}" here; there ${known.length > 1 ? 'are' : 'is'} ${known.join(', ')}`,
  );
}

/** The one tenant of a command that is for one only. Throws UsageError where several are known, or none. */
export function theTenant({ tenants }: Pick<Reached, 'tenants'>): string {
  const [only] = tenants;
  if (only !== undefined && tenants.length === 1) return only;
  throw new UsageError(
    only === undefined
      ? 'No tenant is known here: name it with --tenant'
      : `There are several tenants; name one with --tenant: ${tenants.join(', ')}`,
  );
}

/** How a tenant is copied: by its own settings, or by those of the environment where it is not configured here. */
export function settingsOf(config: Config, tenant: string): TenantSettings {
  return config.tenants.find(({ name }) => name === tenant) ?? config.defaults;
}

/**
 * Connects to the Temporal server that a command needs, and finds the tenants that it is about: at least one. Throws
 * CommandError, ExtractError, UsageError.
 */
export async function openTemporal(config: Config): Promise<TemporalHandle & { reached: Reached }> {
  const reached = reach(config);
  if (reached.temporal === null) throw noStack(config, 'TEMPORAL_ADDRESS');
  if (reached.tenants.length === 0) theTenant(reached);
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
