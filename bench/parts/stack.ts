import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { type Child, spawnChild } from '../../src/embedded/child-process.js';
import { resolveTemporalCli } from '../../src/embedded/temporal/cli.js';
import { startTemporalServer } from '../../src/embedded/temporal/server.js';
import { bareEnvironment, temporalSources } from './environment.js';
import { built } from './paths.js';
import type { Watched } from './process-use.js';
import type { Scope } from './scope.js';

const READY_MS = 60_000;
const STOP_MS = 10_000;

/** The servers of one case, with data of their own in a folder that goes with them. */
export interface Stack {
  folder: string;
  temporal: { address: string; client: Client };
  clickhouse: { url: string; client: ClickHouseClient };
  /** Their processes, by name. */
  watched: Watched[];
  rows(sql: string): Promise<Record<string, string>[]>;
}

/** How a part is profiled: the folder that gets its `.cpuprofile`, undefined for not at all. */
export interface Profiling {
  cpuProfileDir?: string;
}

/** Node flags of a process that may be profiled. */
export function profileFlags({ cpuProfileDir }: Profiling): string[] {
  return cpuProfileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', cpuProfileDir];
}

/** A folder that goes with the scope. */
export async function openFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'auth0-bench-'));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a Temporal dev server and the embedded ClickHouse as `npm start` does. Throws with their own words. */
export async function startStack(scope: Scope, signal: AbortSignal, profiling: Profiling = {}): Promise<Stack> {
  const folder = await openFolder(scope);
  await mkdir(join(folder, 'logs'));
  const [temporal, engine] = await Promise.all([startTemporal(scope, folder), startEngine(scope, folder, profiling)]);
  const connection = await Connection.connect({ address: temporal.address });
  // Closed under a call that an abort has left behind, it would end the process with an error.
  scope.defer(async () => {
    if (!signal.aborted) await connection.close();
  });
  const clickhouse = openClickHouse({
    url: engine.url,
    database: 'default',
    username: 'default',
    password: '',
    cluster: null,
  });
  scope.defer(() => clickhouse.close());
  return {
    folder,
    temporal: { address: temporal.address, client: new Client({ connection }) },
    clickhouse: { url: engine.url, client: clickhouse },
    watched: [
      { name: 'temporal', pid: temporal.pid },
      { name: 'clickhouse', pid: engine.pid },
    ],
    async rows(query) {
      const answer = await clickhouse.query({ query, format: 'JSONStringsEachRow' });
      return answer.json<Record<string, string>>();
    },
  };
}

async function startTemporal(scope: Scope, folder: string) {
  const binary = await resolveTemporalCli({ ...temporalSources(), say: (line) => process.stderr.write(`${line}\n`) });
  const server = await startTemporalServer({
    binary,
    port: 0,
    uiPort: 0,
    namespace: 'default',
    dbFile: join(folder, 'temporal', 'temporal.db'),
    logFile: join(folder, 'logs', 'temporal.log'),
  });
  scope.defer(() => server.stop(STOP_MS));
  return server;
}

async function startEngine(scope: Scope, folder: string, profiling: Profiling) {
  const child = await spawnChild({
    name: 'ClickHouse',
    command: process.execPath,
    args: [
      ...profileFlags(profiling),
      built('embedded/clickhouse/main.js'),
      ...['--path', join(folder, 'clickhouse'), '--port', '0'],
    ],
    env: bareEnvironment(),
    logFile: join(folder, 'logs', 'clickhouse.log'),
  });
  scope.defer(() => child.stop(STOP_MS));
  const { url } = await readyLine(child, z.object({ event: z.literal('ready'), url: z.string() }));
  return { url, pid: child.pid };
}

/** The first line of JSON on stdout that has this shape. Throws with the process's last words when it ends before. */
export function readyLine<T>(child: Child, shape: z.ZodType<T>, timeoutMs = READY_MS): Promise<T> {
  return child.waitForLine((line, from) => {
    if (from !== 'stdout' || !line.startsWith('{')) return undefined;
    try {
      return shape.safeParse(JSON.parse(line)).data;
    } catch {
      return undefined;
    }
  }, timeoutMs);
}
