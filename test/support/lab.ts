import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { type Config, parseConfig } from '../../src/config/config.js';
import { tenantResultOfFailure } from '../../src/contracts/failure-details.js';
import { TENANT_WORKFLOW } from '../../src/contracts/names.js';
import type { ExtractTenantInput, TenantResult } from '../../src/contracts/types.js';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { resolveTemporalCli } from '../../src/embedded/temporal/cli.js';
import { startTemporalServer } from '../../src/embedded/temporal/server.js';
import { emulatorDefaults } from '../../src/emulator/main.js';
import { buildWorker, createDeps } from '../../src/worker.js';
import { compileSources } from './compiled.js';
import type { EmulatedTenant } from './emulated-tenant.js';

/** A whole stack for one test file: a real Temporal server, the real engine, our worker in this process. */
export interface Lab {
  client: Client;
  clickhouse: ClickHouseClient;
  /** Origin of its HTTP interface. */
  clickhouseUrl: string;
  temporalAddress: string;
  folder: string;
  /** Runs `extractTenant` to its end, good or bad. */
  sync(tenant: string, input?: ExtractTenantInput): Promise<TenantResult>;
  /** Rows of a query as objects; every value as text. */
  rows(sql: string): Promise<Record<string, string>[]>;
  /** The first column of a query, sorted. */
  column(sql: string): Promise<string[]>;
  /** Starts (again) the worker, which knows these tenants by their names. */
  startWorker(tenants: Readonly<Record<string, EmulatedTenant>>, env?: Record<string, string>): Promise<void>;
  stopWorker(): Promise<void>;
  /** Takes the destination away for good. */
  stopClickHouse(): Promise<void>;
  close(): Promise<void>;
}

const TASK_QUEUE = 'lab';

/** Starts Temporal and ClickHouse; the worker comes with `startWorker`. */
export async function startLab(): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'auth0-lab-'));
  const compiled = await compileSources();
  const [temporal, engine] = await Promise.all([
    startTemporal(),
    startEmbeddedClickHouse({
      path: join(folder, 'clickhouse'),
      port: 0,
      entry: compiled.file('embedded/clickhouse/main.js'),
    }),
  ]);
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const destination = { url: engine.url, database: 'auth0', username: 'default', password: '', cluster: null };
  await migrateOnce(destination);
  const clickhouse = openClickHouse(destination, { useDatabase: true });
  const native = await NativeConnection.connect({ address: temporal.address });
  let worker: { worker: Worker; running: Promise<void> } | undefined;

  const stopWorker = async (): Promise<void> => {
    worker?.worker.shutdown();
    await worker?.running;
    worker = undefined;
  };
  const rows = async (sql: string): Promise<Record<string, string>[]> => {
    const answer = await clickhouse.query({ query: sql, format: 'JSONStringsEachRow' });
    return answer.json<Record<string, string>>();
  };
  return {
    client,
    clickhouse,
    clickhouseUrl: engine.url,
    temporalAddress: temporal.address,
    folder,
    rows,
    async column(sql) {
      return (await rows(sql)).map((row) => Object.values(row)[0] ?? '').sort();
    },
    async sync(tenant, input = {}) {
      const handle = await client.workflow.start(TENANT_WORKFLOW, {
        taskQueue: TASK_QUEUE,
        workflowId: `lab/${tenant}/${crypto.randomUUID()}`,
        args: [{ ...input, tenant }],
      });
      try {
        const result: TenantResult = await handle.result();
        return result;
      } catch (error) {
        const result = error instanceof WorkflowFailedError ? tenantResultOfFailure(error.cause) : undefined;
        if (result) return result;
        throw error;
      }
    },
    async startWorker(tenants, env = {}) {
      const configs = Object.entries(tenants).map(([name, { origin }]) => tenantConfig(name, origin, env));
      const config = { ...(configs[0] ?? parseConfig(env)), tenants: configs.flatMap((own) => own.tenants) };
      const { deps } = createDeps(config.tenants, clickhouse, destination.database);
      const built = await buildWorker(native, config, { ...deps, searchAttributes: true });
      worker = { worker: built, running: built.run() };
    },
    stopWorker,
    async stopClickHouse() {
      await engine.stop(5_000);
    },
    async close() {
      await stopWorker();
      await native.close();
      await connection.close();
      await clickhouse.close();
      await Promise.all([temporal.stop(5_000), engine.stop(5_000)]);
      await compiled.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startTemporal() {
  const binary = await resolveTemporalCli({
    ...(process.env['TEMPORAL_CLI_PATH'] !== undefined && { cliPath: process.env['TEMPORAL_CLI_PATH'] }),
    searchPath: process.env['PATH'] ?? '',
    cacheDir: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'auth0-clickhouse'),
    say: () => {},
  });
  return startTemporalServer({ binary, port: 0, uiPort: 0, namespace: 'default' });
}

async function migrateOnce(destination: Parameters<typeof openClickHouse>[0]): Promise<void> {
  const client = openClickHouse(destination);
  await migrate(client, destination);
  await client.close();
}

function tenantConfig(name: string, origin: string, env: Record<string, string>): Config {
  return parseConfig({
    AUTH0_DOMAIN: origin,
    AUTH0_CLIENT_ID: emulatorDefaults.clientId,
    AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
    AUTH0_TENANT: name,
    TEMPORAL_TASK_QUEUE: TASK_QUEUE,
    SHUTDOWN_GRACE: '1',
    ...env,
  });
}
