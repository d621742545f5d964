import { join } from 'node:path';
import { z } from 'zod';
import { spawnChild } from '../../src/embedded/child-process.js';
import { bareEnvironment } from './environment.js';
import { built } from './paths.js';
import type { Watched } from './process-use.js';
import { type Profiling, profileFlags, readyLine, type Stack } from './stack.js';
import { type Tenant, tenantSettings } from './tenant.js';

/** As `npm start` starts it (src/embedded/stack.ts). */
const LEAN_HEAP = ['--max-old-space-size=320', '--max-semi-space-size=4'];

/** What a worker copies, and where to. */
export interface WorkerPlan {
  tenant: Tenant;
  /** Name of the tenant in tables and workflow ids. */
  name: string;
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
  const child = await spawnChild({
    name: 'The worker',
    command: process.execPath,
    args: [...LEAN_HEAP, ...profileFlags(profiling), '--enable-source-maps', built('worker.js')],
    env: {
      ...bareEnvironment(),
      ...tenantSettings(plan.tenant, plan.name),
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
