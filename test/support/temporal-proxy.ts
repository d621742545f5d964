import { once } from 'node:events';
import { connect as connectHttp2, constants, createSecureServer, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Certificate } from './certificates.js';

/** Something that stands before a Temporal dev server, which itself knows neither TLS nor keys. */
export interface Front {
  /** `localhost:port`. */
  address: string;
  /** Values of the `authorization` header that were seen; empty where it is encrypted bytes only. */
  authorizations: readonly (string | undefined)[];
  close(): Promise<void>;
}

function splitAddress(address: string): { host: string; port: number } {
  const { hostname, port } = new URL(`http://${address}`);
  return { host: hostname, port: Number(port) };
}

async function listen(server: Server, authorizations: Front['authorizations'], end: () => void): Promise<Front> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound: AddressInfo | string | null = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the front does not listen on TCP');
  return {
    address: `localhost:${bound.port}`,
    authorizations,
    async close() {
      end();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Ends TLS, asks for a client certificate that `ca` has signed, and passes the bytes on. */
export function startTlsFront(to: string, own: Certificate, ca: string): Promise<Front> {
  const options = { key: own.key, cert: own.cert, ca, requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer({ ...options, ALPNProtocols: ['h2'] }, (client) => {
    const upstream = connect(splitAddress(to));
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  // A refused certificate ends here.
  server.on('tlsClientError', () => {});
  return listen(server, [], () => {});
}

/** Ends TLS and answers as Temporal Cloud does: calls with the right bearer token are passed on, others are refused. */
export function startKeyFront(to: string, own: Certificate, key: string): Promise<Front> {
  const authorizations: (string | undefined)[] = [];
  const upstream = connectHttp2(`http://${to}`);
  upstream.on('error', () => {});
  const server = createSecureServer({ key: own.key, cert: own.cert });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    authorizations.push(headers.authorization);
    if (headers.authorization !== `Bearer ${key}`) {
      const refused = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' };
      stream.respond({ ...refused, 'grpc-message': 'Request unauthorized.' }, { endStream: true });
      return;
    }
    const call = upstream.request(forwarded(headers));
    stream.on('close', () => call.close(constants.NGHTTP2_CANCEL));
    call.on('error', () => stream.close());
    call.on('response', (answer, flags) => {
      // A refusal of the server is headers alone.
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) return stream.respond(answer, { endStream: true });
      stream.respond(answer, { waitForTrailers: true });
      let trailers: IncomingHttpHeaders = {};
      call.on('trailers', (last) => {
        trailers = last;
      });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      call.pipe(stream);
    });
    stream.pipe(call);
  });
  return listen(server, authorizations, () => upstream.destroy());
}

function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { ':authority': _, ':scheme': __, ...rest } = headers;
  return rest;
}

/** A server that speaks something else. */
export function startHttpServer(): Promise<Front> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  });
  return listen(server, [], () => {});
}
