import { mkdtemp, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.js';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { type Config, parseConfig } from '../../src/config/config.js';
import { tenantResultOfFailure } from '../../src/contracts/failure-details.js';
import { SEARCH_ATTRIBUTES, TENANT_WORKFLOW } from '../../src/contracts/names.js';
import type { ExtractTenantInput, TenantResult } from '../../src/contracts/types.js';
import { startEmbeddedClickHouse } from '../../src/embedded/clickhouse/process.js';
import { emulatorDefaults } from '../../src/emulator/main.js';
import { buildWorker, createDeps } from '../../src/worker.js';
import { builtFile } from './compiled.js';
import type { EmulatedTenant } from './emulated-tenant.js';

/** A whole stack for one test file: a namespace on a real Temporal server, the real engine, our worker in this process. */
export interface Lab {
  client: Client;
  clickhouse: ClickHouseClient;
  /** Origin of its HTTP interface. */
  clickhouseUrl: string;
  /** Settings by which a process of its own reaches this lab's namespace. */
  temporalEnv: { TEMPORAL_ADDRESS: string; TEMPORAL_NAMESPACE: string };
  folder: string;
  /** Runs `extractTenant` to its end, good or bad. */
  sync(tenant: string, input?: ExtractTenantInput): Promise<TenantResult>;
  /** Rows of a query as objects; every value as text. */
  rows(sql: string): Promise<Record<string, string>[]>;
  /** The first column of a query, sorted. */
  column(sql: string): Promise<string[]>;
  /** Starts (again) the worker, which knows these tenants by their names. */
  startWorker(
    tenants: Readonly<Record<string, Pick<EmulatedTenant, 'origin'>>>,
    env?: Record<string, string>,
    bounds?: Pick<ActivityDeps, 'maxPageBytes'>,
  ): Promise<void>;
  stopWorker(): Promise<void>;
  /** Takes the destination away for good. */
  stopClickHouse(): Promise<void>;
  close(): Promise<void>;
}

const TASK_QUEUE = 'lab';

/** Opens a namespace and starts ClickHouse; the worker comes with `startWorker`. */
export async function startLab(): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'auth0-lab-'));
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const [namespace, engine] = await Promise.all([
    createNamespace(connection),
    startEmbeddedClickHouse({
      path: join(folder, 'clickhouse'),
      port: 0,
      entry: builtFile('embedded/clickhouse/main.js'),
    }),
  ]);
  const client = new Client({ connection, namespace });
  const destination = { url: engine.url, database: 'auth0', username: 'default', password: '', cluster: null };
  await migrateOnce(destination);
  const clickhouse = openClickHouse(destination, { useDatabase: true });
  const native = await NativeConnection.connect({ address });
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
    temporalEnv: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace },
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
    async startWorker(tenants, env = {}, bounds = {}) {
      const own = { TEMPORAL_NAMESPACE: namespace, ...env };
      const configs = Object.entries(tenants).map(([name, { origin }]) => tenantConfig(name, origin, own));
      const config = { ...(configs[0] ?? parseConfig(own)), tenants: configs.flatMap((one) => one.tenants) };
      const { deps } = createDeps(config.tenants, clickhouse, destination.database);
      const built = await buildWorker(native, config, { ...deps, ...bounds, searchAttributes: true }, undefined, {
        workflowBundle: { codePath: inject('workflowBundle') },
      });
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
      await engine.stop(5_000);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `INDEXED_VALUE_TYPE_KEYWORD`. */
const KEYWORD = 2;

/** A namespace of its own: tests of several files give their tenants the same names. */
async function createNamespace({ workflowService, operatorService }: Connection): Promise<string> {
  const namespace = `lab-${randomUUID()}`;
  await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') });
  await operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, KEYWORD])),
  });
  return namespace;
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
