import type { Credentials } from '../auth0/token.js';
import type { ResourceName, ScheduleName } from '../contracts/names.js';
import type { ScheduleSpec } from '../contracts/schedule-spec.js';
import { readClientAuth } from './client-auth.js';
import type { Reader } from './reader.js';
import { SETTINGS as S } from './settings.js';

/** How a tenant is asked and copied: everything but who it is. */
export interface TenantSettings {
  resources: ResourceName[];
  httpTimeoutMs: number;
  /** How much of the tenant's rate limit is used. `maxRps` null: its limit is the only one. */
  pacing: { headroom: number; maxRps: number | null };
  extract: {
    pagesPerActivity: number;
    logsStart: string;
    /** How far behind its cursor a run of logs looks again; 0: not at all. */
    logsOverlapMs: number;
    /** Null: unknown. */
    logRetentionMs: number | null;
    snapshotIntervalMs: number;
    exportFields: string[];
    /** Longest wait for an export job of up to 100,000 users. */
    exportWaitMs: number;
    maxDeleteShare: number;
  };
  schedules: ScheduleSettings;
}

/** When a tenant is copied. */
export interface ScheduleSettings {
  /** Null: not scheduled. */
  specs: Record<ScheduleName, ScheduleSpec | null>;
  /** IANA name of the zone of the cron expressions. */
  timezone: string;
  jitterMs: number;
}

/** A tenant that is configured. */
export interface TenantConfig extends TenantSettings {
  name: string;
  credentials: Credentials;
}

const HOUR_MS = 3_600_000;

/** Reads how a tenant is asked and copied. */
export function readTenantSettings({ read, number, word }: Reader): TenantSettings {
  const retentionDays = read(S.logRetention);
  return {
    resources: read(S.resources) ?? [],
    httpTimeoutMs: number(S.httpTimeout) * 1000,
    pacing: { headroom: number(S.rateHeadroom), maxRps: read(S.maxRps) ?? null },
    extract: {
      pagesPerActivity: number(S.pagesPerActivity),
      logsStart: word(S.logsStart),
      logsOverlapMs: number(S.logsOverlap) * 1000,
      logRetentionMs: retentionDays === undefined ? null : retentionDays * 24 * HOUR_MS,
      maxDeleteShare: number(S.maxDeleteShare),
      snapshotIntervalMs: number(S.snapshotInterval) * HOUR_MS,
      exportFields: read(S.exportFields) ?? [],
      exportWaitMs: number(S.exportWait) * 60_000,
    },
    schedules: {
      specs: {
        logs: read(S.scheduleLogs) ?? null,
        users: read(S.scheduleUsers) ?? null,
        'users-changed': read(S.scheduleUsersChanged) ?? null,
        clients: read(S.scheduleClients) ?? null,
      },
      timezone: word(S.scheduleTimezone),
      jitterMs: number(S.scheduleJitter),
    },
  };
}

/** Who the tenant is, and how it lets us in. Null where nothing is set, and where something is wrong or missing. */
export function readIdentity(reader: Reader): Pick<TenantConfig, 'name' | 'credentials'> | null {
  const { read, nameOf, problem, problems } = reader;
  const before = problems.length;
  const [origin, clientId] = [read(S.domain), read(S.clientId)];
  const { label: proof, auth } = readClientAuth(reader);
  const [audience, name] = [read(S.audience), read(S.tenant)];
  const readable = problems.length === before;
  const required = { [nameOf(S.domain)]: origin, [nameOf(S.clientId)]: clientId, [proof]: auth };
  const present = Object.entries(required).filter(([, value]) => value !== undefined);
  if (readable && present.length === 0) return null;
  const because = present.map(([label]) => label).join(' and ');
  for (const [label, value] of Object.entries(required)) {
    if (value === undefined && !problems.some((text) => text.startsWith(`${label} `)))
      problem(`${label} is missing${because === '' ? '' : ` (${because} is set)`}`);
  }
  if (origin === undefined || clientId === undefined || auth === undefined) return null;
  return {
    name: name ?? tenantNameOf(origin),
    credentials: { origin, audience: audience ?? `${origin}/api/v2/`, clientId, auth },
  };
}

/** `acme.eu.auth0.com` is called acme.eu, since acme may exist in another region too; any other host is called itself. */
export function tenantNameOf(origin: string): string {
  const { hostname, port } = new URL(origin);
  const short = hostname.replace(/\.auth0\.com$/, '').replace(/^\[(.*)\]$/, '$1');
  return `${short}${port === '' ? '' : `-${port}`}`.replaceAll(':', '-');
}
