import { createServer, type Server, type ServerResponse } from 'node:http';
import { ExtractError } from '../contracts/errors.js';
import { isKnownHost } from '../hosts.js';

/** What `/readyz` asks for; `ok`, or why not. */
export type Readiness = Readonly<Record<string, string>>;

/** What the server shows. */
export interface Shown {
  /** Text of `/metrics` with its content type. */
  metrics(): Promise<{ contentType: string; text: string }>;
  /** Every part that a worker needs with `ok` or with what is wrong with it. */
  readiness(): Promise<Readiness>;
}

/** A server that is listening. */
export interface ObservabilityServer {
  /** Origin, e.g. `http://127.0.0.1:9464`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Where to listen. */
export interface ListenOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Take any free port where this one is in use, instead of throwing. */
  orFreePort: boolean;
  /** Names with a dot that a request's Host header may have. */
  allowedHosts: readonly string[];
}

/**
 * Serves `/metrics`, `/healthz` (200 as long as the process can answer at all) and `/readyz` (200 when every part is
 * ok, else 503; JSON that names each part). Throws ExtractError (Configuration) when the address cannot be used.
 */
export async function serveObservability(shown: Shown, options: ListenOptions): Promise<ObservabilityServer> {
  const { host, port, orFreePort, allowedHosts } = options;
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    // A page in a browser has no business here; scrapers and probes use GET or HEAD.
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, { error: 'GET only' });
    if (!isKnownHost(request.headers.host, allowedHosts))
      return send(response, 403, { error: 'this Host is not known here: name it in METRICS_ALLOWED_HOSTS' });
    void answer(path, shown, response).catch(() => send(response, 500, { error: 'this answer could not be made' }));
  });
  try {
    await listen(server, host, port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code !== 'EADDRINUSE' || !orFreePort)
      throw new ExtractError(
        'Configuration',
        `METRICS_HOST ${host} and METRICS_PORT ${port} cannot be listened on (${code})`,
      );
    await listen(server, host, 0);
  }
  // A worker that cannot start must be able to end.
  server.unref();
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(path: string, shown: Shown, response: ServerResponse): Promise<void> {
  switch (path) {
    case '/metrics': {
      const { contentType, text } = await shown.metrics();
      response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
      return;
    }
    case '/healthz':
      return send(response, 200, { status: 'ok' });
    case '/readyz': {
      const parts = await shown.readiness();
      const ready = Object.values(parts).every((state) => state === 'ok');
      return send(response, ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', ...parts });
    }
    default:
      return send(response, 404, { error: 'there are /metrics, /healthz and /readyz' });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
