import type { DataConverter } from '@temporalio/common';
import { isLoopback } from '../auth0/loopback.js';
import type { TemporalConfig } from '../config/temporal.js';
import { codecWithoutKeys, createPayloadCodec } from './codec.js';

/** A Temporal server that is known: configured, or started by `up`. */
export type TemporalTarget = Omit<TemporalConfig, 'address'> & { address: string };

/** Options of a connection, as the client's and the worker's connections both take them. */
export interface ConnectionSettings {
  address: string;
  tls:
    | false
    | {
        serverRootCACertificate?: Uint8Array;
        serverNameOverride?: string;
        clientCertPair?: { crt: Uint8Array; key: Uint8Array };
      };
  apiKey?: string;
  metadata: Record<string, string>;
}

/**
 * What a client's connection takes on top. gRPC's own library reads `https_proxy` (in lower case) and would send even what
 * goes to this machine through it; the worker's connection reads no such variable.
 */
export function clientChannel(address: string): { channelArgs?: { 'grpc.enable_http_proxy': 0 } } {
  const { hostname } = URL.canParse(`http://${address}`) ? new URL(`http://${address}`) : { hostname: '' };
  return isLoopback(hostname) ? { channelArgs: { 'grpc.enable_http_proxy': 0 } } : {};
}

/** The one place that turns the configuration into the options of a connection. */
export function connectionOptions({ address, tls, apiKey, headers }: TemporalTarget): ConnectionSettings {
  return {
    address,
    // Said also where it is off: the SDK switches TLS on by itself where there is a key.
    tls: tls !== null && {
      ...(tls.serverCa && { serverRootCACertificate: tls.serverCa }),
      ...(tls.serverName !== null && { serverNameOverride: tls.serverName }),
      ...(tls.client && { clientCertPair: { crt: tls.client.certificate, key: tls.client.key } }),
    },
    ...(apiKey !== null && { apiKey }),
    metadata: { ...headers },
  };
}

/** How payloads are written and read; the same for worker and clients. */
export function dataConverterOf({ codecKeys }: Pick<TemporalConfig, 'codecKeys'>): DataConverter {
  return { payloadCodecs: [codecKeys.length > 0 ? createPayloadCodec(codecKeys) : codecWithoutKeys] };
}
