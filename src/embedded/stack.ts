import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Config } from '../config/config.js';
import { describeFailure } from '../commands/failure.js';
import { CommandError } from '../commands/failure.js';
import { emulatorDefaults } from '../emulator/options.js';
import { spawnChild } from './child-process.js';
import { USER } from './clickhouse/access.js';
import { startEmbeddedClickHouse } from './clickhouse/process.js';
import { type DataDir, type StackAddresses } from './data-dir.js';
import { readDatabaseId, rememberDatabaseId } from './database-id.js';
import { watchDisk } from './disk.js';
import { choosePort, refuseUsedPort } from './ports.js';
import { type Part, type Supervised, supervise } from './supervise.js';
import { resolveTemporalCli } from './temporal/cli.js';
import { startTemporalServer, type TemporalServer } from './temporal/server.js';

/** The parts that `up` has started, and where they are reached. */
export interface Stack {
  addresses: Omit<StackAddresses, 'pid'>;
  /** Stops everything in order: the worker first, while it can still store what it has in hand. */
  stop(): Promise<void>;
  /** Resolves with the reason when a part keeps dying. */
  broken: Promise<string>;
}

/** Everything together has to be over within 10 s of a Ctrl-C. */
const WORKER_GRACE_S = 3;
const WORKER_STOP_MS = 5_000;
const SERVER_STOP_MS = 3_500;

/**
 * Starts what is not configured: Temporal, ClickHouse, the tenant emulator; then the worker. Whatever fails, the parts
 * that were started are stopped again. Throws CommandError or ExtractError.
 */
export async function startStack(
  config: Config,
  dataDir: DataDir,
  options: { live: boolean; say: (line: string) => void },
): Promise<Stack> {
  const { say } = options;
  const started: Supervised<Part>[] = [];
  let breakStack = (_reason: string): void => {};
  const broken = new Promise<string>((resolve) => {
    breakStack = resolve;
  });
  const disk = watchDisk(dataDir.path, say);
  const withDisk = (reason: string): string => [disk.problem(), reason].filter(Boolean).join('\n');
  const run = async <T extends Part>(name: string, start: (previous: T | undefined) => Promise<T>): Promise<T> => {
    const part = await supervise(name, start, { say, giveUp: (reason) => breakStack(withDisk(reason)) });
    started.push(part);
    return part.first;
  };
  const stop = async (): Promise<void> => {
    disk.stop();
    const worker = started.find(({ first }) => first === workerPart);
    await worker?.stop(WORKER_STOP_MS);
    await Promise.all(started.filter((part) => part !== worker).map((part) => part.stop(SERVER_STOP_MS)));
  };
  let workerPart: Part | undefined;

  try {
    const ends = await Promise.allSettled([
      temporalPart(config, dataDir, run, { say, heard: disk.heard }),
      clickHousePart(config, dataDir, run, disk.heard),
      tenantPart(config, dataDir, run, options.live),
    ]);
    const failed = ends.filter((end) => end.status === 'rejected').map((end): unknown => end.reason);
    if (failed.length > 0)
      throw new CommandError(withDisk([...new Set(failed.map((reason) => messageOf(reason)))].join('\n')));
    const [temporal, clickhouse, tenant] = ends;
    if (temporal.status !== 'fulfilled' || clickhouse.status !== 'fulfilled' || tenant.status !== 'fulfilled')
      throw new CommandError('the stack did not start');

    const addresses: Stack['addresses'] = {
      tenants: tenant.value.tenants,
      temporal: { ...temporal.value, namespace: config.temporal.namespace },
      clickhouse: { url: clickhouse.value, database: config.clickhouse.database },
      metrics: { url: null },
    };
    workerPart = await run('The worker', async () => {
      const databaseId = config.clickhouse.databaseId ?? readDatabaseId(dataDir);
      const remembered = databaseId === null ? {} : { CLICKHOUSE_DATABASE_ID: databaseId };
      const env = { ...tenant.value.env, ...workerEnv(config, addresses, dataDir), ...remembered };
      // Its last words say what is wrong, and are meant for people.
      const worker = await startWorker(dataDir, env, disk.heard).catch((error: unknown) => {
        throw new CommandError(messageOf(error));
      });
      if (worker.databaseId !== null) rememberDatabaseId(dataDir, worker.databaseId);
      // Started again it may have found another port free.
      addresses.metrics = { url: worker.metrics };
      dataDir.publish(addresses);
      return worker;
    });
    return { addresses, stop, broken };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Run = <T extends Part>(name: string, start: (previous: T | undefined) => Promise<T>) => Promise<T>;

async function temporalPart(
  config: Config,
  dataDir: DataDir,
  run: Run,
  { say, heard }: { say: (line: string) => void; heard: (line: string) => void },
) {
  const { address, namespace } = config.temporal;
  if (address !== null) return { address, ui: null };
  const { temporalCliPath, temporalPort, temporalUiPort } = config.stack;
  const binary = await resolveTemporalCli({
    ...(temporalCliPath !== null && { cliPath: temporalCliPath }),
    searchPath: process.env['PATH'] ?? '',
    cacheDir: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'auth0-clickhouse'),
    say,
  });
  // Started again it must be found where it was.
  const server = await run('Temporal', (previous: TemporalServer | undefined) =>
    startTemporalServer({
      binary,
      port: previous ? portOf(`http://${previous.address}`) : temporalPort,
      uiPort: previous ? portOf(previous.uiUrl) : temporalUiPort,
      dbFile: dataDir.file('temporal', 'temporal.db'),
      namespace,
      logFile: dataDir.file('logs', 'temporal.log'),
      log: heard,
    }),
  );
  return { address: server.address, ui: server.uiUrl };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

async function clickHousePart(
  config: Config,
  dataDir: DataDir,
  run: Run,
  heard: (line: string) => void,
): Promise<string> {
  if (config.clickhouse.url !== null) return config.clickhouse.url;
  await refuseUsedPort(config.stack.clickhousePort, 'ClickHouse', '--clickhouse-port N');
  const port = await choosePort(config.stack.clickhousePort);
  const part = await run('ClickHouse', () =>
    startEmbeddedClickHouse({
      path: dataDir.file('clickhouse'),
      port,
      passwordFile: dataDir.passwordFile,
      logFile: dataDir.file('logs', 'clickhouse.log'),
      log: heard,
    }),
  );
  return part.url;
}

async function tenantPart(config: Config, dataDir: DataDir, run: Run, live: boolean) {
  if (config.tenants.length > 0) {
    const tenants = config.tenants.map(({ name, credentials: { origin } }) => ({ name, origin, emulated: false }));
    return { tenants, env: {} };
  }
  const { emulator } = config.stack;
  await refuseUsedPort(emulator.port, 'the tenant emulator', 'EMULATOR_PORT=N');
  const port = await choosePort(emulator.port);
  const origin = `http://127.0.0.1:${port}`;
  const counts = ['logs', 'users', 'clients', 'seed'] as const;
  const flags = counts.flatMap((name) => [`--${name}`, String(emulator[name])]);
  await run('The tenant emulator', async () => {
    const child = await spawnChild({
      name: 'The tenant emulator',
      command: process.execPath,
      args: [
        program('client.js'),
        ...['emulate', '--json', '--port', String(port), ...flags],
        ...['--state-file', dataDir.file('emulator', 'tenant.json')],
        ...(live ? ['--live'] : []),
      ],
      logFile: dataDir.file('logs', 'emulator.log'),
    });
    await readyOrStop(child, 30_000);
    return child;
  });
  const env = {
    AUTH0_DOMAIN: origin,
    AUTH0_CLIENT_ID: emulatorDefaults.clientId,
    AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
    AUTH0_AUDIENCE: `${origin}/api/v2/`,
    AUTH0_TENANT: EMULATED_TENANT,
  };
  return { tenants: [{ name: EMULATED_TENANT, origin, emulated: true }], env };
}

/** Name of the emulated tenant in tables and workflow ids. */
const EMULATED_TENANT = 'demo';

/** The worker is configured as in production: by its environment alone, secrets never on a command line. */
function workerEnv(config: Config, addresses: Stack['addresses'], dataDir: DataDir): Record<string, string> {
  return {
    TEMPORAL_ADDRESS: addresses.temporal.address,
    TEMPORAL_NAMESPACE: config.temporal.namespace,
    CLICKHOUSE_URL: addresses.clickhouse.url,
    ...(config.clickhouse.url === null && { CLICKHOUSE_USER: USER, CLICKHOUSE_PASSWORD: dataDir.password }),
    SHUTDOWN_GRACE: String(WORKER_GRACE_S),
  };
}

/**
 * V8 lets a heap grow as long as the machine has memory: 100,000 logs peaked at 360 to 410 MB, with these limits at
 * 255 MB, in the same time. What the worker really holds is two blocks of rows. (worker.ts sets what is no flag of node.)
 */
export const LEAN_HEAP = ['--max-old-space-size=320', '--max-semi-space-size=8'];

async function startWorker(
  dataDir: DataDir,
  env: Record<string, string>,
  heard: (line: string) => void,
): Promise<Part & { metrics: string | null; databaseId: string | null }> {
  const child = await spawnChild({
    name: 'The worker',
    command: process.execPath,
    args: [...LEAN_HEAP, '--enable-source-maps', program('worker.js')],
    env: { ...process.env, ...env },
    onLine: heard,
    logFile: dataDir.file('logs', 'worker.log'),
  });
  const ready = await readyOrStop(child, 60_000);
  const said = z.object({ metrics: z.string().nullish(), databaseId: z.string().nullish() }).parse(JSON.parse(ready));
  return { ...child, metrics: said.metrics ?? null, databaseId: said.databaseId ?? null };
}

/** Waits for the line of JSON that a part prints when it is ready, and returns it. */
async function readyOrStop(child: Awaited<ReturnType<typeof spawnChild>>, timeoutMs: number): Promise<string> {
  try {
    return await child.waitForLine((line) => (line.startsWith('{"event":"ready"') ? line : undefined), timeoutMs);
  } catch (error) {
    await child.stop(0);
    throw error;
  }
}

function program(name: string): string {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}

function messageOf(error: unknown): string {
  // The embedded parts throw plain errors whose message is meant for people.
  return error instanceof Error && error.constructor === Error ? error.message : describeFailure(error).message;
}
