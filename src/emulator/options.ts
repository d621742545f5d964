import { ClientAssertions, type ClientKey } from './client-assertion.js';
import { defaultSettings, type EmulatorSettings } from './settings.js';

const DAY_MS = 86_400_000;

/** How to start an emulated tenant. Everything may be left out; settings can also be changed while it runs. */
export interface EmulatorOptions extends Partial<EmulatorSettings> {
  /** Port on the host; 0 picks a free one. */
  readonly port?: number;
  /** Address to listen on; loopback unless something else is really wanted, since the admin routes ask for no token. */
  readonly host?: string;
  /** Name of the tenant. */
  readonly tenant?: string;
  /** Any integer; the same seed, counts and epoch give the same tenant, byte for byte. */
  readonly seed?: number;
  /** Milliseconds since 1970 at which the base data ends; the time of the start when absent. */
  readonly epochMs?: number;
  /** Logs in the base data. */
  readonly logs?: number;
  /** Users in the base data. */
  readonly users?: number;
  /** Clients in the base data, the pseudo client "All Applications" among them. */
  readonly clients?: number;
  /** Roles of the tenant. */
  readonly roles?: number;
  readonly organizations?: number;
  /** Most members of an organization; the fewest are none, and small ones are the usual ones. */
  readonly membersPerOrganization?: number;
  /** Milliseconds before the epoch over which the base logs are spread. */
  readonly logSpanMs?: number;
  /** The client that may get tokens. */
  readonly clientId?: string;
  /** Its secret. */
  readonly clientSecret?: string;
  /** Its public key: then it is let in by assertions that the private key signed, and no longer by its secret. */
  readonly clientKey?: ClientKey;
  /** Audiences that tokens are given for, beside `<origin>/api/v2/`; `https://<tenant>.auth0.com/api/v2/` when absent. */
  readonly audiences?: readonly string[];
  /** Milliseconds between events that happen by themselves; none happen when absent. May be a fraction. */
  readonly liveIntervalMs?: number;
  /**
   * File that keeps the tenant over restarts: its seed, counts, epoch, appended logs and changed records. What it says wins over
   * the options. Settings, tokens and export jobs are not kept.
   */
  readonly stateFile?: string;
  /** The time in milliseconds since 1970. */
  readonly clock?: () => number;
}

/** Every option decided. */
export interface ResolvedOptions {
  readonly port: number;
  readonly host: string;
  readonly tenant: string;
  readonly seed: number;
  readonly epochMs: number;
  readonly logs: number;
  readonly users: number;
  readonly clients: number;
  readonly roles: number;
  readonly organizations: number;
  readonly membersPerOrganization: number;
  readonly logSpanMs: number;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Undefined: the client is let in by its secret. */
  readonly clientAssertions: ClientAssertions | undefined;
  readonly audiences: readonly string[];
  readonly liveIntervalMs: number | undefined;
  readonly stateFile: string | undefined;
  readonly clock: () => number;
  readonly settings: EmulatorSettings;
}

/** What options are when they are left out. */
export const emulatorDefaults = {
  port: 0,
  host: '127.0.0.1',
  tenant: 'emulator',
  seed: 20_260,
  logs: 20_000,
  users: 2_500,
  clients: 120,
  roles: 12,
  organizations: 40,
  membersPerOrganization: 24,
  logSpanMs: 30 * DAY_MS,
  clientId: 'emulator-client',
  clientSecret: 'emulator-s3cr3t-2f8c1b7e',
} as const;

/** Decides every option. Throws a RangeError for a count, a port, an interval or a key that cannot be. */
export function resolveOptions(options: EmulatorOptions): ResolvedOptions {
  const clock = options.clock ?? Date.now;
  const tenant = options.tenant ?? emulatorDefaults.tenant;
  const clientId = options.clientId ?? emulatorDefaults.clientId;
  const resolved: ResolvedOptions = {
    port: options.port ?? emulatorDefaults.port,
    host: options.host ?? emulatorDefaults.host,
    tenant,
    seed: options.seed ?? emulatorDefaults.seed,
    epochMs: Math.floor(options.epochMs ?? clock()),
    logs: options.logs ?? emulatorDefaults.logs,
    users: options.users ?? emulatorDefaults.users,
    clients: options.clients ?? emulatorDefaults.clients,
    roles: options.roles ?? emulatorDefaults.roles,
    organizations: options.organizations ?? emulatorDefaults.organizations,
    membersPerOrganization: options.membersPerOrganization ?? emulatorDefaults.membersPerOrganization,
    logSpanMs: options.logSpanMs ?? emulatorDefaults.logSpanMs,
    clientId,
    clientSecret: options.clientSecret ?? emulatorDefaults.clientSecret,
    clientAssertions: options.clientKey && new ClientAssertions(clientId, options.clientKey),
    audiences: options.audiences ?? [`https://${tenant}.auth0.com/api/v2/`],
    liveIntervalMs: options.liveIntervalMs,
    stateFile: options.stateFile,
    clock,
    settings: settingsOf(options),
  };
  const counts = ['logs', 'users', 'clients', 'roles', 'organizations', 'membersPerOrganization'] as const;
  for (const name of [...counts, 'port', 'seed'] as const) {
    const value = resolved[name];
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${name} must be a whole number, not ${value}.`);
  }
  if (resolved.liveIntervalMs !== undefined && !(resolved.liveIntervalMs > 0)) {
    throw new RangeError(`liveIntervalMs must be above 0, not ${resolved.liveIntervalMs}.`);
  }
  return resolved;
}

function settingsOf(options: EmulatorOptions): EmulatorSettings {
  const defaults = defaultSettings();
  return {
    scopes: options.scopes ?? defaults.scopes,
    tokenLifetimeSeconds: options.tokenLifetimeSeconds ?? defaults.tokenLifetimeSeconds,
    shape: options.shape ?? defaults.shape,
    wrongTotal: options.wrongTotal ?? defaults.wrongTotal,
    repeatAtBorder: options.repeatAtBorder ?? defaults.repeatAtBorder,
    dateAheadMs: options.dateAheadMs === undefined ? defaults.dateAheadMs : options.dateAheadMs,
    logRetentionMs: options.logRetentionMs ?? defaults.logRetentionMs,
    expiredCursor: options.expiredCursor ?? defaults.expiredCursor,
    rateLimit: options.rateLimit ?? defaults.rateLimit,
    exportJobMs: options.exportJobMs ?? defaults.exportJobMs,
    exportLinkSeconds: options.exportLinkSeconds ?? defaults.exportLinkSeconds,
    exportIdentityTokens: options.exportIdentityTokens ?? defaults.exportIdentityTokens,
    exportNulls: options.exportNulls ?? defaults.exportNulls,
    exportOutcome: options.exportOutcome ?? defaults.exportOutcome,
  };
}
