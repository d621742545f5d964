import { Client, Connection } from '@temporalio/client';
import { ExtractError } from '../contracts/errors.js';

/** A Temporal client with its connection, which has to be closed. */
export interface TemporalHandle {
  client: Client;
  close(): Promise<void>;
}

/** Connects to a Temporal server. Throws ExtractError (TemporalUnavailable) when it does not answer in time. */
export async function connectTemporal(
  { address, namespace }: { address: string; namespace: string },
  timeoutMs = 5_000,
): Promise<TemporalHandle> {
  try {
    const connection = await Connection.connect({ address, connectTimeout: timeoutMs });
    const client = new Client({ connection, namespace });
    await connection.withDeadline(Date.now() + timeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return { client, close: () => connection.close() };
  } catch (error) {
    const missing = error instanceof Error && /NOT_FOUND|not found/i.test(error.message);
    if (missing)
      throw new ExtractError(
        'Configuration',
        `Temporal at ${address} has no namespace "${namespace}" (TEMPORAL_NAMESPACE)`,
      );
    throw new ExtractError('TemporalUnavailable', `Temporal at ${address} does not answer`);
  }
}
