import type { Credentials } from '../auth0/token.js';
import type { Destination } from '../clickhouse/client.js';
import { type Setting, SETTINGS as S } from './settings.js';

/** A tenant that is configured. */
export interface TenantConfig {
  name: string;
  credentials: Credentials;
}

/** All settings as the rest of the program uses them. Secrets are in it: never print it. */
export interface Config {
  /** Null: no tenant is configured, and `up` starts the emulator. */
  tenant: TenantConfig | null;
  httpTimeoutMs: number;
  /** How much of the tenant's rate limit is used. `maxRps` null: its limit is the only one. */
  pacing: { headroom: number; maxRps: number | null };
  temporal: { address: string | null; namespace: string; taskQueue: string };
  /** `url` is null where no server is configured, and an embedded one is meant. */
  clickhouse: Omit<Destination, 'url'> & { url: string | null };
  extract: {
    pagesPerActivity: number;
    logsStart: string;
    /** How far behind its cursor a run of logs looks again; 0: not at all. */
    logsOverlapMs: number;
    /** Null: unknown. */
    logRetentionMs: number | null;
    snapshotIntervalMs: number;
    exportFields: string[];
    maxDeleteShare: number;
  };
  /** Milliseconds between the runs of a schedule; 0: none. */
  schedules: { logs: number; users: number; clients: number };
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
}

/** Settings that are wrong or missing: all of them at once, each with its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads one setting; undefined where it is unset, or not valid, which is then among the problems. */
type Read = <T>(setting: Setting<T>) => T | undefined;

const HOUR_MS = 3_600_000;

/**
 * Turns environment variables into a configuration. Empty variables count as unset (docker compose's `${VAR:-}` makes
 * them). Throws {@link ConfigError} with every problem.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const read: Read = ({ name, schema, default: standard, secret }) => {
    const text = env[name] === undefined || env[name].trim() === '' ? standard : env[name];
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    // A URL can hold a password where none belongs.
    const shown = secret ? '' : ` (it is "${text.replace(/\/\/.*@/, '//***@')}")`;
    problems.push(`${name} ${parsed.error.issues[0]?.message ?? 'is not valid'}${shown}`);
    return undefined;
  };
  /** For settings with a default: only a problem, which ends in an error below, leaves them undefined. */
  const number = (setting: Setting<number>): number => read(setting) ?? 0;
  const word = (setting: Setting<string>): string => read(setting) ?? '';

  const config: Config = {
    tenant: readTenant(read, problems),
    httpTimeoutMs: number(S.httpTimeout) * 1000,
    pacing: { headroom: number(S.rateHeadroom), maxRps: read(S.maxRps) ?? null },
    temporal: {
      address: read(S.temporalAddress) ?? null,
      namespace: word(S.temporalNamespace),
      taskQueue: word(S.temporalTaskQueue),
    },
    clickhouse: {
      url: read(S.clickhouseUrl) ?? null,
      database: word(S.clickhouseDatabase),
      username: word(S.clickhouseUser),
      password: word(S.clickhousePassword),
      cluster: read(S.clickhouseCluster) ?? null,
    },
    extract: {
      pagesPerActivity: number(S.pagesPerActivity),
      logsStart: word(S.logsStart),
      logsOverlapMs: number(S.logsOverlap) * 1000,
      logRetentionMs: daysToMs(read(S.logRetention)),
      maxDeleteShare: number(S.maxDeleteShare),
      snapshotIntervalMs: number(S.snapshotInterval) * HOUR_MS,
      exportFields: read(S.exportFields) ?? [],
    },
    schedules: {
      logs: number(S.logsInterval) * 1000,
      users: number(S.usersInterval) * HOUR_MS,
      clients: number(S.clientsInterval) * HOUR_MS,
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
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function daysToMs(days: number | undefined): number | null {
  return days === undefined ? null : days * 24 * HOUR_MS;
}

function readTenant(read: Read, problems: string[]): TenantConfig | null {
  const before = problems.length;
  const [origin, clientId, clientSecret] = [read(S.domain), read(S.clientId), read(S.clientSecret)];
  const [audience, name] = [read(S.audience), read(S.tenant)];
  const readable = problems.length === before;
  const given = { AUTH0_DOMAIN: origin, AUTH0_CLIENT_ID: clientId, AUTH0_CLIENT_SECRET: clientSecret };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  if (readable && present.length === 0) return null;
  const because = present.map(([variable]) => variable).join(' and ');
  for (const [variable, value] of Object.entries(given)) {
    if (value === undefined && !problems.some((problem) => problem.startsWith(`${variable} `)))
      problems.push(`${variable} is missing${because === '' ? '' : ` (${because} is set)`}`);
  }
  if (origin === undefined || clientId === undefined || clientSecret === undefined) return null;
  return {
    name: name ?? tenantNameOf(origin),
    credentials: { origin, audience: audience ?? `${origin}/api/v2/`, clientId, clientSecret },
  };
}

/** `acme.eu.auth0.com` is called acme.eu, since acme may exist in another region too; any other host is called itself. */
export function tenantNameOf(origin: string): string {
  const { hostname, port } = new URL(origin);
  const short = hostname.replace(/\.auth0\.com$/, '').replace(/^\[(.*)\]$/, '$1');
  return `${short}${port === '' ? '' : `-${port}`}`.replaceAll(':', '-');
}
