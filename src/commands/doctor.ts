import { createManagementApi } from '../auth0/http.js';
import { createPacer } from '../auth0/pacer.js';
import { createTokenSource } from '../auth0/token.js';
import { openClickHouse } from '../clickhouse/client.js';
import { type Config, ConfigError, type TenantConfig } from '../config/config.js';
import { findUnknown } from '../config/load.js';
import { anyFailed, type Check, type CheckGroup, failedWith, skipped } from '../doctor/check.js';
import { checkClickHouse } from '../doctor/clickhouse.js';
import { brokenConfiguration, checkConfiguration } from '../doctor/configuration.js';
import { checkTemporal } from '../doctor/temporal.js';
import { checkTenant } from '../doctor/tenant.js';
import { connectTemporal } from '../temporal/connect.js';
import { wantedSchedules } from '../temporal/wanted.js';
import { programVersion } from '../version.js';
import { type CommonFlags, configOf, openOutput, reach, type Reached, settingsOf } from './context.js';
import { openDestination } from './destination.js';
import { EXIT } from './failure.js';
import { knownTenants } from './known-tenants.js';
import type { Terminal } from './terminal.js';

/** Longest wait for one answer: a doctor that hangs is no help. */
const TIMEOUT_MS = 10_000;

/**
 * Checks everything that a copy needs, all parts side by side, and changes nothing. Exit code 1: a check failed.
 */
export async function doctor(flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const groups = await examine(flags);
  for (const group of groups) print(output.terminal, group);
  const failed = anyFailed(groups);
  const warned = groups.some(({ checks }) => checks.some(({ status }) => status === 'warn'));
  output.result({ status: failed ? 'fail' : warned ? 'warn' : 'ok', groups });
  return failed ? EXIT.failed : EXIT.done;
}

async function examine(flags: CommonFlags): Promise<CheckGroup[]> {
  let config: Config;
  try {
    config = configOf(flags);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ part: 'configuration', checks: brokenConfiguration(error.problems) }];
  }
  const reached = reach(config);
  const configuration: CheckGroup = {
    part: 'configuration',
    checks: checkConfiguration(config, reached.stack !== null, findUnknown()),
  };
  if (anyFailed([configuration])) return [configuration];
  const [tenants, clickhouse, temporal] = await Promise.all([
    examineTenants(config, reached),
    examineClickHouse(config, reached),
    examineTemporal(config, reached),
  ]);
  return [
    configuration,
    ...tenants,
    { part: 'clickhouse', checks: clickhouse },
    { part: 'temporal', checks: temporal },
  ];
}

function examineTenants(config: Config, { tenants: names }: Reached): Promise<CheckGroup[]> {
  const known = knownTenants(config);
  if (known.length === 0) {
    const detail =
      names.length === 0
        ? 'no tenant is configured: npm start emulates one'
        : `the credentials of ${names.join(', ')} are known to its worker only: set AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET, or name them in tenants.yaml`;
    return Promise.resolve([{ part: 'tenant', checks: [skipped('reachable', detail)] }]);
  }
  return Promise.all(
    known.map(async (tenant): Promise<CheckGroup> => {
      const checks = await examineTenant(tenant);
      return { part: 'tenant', tenant: tenant.name, checks };
    }),
  );
}

async function examineTenant(settings: TenantConfig): Promise<Check[]> {
  const { name: tenant, credentials, pacing } = settings;
  const timeoutMs = Math.min(settings.httpTimeoutMs, TIMEOUT_MS);
  const userAgent = `auth0-clickhouse/${programVersion()}`;
  try {
    const tokens = createTokenSource(credentials, { timeoutMs });
    const api = createManagementApi({
      origin: credentials.origin,
      tokens,
      pacer: createPacer(pacing),
      timeoutMs,
      userAgent,
    });
    return await checkTenant({ tenant, credentials, settings, api, tokens, timeoutMs, userAgent, now: Date.now });
  } catch (error) {
    return [failedWith('reachable', error)];
  }
}

async function examineClickHouse(config: Config, { clickhouse }: Reached): Promise<Check[]> {
  if (clickhouse === null) return [skipped('reachable', await describeEmbedded(config))];
  const target = { ...config.clickhouse, url: clickhouse.url };
  const client = openClickHouse(target, { timeoutMs: TIMEOUT_MS });
  try {
    return await checkClickHouse({ client, url: clickhouse.url, target, username: config.clickhouse.username });
  } finally {
    await client.close();
  }
}

/** An embedded engine that is not running is opened for a moment: its folder may be unreadable, or chdb missing. */
async function describeEmbedded(config: Config): Promise<string> {
  try {
    const destination = await openDestination(config);
    await destination.close();
    return `not running; the data in ${config.stack.dataDir} can be opened, and npm start does so`;
  } catch {
    return 'CLICKHOUSE_URL is not set: npm start starts an embedded one';
  }
}

async function examineTemporal(config: Config, { temporal, tenants }: Reached): Promise<Check[]> {
  if (temporal === null) return [skipped('reachable', 'TEMPORAL_ADDRESS is not set: npm start starts a server')];
  return checkTemporal({
    connect: () => connectTemporal(temporal, TIMEOUT_MS),
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: config.temporal.taskQueue,
    version: programVersion(),
    wanted: new Map(tenants.map((name) => [name, wantedSchedules(settingsOf(config, name))])),
    searchAttributes: temporal.searchAttributes,
  });
}

const TITLES = {
  configuration: 'Configuration',
  tenant: 'Tenant',
  clickhouse: 'ClickHouse',
  temporal: 'Temporal',
} as const satisfies Record<CheckGroup['part'], string>;

function print(terminal: Terminal, { part, tenant, checks }: CheckGroup): void {
  const { colors } = terminal;
  const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red, skipped: colors.dim };
  terminal.line(colors.bold(`${TITLES[part]}${tenant === undefined ? '' : ` ${tenant}`}`));
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, status, detail, cure } of checks) {
    terminal.line(`  ${paint[status](status.padEnd('skipped'.length))}  ${name.padEnd(width)}  ${detail}`);
    if (cure !== undefined) terminal.line(`${' '.repeat(13 + width)}${cure}`);
  }
}
