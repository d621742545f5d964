import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { spawnChild } from '../../src/embedded/child-process.js';
import { LEAN_HEAP } from '../../src/embedded/stack.js';
import { emulatorDefaults } from '../../src/emulator/options.js';
import { bareEnvironment } from './environment.js';
import { built } from './paths.js';
import type { Watched } from './process-use.js';
import { type Profiling, profileFlags, readyLine, type Stack } from './stack.js';
import { type Tenant, tenantSettings } from './tenant.js';

/** Variable that holds the secret of the emulated tenants, which all have the same. */
const SECRET = 'BENCH_CLIENT_SECRET';

/** A tenant under its name in tables and workflow ids. */
export interface NamedTenant {
  tenant: Tenant;
  name: string;
}

/** What a worker copies, and where to: one tenant by settings, several by a tenants.yaml. */
export interface WorkerPlan {
  tenants: readonly NamedTenant[];
  taskQueue: string;
  database: string;
  env?: Record<string, string>;
}

/** A worker process. */
export interface WorkerProcess {
  watched: Watched;
  stop(): Promise<void>;
}

/** Starts a worker as in production and waits until it polls. */
export async function startWorker(stack: Stack, plan: WorkerPlan, profiling: Profiling = {}): Promise<WorkerProcess> {
  const settings = await settingsOf(stack, plan);
  const child = await spawnChild({
    name: 'The worker',
    command: process.execPath,
    args: [...LEAN_HEAP, ...profileFlags(profiling), '--enable-source-maps', built('worker.js')],
    env: {
      ...bareEnvironment(),
      ...settings,
      TEMPORAL_ADDRESS: stack.temporal.address,
      TEMPORAL_TASK_QUEUE: plan.taskQueue,
      CLICKHOUSE_URL: stack.clickhouse.url,
      CLICKHOUSE_DATABASE: plan.database,
      SHUTDOWN_GRACE: '1',
      ...plan.env,
    },
    cwd: stack.folder,
    logFile: join(stack.folder, 'logs', 'worker.log'),
  });
  const stop = async (): Promise<void> => {
    await child.stop(8_000);
  };
  try {
    await readyLine(child, z.object({ event: z.literal('ready') }));
  } catch (error) {
    await stop();
    throw error;
  }
  return { watched: { name: 'worker', pid: child.pid }, stop };
}

async function settingsOf(stack: Stack, { tenants, taskQueue }: WorkerPlan): Promise<Record<string, string>> {
  const [only, ...others] = tenants;
  if (only === undefined) throw new Error('a worker without a tenant');
  if (others.length === 0) return tenantSettings(only.tenant, only.name);
  const entries = tenants.map(({ tenant, name }) => ({
    name,
    domain: tenant.origin,
    clientId: emulatorDefaults.clientId,
    clientSecret: { env: SECRET },
  }));
  const file = join(stack.folder, `${taskQueue}.yaml`);
  // JSON is YAML too.
  await writeFile(file, JSON.stringify({ tenants: entries }));
  return { TENANTS_FILE: file, [SECRET]: emulatorDefaults.clientSecret };
}
