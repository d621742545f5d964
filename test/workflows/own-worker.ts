import { type NativeConnection, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import type { Activities } from '../../src/contracts/activities.js';
import type { TemporalTarget } from '../../src/temporal/connection-options.js';
import { temporalWorkerOptions } from '../../src/temporal/worker-connection.js';

/** A worker with a connection and options of its own, as the worker's process makes them of its settings. */
export function createOwnWorker(
  connection: NativeConnection,
  target: TemporalTarget,
  activities: Activities,
): Promise<Worker> {
  return Worker.create({
    connection,
    ...temporalWorkerOptions(target),
    workflowBundle: { codePath: inject('workflowBundle') },
    activities,
    workflowThreadPoolSize: 1,
  });
}
