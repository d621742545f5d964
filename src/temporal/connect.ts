import { Client, Connection } from '@temporalio/client';
import { type ErrorKind, ExtractError } from '../contracts/errors.js';
import { clientChannel, connectionOptions, dataConverterOf, type TemporalTarget } from './connection-options.js';
import { type ConnectionProblem, probeConnection } from './probe.js';
import { decideSearchAttributes } from './search-attributes.js';
import { grpcCodeOf, untilAnswered } from './slow-server.js';

/** A Temporal client with its connection, which has to be closed. */
export interface TemporalHandle {
  client: Client;
  /** Whether runs that are started here carry Auth0Tenant and Auth0Resource. */
  searchAttributes: boolean;
  close(): Promise<void>;
}

/** Why there is no connection. `away` and `namespace` may be over in a moment, while a stack starts. */
export type ConnectFailure = 'away' | 'namespace' | 'tls' | 'credentials' | 'setting';

/** The error of a connection that could not be made, with what decides whether to try again. */
export class TemporalConnectError extends ExtractError {
  readonly failure: ConnectFailure;

  constructor(failure: ConnectFailure, message: string) {
    const kind: ErrorKind = failure === 'away' ? 'TemporalUnavailable' : 'Configuration';
    super(kind, message);
    this.failure = failure;
  }
}

/** Whether a later try may get a connection that this one did not. */
export function mayComeUp(error: unknown): boolean {
  return error instanceof TemporalConnectError && (error.failure === 'away' || error.failure === 'namespace');
}

/**
 * Connects to a Temporal server, and checks that the namespace is there and lets us in. Throws TemporalConnectError,
 * which says what is wrong and where to set it right, and never holds a credential.
 */
export async function connectTemporal(target: TemporalTarget, timeoutMs = 5_000): Promise<TemporalHandle> {
  const { namespace } = target;
  const probing = probeConnection(target, timeoutMs);
  const connecting = Connection.connect({
    ...connectionOptions(target),
    interceptors: [untilAnswered()],
    ...clientChannel(target.address),
    connectTimeout: timeoutMs,
  });
  try {
    const connection = await Promise.race([connecting, refusedEarly(probing, connecting)]);
    // It has answered already: one that is busy gets its time.
    const described = await connection.withDeadline(Date.now() + 4 * timeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    const aliases = described.config?.customSearchAttributeAliases ?? {};
    const wanted = target.searchAttributes;
    const searchAttributes = await decideSearchAttributes(connection, namespace, aliases, { wanted, timeoutMs });
    const client = new Client({ connection, namespace, dataConverter: dataConverterOf(target) });
    return { client, searchAttributes, close: () => connection.close() };
  } catch (error) {
    void connecting.then((connection) => connection.close()).catch(() => {});
    if (error instanceof ExtractError) throw error;
    throw failureOf(grpcCodeOf(error), await probing, target);
  }
}

/** TLS that cannot work fails in milliseconds; the client itself would go on trying until its time is over. */
async function refusedEarly<T>(probing: Promise<ConnectionProblem | null>, connecting: Promise<T>): Promise<T> {
  const problem = await probing;
  if (problem?.reason !== 'tls') return connecting;
  throw new TemporalConnectError('tls', `No connection to Temporal: ${problem.message}`);
}

const GRPC = { notFound: 5, permissionDenied: 7, unimplemented: 12, unauthenticated: 16 } as const;

/** What a failed connection means, from the server's own answer where there is one, else from the probe. */
export function failureOf(
  code: number | undefined,
  problem: ConnectionProblem | null,
  { address, namespace, apiKey, tls }: TemporalTarget,
): TemporalConnectError {
  switch (code) {
    case GRPC.notFound:
      return new TemporalConnectError(
        'namespace',
        `Temporal at ${address} has no namespace "${namespace}" (TEMPORAL_NAMESPACE)`,
      );
    case GRPC.permissionDenied:
    case GRPC.unauthenticated:
      return new TemporalConnectError('credentials', `Temporal at ${address} ${refusal(namespace, apiKey, tls)}`);
    case GRPC.unimplemented:
      return new TemporalConnectError('setting', `${address} is no Temporal server: it does not know its calls`);
    default:
      return new TemporalConnectError(
        'away',
        `Temporal at ${address} does not answer${problem === null ? '' : ` (${problem.message})`}`,
      );
  }
}

function refusal(namespace: string, apiKey: string | null, tls: TemporalTarget['tls']): string {
  if (apiKey !== null)
    return `refuses the API key for namespace "${namespace}": check TEMPORAL_API_KEY (it may have expired, been disabled, or have no access there), TEMPORAL_NAMESPACE, and that the address takes API keys`;
  if (tls?.client)
    return `refuses the client certificate for namespace "${namespace}": check TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_NAMESPACE, and that the address is that of mTLS`;
  return `wants credentials for namespace "${namespace}": set TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH`;
}
