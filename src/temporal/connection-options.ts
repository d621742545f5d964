import type { DataConverter } from '@temporalio/common';
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
