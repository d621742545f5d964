import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { refusal, refusedCredentials } from './access.js';
import { BodyError, readBody } from './body.js';
import { openEngine, type Engine, type EngineOptions } from './engine.js';
import { engineError, EngineError } from './errors.js';
import { replyError, replyOutcome, replyStream, replyText } from './reply.js';
import { parseRequest, planOf } from './request.js';

/** Settings of the embedded ClickHouse server. */
export interface ClickHouseServerOptions extends EngineOptions {
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  port: number;
  /** Largest request body, packed or unpacked. Bytes, default 256 MiB. */
  maxBodyBytes?: number;
  /** Asked of every request but /ping. Undefined: none, for tests. */
  password?: string;
}

/** A running embedded ClickHouse server. */
export interface ClickHouseServer {
  readonly url: string;
  readonly port: number;
  /** The engine's version, e.g. 26.7.2.1. */
  readonly version: string;
  /**
   * Refuses new statements, waits up to `graceMs` for those that run, and closes the data directory. False when
   * statements were still running: then the engine is left as it is, to be ended with the process.
   */
  stop(graceMs: number): Promise<boolean>;
}

/**
 * Opens the data directory and answers ClickHouse's HTTP interface on 127.0.0.1, in this process.
 * One data directory a process, never in a worker thread.
 * @throws EngineUnavailableError (chdb missing, directory not writable or in use); Error when the port is taken.
 */
export async function startClickHouseServer(options: ClickHouseServerOptions): Promise<ClickHouseServer> {
  let stopping = false;
  let engine: Engine | undefined;
  const limit = options.maxBodyBytes ?? 256 * 1024 * 1024;

  // ClickHouse takes URLs up to 1 MiB; Node's default for all headers together is 16 KiB.
  const server = createServer({ maxHeaderSize: 2 * 1024 * 1024, keepAliveTimeout: 30_000 }, (request, response) => {
    if (engine === undefined || stopping) {
      response.setHeader('Connection', 'close');
      return replyText(response, 503, 'the embedded ClickHouse server is starting or stopping\n');
    }
    void answer(engine, { limit, password: options.password }, request, response);
  });
  // A single statement may take hours; only the time to receive a request is bounded, by Node's own defaults.
  server.timeout = 0;

  // The port first: when it is taken, the data directory is not touched.
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(cause.code === 'EADDRINUSE' ? new Error(`port ${options.port} on 127.0.0.1 is in use`, { cause }) : cause),
    );
    server.listen({ host: '127.0.0.1', port: options.port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : options.port);
    });
  });
  try {
    engine = await openEngine(options);
  } catch (error) {
    server.close();
    server.closeAllConnections();
    throw error;
  }
  const opened = engine;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    version: opened.version,
    async stop(graceMs) {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const done = await within(graceMs, opened.close());
      // What was answered last is on its way; a connection kept alive would never end by itself.
      server.closeIdleConnections();
      await within(1_000, closed);
      server.closeAllConnections();
      return done;
    },
  };
}

async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Answers one request; never rejects. */
async function answer(
  engine: Engine,
  { limit, password }: { limit: number; password: string | undefined },
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on('error', () => undefined);
  try {
    const refused = refusal(message.headers);
    if (refused !== undefined) return replyText(response, 403, `${refused}\n`);
    const url = new URL(message.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return replyText(response, 200, 'Ok.\n');
    if (url.pathname !== '/') return replyText(response, 404, `There is no handle ${url.pathname}\n`);
    if (message.method !== 'GET' && message.method !== 'POST' && message.method !== 'HEAD') {
      return replyText(response, 405, `method ${message.method ?? ''} is not supported\n`);
    }
    if (message.method !== 'POST' && !url.searchParams.has('query')) return replyText(response, 200, 'Ok.\n');
    const denied = password === undefined ? undefined : refusedCredentials(message.headers, url.searchParams, password);
    if (denied !== undefined) {
      // Not read on: what follows is not wanted.
      response.setHeader('Connection', 'close');
      return replyError(response, engine, engineError(516, 'AUTHENTICATION_FAILED', denied));
    }
    await run(engine, message, response, url, await readBody(message, limit));
  } catch (error) {
    if (error instanceof BodyError) {
      return replyText(response, error.status, `${error.message}\n`);
    }
    replyError(response, engine, error instanceof EngineError ? error : internal(error));
  }
}

async function run(
  engine: Engine,
  message: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: Buffer,
): Promise<void> {
  const asked = url.searchParams.get('query_id');
  if (asked !== null && /^[\x20-\x7e]+$/.test(asked)) response.setHeader('X-ClickHouse-Query-Id', asked);
  const received = await parseRequest(message, url, body);
  const { statement, shape } = await engine.inspect(received.statement);
  const request = { ...received, statement, format: shape.format ?? received.format };
  switch (planOf(shape, request.format, request.waitEnd)) {
    case 'stream':
      return replyStream(response, engine, request);
    case 'read':
      return replyOutcome(response, engine, request, await engine.read(statement));
    case 'insert':
      return replyOutcome(response, engine, request, await engine.insert(statement));
    case 'command':
      return replyOutcome(response, engine, request, await engine.command(statement));
  }
}

function internal(error: unknown): EngineError {
  return engineError(1001, 'STD_EXCEPTION', error instanceof Error ? error.message : String(error));
}
