import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { Client, Connection } from '@temporalio/client';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { spawnChild } from '../../src/embedded/child-process.js';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { freePort } from '../../src/embedded/ports.js';
import type { Part } from '../../src/embedded/supervise.js';
import { resolveTemporalCli } from '../../src/embedded/temporal/cli.js';
import { startTemporalServer } from '../../src/embedded/temporal/server.js';
import { emulatorDefaults } from '../../src/emulator/main.js';
import { faultRules, type StepKill } from './plan.js';
import type { Program } from './program.js';
import { startVictim, type Victim, type VictimEvents } from './victim.js';
import { until } from './wait.js';

const READY_MS = 60_000;

/** The servers that all lanes share, with their data on disk. */
export interface Stack {
  temporal: Victim;
  clickhouse: Victim;
  address: string;
  url: string;
  client: Client;
  /** Rows of a query as objects of text; asked again while the server is away. */
  rows(sql: string): Promise<Record<string, string>[]>;
  stop(): Promise<void>;
}

/** Starts Temporal and ClickHouse under a folder. */
export async function startStack(program: Program, folder: string, events: VictimEvents): Promise<Stack> {
  const binary = await resolveTemporalCli({
    ...(process.env['TEMPORAL_CLI_PATH'] !== undefined && { cliPath: process.env['TEMPORAL_CLI_PATH'] }),
    searchPath: process.env['PATH'] ?? '',
    cacheDir: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'auth0-clickhouse'),
    say: () => {},
  });
  const [port, uiPort, clickhousePort] = [await freePort(), await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  const url = `http://127.0.0.1:${clickhousePort}`;
  const logFile = (name: string) => join(folder, 'logs', `${name}.log`);
  const temporal = await startVictim(
    'temporal',
    () =>
      startTemporalServer({
        binary,
        port,
        uiPort,
        namespace: 'default',
        dbFile: join(folder, 'temporal', 'temporal.db'),
        logFile: logFile('temporal'),
      }),
    events,
  );
  const clickhouse = await startVictim(
    'clickhouse',
    () =>
      startEmbeddedClickHouse({
        path: join(folder, 'clickhouse'),
        port: clickhousePort,
        entry: program.clickhouse,
        logFile: logFile('clickhouse'),
      }),
    events,
  );
  const connection = await Connection.connect({ address });
  const sql: ClickHouseClient = openClickHouse({
    url,
    database: 'auth0',
    username: 'default',
    password: '',
    cluster: null,
  });
  return {
    temporal,
    clickhouse,
    address,
    url,
    client: new Client({ connection }),
    rows: (query) =>
      until(
        'an answer of ClickHouse',
        async () => {
          const answer = await sql.query({ query, format: 'JSONStringsEachRow' });
          return answer.json<Record<string, string>>();
        },
        READY_MS,
      ),
    async stop() {
      await connection.close();
      await sql.close();
      await Promise.all([temporal.stop(), clickhouse.stop()]);
    },
  };
}

/** How a tenant begins. */
export interface TenantSize {
  seed: number;
  logs: number;
  users: number;
  clients: number;
}

/** An emulated tenant in a process of its own, which comes back from its state file with its faults on. */
export interface ChaosTenant {
  victim: Victim;
  name: string;
  origin: string;
  /** Non-empty lines of an answer of the admin interface. */
  lines(path: string): Promise<string[]>;
  admin(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a tenant with a fifth of its answers broken. */
export async function startTenant(
  program: Program,
  folder: string,
  name: string,
  size: TenantSize,
  events: VictimEvents,
): Promise<ChaosTenant> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const ask = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const answer = await fetch(`${origin}/_emulator/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(READY_MS),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const sizes = Object.entries(size).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  const start = async (): Promise<Part> => {
    const child = await spawnChild({
      name: 'The tenant',
      command: process.execPath,
      args: [
        ...[program.client, 'emulate', '--json', '--port', String(port), ...sizes],
        ...['--state-file', join(folder, `${name}.json`)],
      ],
      env: bareEnvironment(),
      cwd: folder,
      logFile: join(folder, 'logs', `${name}-tenant.log`),
    });
    await child.waitForLine(readyLine, READY_MS);
    await ask('POST', 'faults', faultRules());
    return child;
  };
  const victim = await startVictim('tenant', start, events);
  return {
    victim,
    name,
    origin,
    async lines(path) {
      const answer = await ask('GET', path);
      return (await answer.text()).split('\n').filter((line) => line !== '');
    },
    async admin(method, path, body) {
      const answer = await ask(method, path, body);
      return answer.json();
    },
    stop: () => victim.stop(),
  };
}

/** Starts the worker of one tenant. `nextStep` says, at each start, at which step it is to kill itself. */
export async function startWorker(
  program: Program,
  folder: string,
  stack: Pick<Stack, 'address' | 'url'>,
  tenant: Pick<ChaosTenant, 'name' | 'origin'>,
  events: VictimEvents & { reached(step: StepKill): void },
  nextStep: () => StepKill | undefined,
): Promise<Victim> {
  let armed: StepKill | undefined;
  let reached = false;
  const start = async (): Promise<Part> => {
    armed = nextStep();
    reached = false;
    const child = await spawnChild({
      name: 'The worker',
      command: process.execPath,
      args: [program.worker],
      env: {
        ...bareEnvironment(),
        AUTH0_DOMAIN: tenant.origin,
        AUTH0_CLIENT_ID: emulatorDefaults.clientId,
        AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
        AUTH0_TENANT: tenant.name,
        // What a request that is never answered costs.
        AUTH0_HTTP_TIMEOUT: '1',
        TEMPORAL_ADDRESS: stack.address,
        TEMPORAL_TASK_QUEUE: tenant.name,
        CLICKHOUSE_URL: stack.url,
        SHUTDOWN_GRACE: '1',
        LOG_LEVEL: 'warn',
        ...(armed && { CHAOS_STEP: armed.step, CHAOS_NTH: String(armed.nth) }),
      },
      cwd: folder,
      logFile: join(folder, 'logs', `${tenant.name}-worker.log`),
      onLine: (line) => {
        reached ||= line.includes('"event":"reached"');
      },
    });
    await child.waitForLine(readyLine, READY_MS);
    return child;
  };
  return startVictim('worker', start, events, ({ signal }) => {
    if (!reached || signal !== 'SIGKILL' || !armed) return false;
    events.reached(armed);
    armed = undefined;
    return true;
  });
}

function readyLine(line: string, from: 'stdout' | 'stderr'): true | undefined {
  return from === 'stdout' && line.includes('"event":"ready"') ? true : undefined;
}

/** Nothing of the settings of whoever runs this. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME };
}
