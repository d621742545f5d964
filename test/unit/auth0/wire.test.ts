import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { classifyNetworkError } from '../../../src/auth0/classify.js';
import { exchange, openAnswer, type WireAnswer, type WireRequest } from '../../../src/auth0/wire.js';
import { createAuthority } from '../../support/certificates.js';
import { builtFile } from '../../support/compiled.js';
import { type LoopbackServer, portOf, startServer } from './loopback-server.js';

const TIMEOUT_MS = 20_000;
/** How each test leaves no trace. */
let leave: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of leave.reverse()) await end();
  leave = [];
});

async function open(answer: Parameters<typeof startServer>[0]): Promise<LoopbackServer> {
  const server = await startServer(answer);
  leave.push(() => server.close());
  return server;
}

const ask = (origin: string, request: Omit<WireRequest, 'signal'> = {}): Promise<WireAnswer> =>
  exchange(new URL('/x', origin), request, { timeoutMs: TIMEOUT_MS });

/** The kind, message and code that an operator would see. */
async function failureOf(promise: Promise<unknown>): Promise<{ kind: string; message: string; code?: string }> {
  try {
    await promise;
  } catch (error) {
    const { kind, message, context } = classifyNetworkError(error, 'h');
    return { kind, message, ...(context.code !== undefined && { code: context.code }) };
  }
  throw new Error('did not throw');
}

describe('a packed answer', () => {
  const TEXT = JSON.stringify(Array.from({ length: 5_000 }, (_, n) => ({ n, name: `é😀 ${(n * 7_919) % 104_729}` })));
  const answerWith = async (body: Buffer | string, coding: string) =>
    ask(
      (
        await open((_request, response) => {
          response.writeHead(200, { 'content-encoding': coding });
          response.end(body);
        })
      ).origin,
    );

  it.each([
    ['gzip', gzipSync(TEXT)],
    ['GZIP', gzipSync(TEXT)],
    ['x-gzip', gzipSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['identity', Buffer.from(TEXT)],
    ['utf-8', Buffer.from(TEXT)],
  ])('as %s is unpacked', async (coding, body) => {
    expect((await answerWith(body, coding)).body.toString()).toBe(TEXT);
  });

  it('is asked for, in the forms that are unpacked', async () => {
    const server = await open((_request, response) => void response.end());
    await ask(server.origin, { headers: { accept: 'application/json' } });
    expect(server.received[0]?.headers).toMatchObject({ 'accept-encoding': 'br, gzip', accept: 'application/json' });
  });

  it('without a body is empty', async () => {
    for (const coding of ['gzip', 'br']) expect((await answerWith('', coding)).body).toHaveLength(0);
  });

  it('in a form that was not asked for stays as it is', async () => {
    expect((await answerWith(deflateSync(TEXT), 'deflate')).body).toEqual(deflateSync(TEXT));
  });

  const broken = gzipSync(TEXT);
  broken.writeUInt32LE((broken.readUInt32LE(broken.length - 8) ^ 1) >>> 0, broken.length - 8);
  it.each<[string, string, Buffer]>([
    ['a changed one', 'gzip', broken],
    ['the half of one', 'gzip', gzipSync(TEXT).subarray(0, 5_000)],
    ['one with something behind it', 'gzip', Buffer.concat([gzipSync(TEXT), Buffer.from('[]')])],
    ['none', 'gzip', Buffer.from(TEXT)],
    ['half a brotli', 'br', brotliCompressSync(TEXT).subarray(0, 1_000)],
    ['no brotli', 'br', Buffer.from(TEXT)],
  ])('that is %s is refused', async (_name, coding, body) => {
    expect(await failureOf(answerWith(body, coding))).toMatchObject({
      kind: 'UnreadableAnswer',
      message: 'The answer cannot be unpacked',
      code: expect.stringMatching(/^(Z_|ERR_)/),
    });
  });

  it('is bounded by its size once it is unpacked', async () => {
    const zeros = Buffer.alloc(65 * 1024 * 1024);
    for (const [coding, body] of [
      ['gzip', gzipSync(zeros, { level: 1 })],
      ['br', brotliCompressSync(zeros)],
    ] as const)
      expect(await failureOf(answerWith(body, coding))).toMatchObject({
        kind: 'AnswerTooLarge',
        message: 'The answer is larger than 64 MiB',
      });
    expect((await answerWith(gzipSync(zeros.subarray(0, -1024 * 1024), { level: 1 }), 'gzip')).body).toHaveLength(
      64 * 1024 * 1024,
    );
  });
});

it('stops reading an answer that is too large', async () => {
  let isClosed = false;
  let sent = 0;
  const piece = Buffer.alloc(1024 * 1024);
  const { origin } = await open((_request, response) => {
    response.on('close', () => (isClosed = true));
    const more = (): void => {
      while (!isClosed && sent++ < 1_000) if (!response.write(piece)) return void response.once('drain', more);
    };
    more();
  });
  expect(await failureOf(ask(origin))).toMatchObject({ message: 'The answer is larger than 64 MiB' });
  await expect.poll(() => isClosed).toBe(true);
  expect(sent).toBeLessThan(200);
});

it('joins headers of one name, and takes any byte in them', async () => {
  const { origin } = await open((_request, response) => {
    response.writeHead(200, [
      ...['link', '<a>; rel="first"', 'Link', '<b>; rel="next"', 'X-Name', 'caf\u00e9'],
      ...['retry-after', '1', 'retry-after', '2', 'set-cookie', 'a=1', 'set-cookie', 'b=2'],
    ]);
    response.end();
  });
  const { headers } = await ask(origin);
  expect(headers.get('link')).toBe('<a>; rel="first", <b>; rel="next"');
  expect(headers.get('retry-after')).toBe('1, 2');
  expect(headers.get('x-name')).toBe('caf\u00e9');
  expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
});

it('tells of the head before the body is there, and drops the answer where that fails', async () => {
  let isClosed = false;
  const { origin } = await open((_request, response) => {
    response.on('close', () => (isClosed = true));
    response.writeHead(429, { 'retry-after': '7' });
    response.write('[');
  });
  const heads: unknown[] = [];
  const onHead = ({ status, headers }: { status: number; headers: Headers }): void => {
    heads.push([status, headers.get('retry-after')]);
    throw new Error('enough');
  };
  await expect(exchange(new URL(origin), {}, { timeoutMs: TIMEOUT_MS, onHead })).rejects.toThrow('enough');
  expect(heads).toEqual([[429, '7']]);
  await expect.poll(() => isClosed).toBe(true);
});

it('sends nothing for a signal that was aborted before', async () => {
  const server = await open((_request, response) => void response.end('[]'));
  const reason = new Error('cancelled');
  const signal = AbortSignal.abort(reason);
  await expect(exchange(new URL(server.origin), { signal }, { timeoutMs: TIMEOUT_MS })).rejects.toBe(reason);
  expect(server.received).toEqual([]);
});

it('leaves nothing behind at a signal that lives on', async () => {
  const { origin } = await open((_request, response) => void response.end('[]'));
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) await exchange(new URL(origin), { signal }, { timeoutMs: TIMEOUT_MS });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

/** A server that speaks HTTP by hand: `answer` gets each request's number on its connection, and the connection's. */
async function openByHand(answer: (socket: Socket, request: number, connection: number) => void) {
  const seen: string[] = [];
  let connections = 0;
  const server = createTcpServer((socket) => {
    const connection = ++connections;
    let requests = 0;
    socket.on('error', () => {});
    socket.on('data', (text) => {
      const request = ++requests;
      seen.push(`${connection}.${request} ${text.toString().split(' ')[0]}`);
      answer(socket, request, connection);
    });
  });
  return { origin: await listen(server), seen };
}

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  leave.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${portOf(server.address())}`;
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]';

describe('connections', () => {
  /** Its callers let a connection go back to the others before they ask again. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('are used again, one for each request under way', async () => {
    const { origin, seen } = await openByHand((socket) => setTimeout(() => socket.write(OK), 5));
    for (let i = 0; i < 5; i++) {
      await ask(origin);
      await settle();
    }
    expect(seen).toEqual(['1.1 GET', '1.2 GET', '1.3 GET', '1.4 GET', '1.5 GET']);
    for (let i = 0; i < 3; i++) {
      await Promise.all([ask(origin), ask(origin), ask(origin), ask(origin)]);
      await settle();
    }
    expect(new Set(seen.map((entry) => entry.split('.')[0])).size).toBe(4);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['closes', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
  ])('that the server %s while they wait are replaced, for a GET and once', async (_how, close) => {
    const { origin, seen } = await openByHand((socket, request) => (request === 1 ? socket.write(OK) : close(socket)));
    expect((await ask(origin)).body.toString()).toBe('[]');
    await settle();
    expect((await ask(origin)).body.toString()).toBe('[]');
    expect(seen).toEqual(['1.1 GET', '1.2 GET', '2.1 GET']);
  });

  it('that all were closed while they waited cost one repetition, not one each', async () => {
    const { origin, seen } = await openByHand((socket, request, connection) => {
      if (connection > 2) socket.write(OK);
      else if (request === 1) setTimeout(() => socket.write(OK), 5);
      else socket.resetAndDestroy();
    });
    await Promise.all([ask(origin), ask(origin)]);
    await settle();
    expect((await ask(origin)).body.toString()).toBe('[]');
    expect(seen.slice(2)).toEqual([expect.stringMatching(/^[12]\.2 GET$/), '3.1 GET']);
  });

  it('that break again are the end', async () => {
    const { origin, seen } = await openByHand((socket, request, connection) =>
      request === 1 && connection === 1 ? socket.write(OK) : socket.resetAndDestroy(),
    );
    await ask(origin);
    await settle();
    expect(await failureOf(ask(origin))).toMatchObject({ message: 'h: the connection was reset', code: 'ECONNRESET' });
    expect(seen).toEqual(['1.1 GET', '1.2 GET', '2.1 GET']);
    expect(await failureOf(ask(origin))).toMatchObject({ code: 'ECONNRESET' });
    expect(seen).toHaveLength(4);
  });

  it('that break under a POST are the end: it may have been done', async () => {
    const { origin, seen } = await openByHand((socket, request) =>
      request === 1 ? socket.write(OK) : socket.resetAndDestroy(),
    );
    await ask(origin);
    await settle();
    expect(await failureOf(ask(origin, { method: 'POST', body: '{}' }))).toMatchObject({ code: 'ECONNRESET' });
    expect(seen).toEqual(['1.1 GET', '1.2 POST']);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => setTimeout(() => socket.resetAndDestroy(), 30)],
  ])('that are %s in the middle of an answer are the end', async (_how, close) => {
    const { origin, seen } = await openByHand((socket, request) => {
      socket.write(request === 1 ? OK : OK.slice(0, -1));
      if (request === 2) close(socket);
    });
    await ask(origin);
    await settle();
    const answer = await openAnswer(new URL(origin), { signal: new AbortController().signal });
    expect(await failureOf(answer.toArray())).toEqual({
      kind: 'TenantUnreachable',
      message: 'h: the connection was closed in the middle of the answer',
      code: 'ECONNRESET',
    });
    // Time enough for another try to arrive.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen).toEqual(['1.1 GET', '1.2 GET']);
  });

  it('that wait for a slow answer stay, however soon idle ones are closed', async () => {
    const { origin, seen } = await openByHand((socket, request) =>
      request === 1 ? socket.write(OK) : setTimeout(() => socket.write(OK), 6_000),
    );
    await ask(origin);
    await settle();
    expect((await ask(origin)).body.toString()).toBe('[]');
    expect(seen).toEqual(['1.1 GET', '1.2 GET']);
  });
});

/** A CA, and a server that it vouches for. */
async function openSecure(): Promise<{ origin: string; ca: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'wire-'));
  leave.push(() => rm(folder, { recursive: true, force: true }));
  const ca = await createAuthority(folder, 'ca');
  const { cert, key } = await ca.sign('server');
  const server = createHttpsServer({ cert: `${cert}${ca.cert}`, key }, (_request, response) => response.end('[]'));
  return { origin: (await listen(server)).replace('http:', 'https:'), ca: ca.certPath };
}

describe('a process of its own', () => {
  /** Asks once, then has nothing more to do. What it got, and how long it took to end. */
  const run = async (origin: string, env: Record<string, string> = {}) => {
    const script = `
      const { exchange } = await import(process.argv[1]);
      const { body } = await exchange(new URL(process.argv[2]), {}, { timeoutMs: 60_000 });
      const doneAt = Date.now();
      process.on('exit', () => console.log(JSON.stringify({ body: body.toString(), endedAfterMs: Date.now() - doneAt })));`;
    const args = ['--input-type=module', '-e', script, builtFile('auth0/wire.js'), origin];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
    return z.object({ body: z.string(), endedAfterMs: z.number() }).parse(JSON.parse(stdout));
  };

  it('is not kept by a connection that waits', async () => {
    const { origin } = await openByHand((socket) => socket.write(OK));
    const { body, endedAfterMs } = await run(origin);
    expect(body).toBe('[]');
    expect(endedAfterMs).toBeLessThan(1_000);
  });

  it('trusts the certificates that the environment adds', async () => {
    const { origin, ca } = await openSecure();
    expect((await run(origin, { NODE_EXTRA_CA_CERTS: ca })).body).toBe('[]');
  });
});

describe('TLS', () => {
  it('names a certificate that is not trusted', async () => {
    const { origin } = await openSecure();
    expect(await failureOf(ask(origin))).toEqual({
      kind: 'TenantUnreachable',
      message: 'h: its certificate is not trusted',
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    });
  });

  it('that does not come about is given up before the whole time is over', async () => {
    // It takes the connection and says nothing.
    const origin = (await openByHand(() => {})).origin.replace('http:', 'https:');
    const { signal } = new AbortController();
    const started = Date.now();
    const failure = await failureOf(openAnswer(new URL(origin), { signal }, { connectMs: 100 }));
    expect(failure).toMatchObject({ message: 'h: the connection timed out', code: 'ETIMEDOUT' });
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('that has come about has the whole time for its answer', async () => {
    const { origin } = await openByHand((socket) => setTimeout(() => socket.write(OK), 300));
    const { signal } = new AbortController();
    const answer = await openAnswer(new URL(origin), { signal }, { connectMs: 100 });
    expect(answer.statusCode).toBe(200);
    answer.resume();
  });
});
