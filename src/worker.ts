import { hostname } from 'node:os';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { ClickHouseClient } from '@clickhouse/client';
import { type NativeConnection, Worker } from '@temporalio/worker';
import type { ActivityDeps, TenantAccess } from './activities/deps.js';
import { createActivities } from './activities/index.js';
import type { ClientAuthentication } from './auth0/client-auth.js';
import { createManagementApi } from './auth0/http.js';
import { createPacer } from './auth0/pacer.js';
import { createTokenSource, type TokenSource } from './auth0/token.js';
import { checkIsClickHouse, openClickHouse } from './clickhouse/client.js';
import { identify } from './clickhouse/identity.js';
import { migrate } from './clickhouse/migrate.js';
import { createSnapshotStore } from './clickhouse/snapshots.js';
import { createPipelineStore } from './clickhouse/store.js';
import { type Config, ConfigError, type TenantConfig } from './config/config.js';
import { findUnknown, loadConfig } from './config/load.js';
import { describeUnknown } from './config/unknown.js';
import { ExtractError } from './contracts/errors.js';
import { reportAndExit } from './commands/failure.js';
import { createLogger, type Logger } from './logger.js';
import { type Meter, NO_METER } from './observability/meter.js';
import { openObservability, type Observability } from './observability/observability.js';
import { installRuntime } from './observability/runtime.js';
import { withWorkflowSpans } from './observability/tracing.js';
import { retryUntilUp } from './retry-until-up.js';
import { connectWorker, temporalWorkerOptions } from './temporal/worker-connection.js';
import { programVersion } from './version.js';

/** How long a worker waits for servers that are not up yet. */
const START_PATIENCE_MS = 120_000;

/**
 * Runs a worker until SIGINT or SIGTERM. Throws ExtractError when it cannot start. `watching` is the kill matrix's way
 * into the steps of activities.
 */
export async function runWorker(
  config: Config,
  logger: Logger,
  watching: Pick<ActivityDeps, 'reached'> = {},
): Promise<void> {
  const { address } = config.temporal;
  const { url } = config.clickhouse;
  if (config.tenants.length === 0 || address === null || url === null) throw incomplete(config);
  const destination = { ...config.clickhouse, url };

  const observability = await openObservability(config, logger, programVersion());
  installRuntime(logger, observability.temporalMetrics);
  const clickhouse = openClickHouse(destination);
  let databaseId: string | undefined;
  const prepare = async (): Promise<void> => {
    await checkIsClickHouse(clickhouse, url);
    for (const { name, kind, what } of await migrate(clickhouse, destination))
      logger.warn({ name, what }, `a ${kind} was not as it should be, and was made again`);
    databaseId = await identify(clickhouse, destination.database, destination.databaseId);
  };
  await retryUntilUp(prepare, {
    forMs: START_PATIENCE_MS,
    isFinal: (error) => error instanceof ExtractError && error.kind !== 'DestinationUnavailable',
    say: (tries, error, leftMs) =>
      logger.warn({ tries, url, leftS: seconds(leftMs), reason: String(error) }, 'ClickHouse is not up yet'),
  });
  const { connection, searchAttributes } = await connectWorker(
    { ...config.temporal, address },
    {
      forMs: START_PATIENCE_MS,
      say: ({ tries, reason, leftMs }) =>
        logger.warn({ tries, address, leftS: seconds(leftMs), reason }, 'Temporal is not up yet'),
    },
  );

  const { meter } = observability;
  const { deps, minted } = createDeps(config.tenants, clickhouse, destination.database, meter, authOnDisk());
  const known = databaseId === undefined ? {} : { databaseId };
  const own = { ...deps, ...known, searchAttributes, log: logger, ...watching };
  const worker = await buildWorker(connection, config, own, observability);
  observability.watch({ worker, connection, clickhouse, database: destination.database, tenants: config.tenants });
  const { namespace, taskQueue, deployment } = config.temporal;
  const tenants = config.tenants.map(({ name }) => name);
  logger.info({ tenants, address, namespace, url, taskQueue, searchAttributes }, 'worker is ready');
  if (deployment) logger.info(deployment, 'this version gets work once it is current, see docs/temporal-cloud.md');
  process.stdout.write(
    `${JSON.stringify({ event: 'ready', pid: process.pid, metrics: observability.url, databaseId })}\n`,
  );
  try {
    await worker.run();
  } finally {
    await connection.close();
    await clickhouse.close();
    await observability.close();
    logger.info({ tokens: minted() }, 'worker has stopped');
  }
}

/**
 * How a tenant lets us in by what the configuration says now: a secret that was changed in its file, in `.env` or in
 * what tenants.yaml refers to is used with the next token, without a restart. What cannot be read, or is another
 * application's, changes nothing.
 */
export function authOnDisk(load: () => Pick<Config, 'tenants'> = loadConfig) {
  const latest = new Map<string, ClientAuthentication>();
  return ({ name, credentials }: TenantConfig): ClientAuthentication => {
    try {
      const { origin, clientId } = credentials;
      const now = load().tenants.find((tenant) => tenant.name === name)?.credentials;
      if (now?.origin === origin && now.clientId === clientId) latest.set(name, now.auth);
    } catch {
      // A file that is just being written, say: the next token looks again.
    }
    return latest.get(name) ?? credentials.auth;
  };
}

/** What the activities need, and how many tokens they have asked for so far. */
export function createDeps(
  configured: readonly TenantConfig[],
  clickhouse: ClickHouseClient,
  database: string,
  meter: Meter = NO_METER,
  authNow = ({ credentials }: TenantConfig) => credentials.auth,
): { deps: ActivityDeps; minted: () => number } {
  const tenants = configured.map((tenant) => {
    const tokens = createTokenSource(tenant.credentials, {
      timeoutMs: tenant.httpTimeoutMs,
      onMint: () => meter.tokenMinted(tenant.name),
      authNow: () => authNow(tenant),
    });
    return { tokens, access: tenantAccess(tenant, tokens, meter) };
  });
  return {
    deps: {
      tenants: new Map(tenants.map(({ access }) => [access.name, access])),
      clickhouse,
      database,
      store: createPipelineStore(clickhouse, database),
      snapshots: createSnapshotStore(clickhouse, database),
      meter,
    },
    minted: () => tenants.reduce((sum, { tokens }) => sum + tokens.minted(), 0),
  };
}

/** A tenant as the activities see it: every client counts its own requests, all share the token and the rate budget. */
function tenantAccess(tenant: TenantConfig, tokens: TokenSource, meter: Meter): TenantAccess {
  const { name, resources, extract, httpTimeoutMs: timeoutMs } = tenant;
  const { origin } = tenant.credentials;
  const pacer = createPacer(tenant.pacing);
  const userAgent = `auth0-clickhouse/${programVersion()}`;
  return {
    name,
    resources,
    extract,
    openApi: () => createManagementApi({ origin, tokens, pacer, timeoutMs, userAgent, tenant: name, meter }),
  };
}

/** A worker that is ready to run; what its activities need is passed in. */
export function buildWorker(
  connection: NativeConnection,
  config: Config,
  deps: ActivityDeps,
  { traced, workerOptions }: Pick<Observability, 'traced' | 'workerOptions'> = { traced: false, workerOptions: {} },
  source = workflowSource(traced),
): Promise<Worker> {
  return Worker.create({
    connection,
    ...temporalWorkerOptions(config.temporal),
    ...workerOptions,
    ...source,
    ...(traced && 'workflowsPath' in source && { interceptors: withWorkflowSpans(workerOptions.interceptors) }),
    activities: createActivities(deps),
    identity: `auth0-clickhouse ${programVersion()} ${process.pid}@${hostname()}`,
    maxConcurrentActivityTaskExecutions: activitySlots(config.tenants.length),
    maxCachedWorkflows: 100,
    // Its default of 10 s is what every restart of a worker would cost.
    stickyQueueScheduleToStartTimeout: '1s',
    // A beat is what brings a cancellation back; the default lets one out every 8 s only.
    maxHeartbeatThrottleInterval: '3s',
    shutdownGraceTime: config.shutdownGraceMs,
    shutdownForceTime: config.shutdownGraceMs + 5_000,
  });
}

/**
 * A tenant that is at its rate limit waits inside its activities: it must not take the slots of the others. A tenant
 * has three resources, a sync that may be joined, and backfills.
 */
function activitySlots(tenants: number): number {
  return Math.min(Math.max(20, tenants * 6), 600);
}

/**
 * The bundle that the build has made; from sources, as in tests, the SDK bundles by itself. With traces it is another
 * one: their interceptors run inside of the workflows.
 */
export function workflowSource(traced = false): { workflowBundle: { codePath: string } } | { workflowsPath: string } {
  const bundle = fileURLToPath(new URL(traced ? 'workflow-bundle-traced.js' : 'workflow-bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return { workflowsPath: fileURLToPath(new URL(`workflows/index.${extension}`, import.meta.url)) };
}

/** A worker starts nothing by itself: everything it needs must be set. */
function incomplete({ tenants, temporal, clickhouse }: Config): ConfigError {
  const missing = [
    ...(tenants.length === 0 ? ['A tenant (AUTH0_DOMAIN and its credentials, or tenants.yaml)'] : []),
    ...(temporal.address === null ? ['TEMPORAL_ADDRESS'] : []),
    ...(clickhouse.url === null ? ['CLICKHOUSE_URL'] : []),
  ];
  return new ConfigError(missing.map((what) => `${what} is missing: a worker needs it`));
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

/**
 * How much the old generation may grow before it is collected, in per cent. Left alone V8 goes by the limit it is given:
 * with 320 MB it collects at each 30 %, 40 times in a copy of 100,000 logs, a second of CPU time; with the machine's
 * memory as its limit it lets the heap grow to four times its size.
 */
const HEAP_GROWTH_PERCENT = 60;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  try {
    const config = loadConfig();
    const logger = await createLogger(config.logLevel, { format: config.observability.logFormat });
    for (const unknown of findUnknown()) logger.warn(describeUnknown(unknown));
    await runWorker(config, logger);
  } catch (error) {
    reportAndExit(error);
  }
}
