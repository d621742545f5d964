import type { Destination } from '../clickhouse/client.js';
import { ConfigError } from './problems.js';
import { createReader, type Reader } from './reader.js';
import { SETTINGS as S } from './settings.js';
import { readIdentity, readTenantSettings, type TenantConfig, type TenantSettings } from './tenant.js';
import { parseTenantsFile } from './tenants-file.js';
import { readTemporal, type TemporalConfig } from './temporal.js';

export { ConfigError } from './problems.js';
export { type ScheduleSettings, type TenantConfig, tenantNameOf, type TenantSettings } from './tenant.js';

/** All settings as the rest of the program uses them. Secrets are in it: never print it. */
export interface Config {
  /** Empty: no tenant is configured, and `up` starts the emulator. */
  tenants: TenantConfig[];
  /** Name in AUTH0_TENANT: which tenant a command means where none is configured here. */
  tenantName: string | null;
  /** How a tenant is copied that is not configured here, such as the emulated one. */
  defaults: TenantSettings;
  temporal: TemporalConfig;
  /** `url` is null where no server is configured, and an embedded one is meant. */
  clickhouse: Omit<Destination, 'url'> & { url: string | null; databaseId: string | null };
  stack: {
    dataDir: string;
    temporalCliPath: string | null;
    temporalPort: number;
    temporalUiPort: number;
    clickhousePort: number;
    emulator: { port: number; logs: number; users: number; clients: number; seed: number };
  };
  shutdownGraceMs: number;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  observability: ObservabilityConfig;
}

/** What a worker shows of itself. */
export interface ObservabilityConfig {
  logFormat: 'auto' | 'json' | 'pretty';
  /** `port` null: not set, so that another one may be taken where the usual one is in use. */
  metrics: { host: string; port: number | 'off' | null; allowedHosts: readonly string[] };
  /** Null: no traces. */
  tracing: { endpoint: string; serviceName: string; headers: Record<string, string> } | null;
}

/** The files that a configuration is made of, beside the environment. */
export interface ConfigFiles {
  /** The tenants file, where there is one. */
  tenants: { file: string; text: string } | null;
  /** Content of a file that the configuration refers to. Throws where it cannot be read. */
  readFile: (path: string) => string;
}

const NO_FILES: ConfigFiles = {
  tenants: null,
  readFile: () => {
    throw new Error('there are no files');
  },
};

/**
 * Turns environment variables, and a file of tenants, into a configuration. Empty variables count as unset (docker
 * compose's `${VAR:-}` makes them). Throws {@link ConfigError} with every problem.
 */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
  files: ConfigFiles = NO_FILES,
  problems: string[] = [],
): Config {
  const reader = createReader(({ name }) => env[name], problems);
  const { read, number, word } = reader;
  const defaults = readTenantSettings(reader);
  const config: Config = {
    tenants: readTenants(env, files, problems, defaults),
    tenantName: read(S.tenant) ?? null,
    defaults,
    temporal: readTemporal(read, env, problems),
    clickhouse: {
      url: read(S.clickhouseUrl) ?? null,
      database: word(S.clickhouseDatabase),
      databaseId: read(S.clickhouseDatabaseId) ?? null,
      username: word(S.clickhouseUser),
      password: word(S.clickhousePassword),
      cluster: read(S.clickhouseCluster) ?? null,
    },
    stack: {
      dataDir: word(S.dataDir),
      temporalCliPath: read(S.temporalCliPath) ?? null,
      temporalPort: number(S.temporalPort),
      temporalUiPort: number(S.temporalUiPort),
      clickhousePort: number(S.clickhousePort),
      emulator: {
        port: number(S.emulatorPort),
        logs: number(S.emulatorLogs),
        users: number(S.emulatorUsers),
        clients: number(S.emulatorClients),
        seed: number(S.emulatorSeed),
      },
    },
    shutdownGraceMs: number(S.shutdownGrace) * 1000,
    logLevel: read(S.logLevel) ?? 'info',
    observability: readObservability(read),
  };
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return config;
}

function readObservability(read: Reader['read']): ObservabilityConfig {
  const endpoint = read(S.otlpEndpoint);
  const serviceName = read(S.otelServiceName) ?? '';
  const headers = read(S.otlpHeaders) ?? {};
  return {
    logFormat: read(S.logFormat) ?? 'auto',
    metrics: {
      host: read(S.metricsHost) ?? '',
      port: read(S.metricsPort) ?? null,
      allowedHosts: read(S.metricsAllowedHosts) ?? [],
    },
    tracing: endpoint === undefined ? null : { endpoint, serviceName, headers },
  };
}

/** The tenants: those of the file, or the one of the environment. */
function readTenants(
  env: Readonly<Record<string, string | undefined>>,
  files: ConfigFiles,
  problems: string[],
  defaults: TenantSettings,
): TenantConfig[] {
  const isSet = (name: string) => (env[name] ?? '').trim() !== '';
  if (files.tenants !== null) {
    for (const { name } of [S.domain, S.clientId, S.clientSecret, S.privateKey, S.privateKeyId, S.audience])
      if (isSet(name))
        problems.push(`${name} is set, and so is ${files.tenants.file}: the tenants are in one place only`);
    const lookup = (name: string) => (isSet(name) ? env[name] : undefined);
    return parseTenantsFile({ ...files.tenants, env: lookup, readFile: files.readFile }, problems);
  }
  const identity = readIdentity(createReader(({ name }) => env[name], problems));
  return identity === null ? [] : [{ ...identity, ...defaults }];
}
