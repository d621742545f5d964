import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A proxy on loopback that knows no names: whatever it is asked for, it connects to one port of this machine. */
export interface ForwardProxy {
  port: number;
  /** First lines of the requests that it got, with what they proved themselves by. */
  seen: { line: string; authorization: string | undefined }[];
  close(): Promise<void>;
}

/** Starts a proxy to `upstreamPort`; `login` is what it asks for, `refusal` a status with which it refuses all. */
export async function startForwardProxy(
  upstreamPort: number,
  { login, refusal }: { login?: string; refusal?: number } = {},
): Promise<ForwardProxy> {
  const seen: ForwardProxy['seen'] = [];
  const sockets = new Set<Socket>();
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const statusFor = (request: IncomingMessage): number => {
    const authorization = request.headers['proxy-authorization'];
    seen.push({ line: `${request.method} ${request.url}`, authorization });
    return refusal ?? (wanted === undefined || wanted === authorization ? 200 : 407);
  };
  const server = createServer((request, response) => {
    const status = statusFor(request);
    if (status !== 200) return void response.writeHead(status).end('from the proxy');
    const { pathname, search } = new URL(request.url ?? '');
    const { method, headers } = request;
    const upstream = httpRequest(
      { host: '127.0.0.1', port: upstreamPort, path: `${pathname}${search}`, ...(method && { method }), headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(upstream);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('connect', (request, socket) => {
    const status = statusFor(request);
    if (status !== 200)
      return void socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 14\r\n\r\nfrom the proxy`);
    const upstream = connect(upstreamPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    sockets.add(upstream);
    upstream.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port }: Pick<AddressInfo, 'port'> = addressOf(server.address());
  return {
    port,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address;
}
