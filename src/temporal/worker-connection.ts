import { NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { TemporalConfig } from '../config/temporal.js';
import { retryUntilUp } from '../retry-until-up.js';
import { connectTemporal, mayComeUp, TemporalConnectError } from './connect.js';
import { connectionOptions, dataConverterOf, type TemporalTarget } from './connection-options.js';

/** A worker's connection, and what was learnt of the namespace. */
export interface WorkerConnection {
  connection: NativeConnection;
  /** Whether runs carry Auth0Tenant and Auth0Resource. */
  searchAttributes: boolean;
}

/** A failed try: which one it was, why it failed, and how long tries go on. */
export interface FailedTry {
  tries: number;
  reason: string;
  leftMs: number;
}

/**
 * Connects a worker, with patience for a server, or a namespace, that is not up yet. Refused credentials and TLS that
 * cannot work are thrown at once. Throws TemporalConnectError.
 */
export async function connectWorker(
  target: TemporalTarget,
  options: { forMs: number; say: (failed: FailedTry) => void; tryMs?: number },
): Promise<WorkerConnection> {
  return retryUntilUp(() => connectOnce(target, options.tryMs), {
    forMs: options.forMs,
    isFinal: (error) => !mayComeUp(error),
    say: (tries, error, leftMs) =>
      options.say({ tries, leftMs, reason: error instanceof Error ? error.message : String(error) }),
  });
}

/** The client's connection comes first: it tells what is wrong, where the native one says "transport error". */
async function connectOnce(target: TemporalTarget, timeoutMs?: number): Promise<WorkerConnection> {
  const { searchAttributes, close } = await connectTemporal(target, timeoutMs);
  await close();
  try {
    return { connection: await NativeConnection.connect(connectionOptions(target)), searchAttributes };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new TemporalConnectError('away', `The worker cannot connect to Temporal at ${target.address}: ${detail}`);
  }
}

/**
 * Options of a worker that come from the configuration of Temporal. Runs move to the version that is current
 * (AUTO_UPGRADE): a run holds its resource's workflow id, and one that stayed with a version whose workers are gone
 * would hold it for ever. That old histories go on under new code is what the replay tests are for.
 */
export function temporalWorkerOptions(
  temporal: TemporalConfig,
): Pick<WorkerOptions, 'namespace' | 'taskQueue' | 'dataConverter' | 'workerDeploymentOptions'> {
  const { namespace, taskQueue, deployment } = temporal;
  return {
    namespace,
    taskQueue,
    dataConverter: dataConverterOf(temporal),
    ...(deployment && {
      workerDeploymentOptions: {
        version: { deploymentName: deployment.name, buildId: deployment.buildId },
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
      },
    }),
  };
}
