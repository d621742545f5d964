import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createManagementApi, type ManagementApi } from '../../../src/auth0/http.js';
import { createPacer } from '../../../src/auth0/pacer.js';
import type { TokenSource } from '../../../src/auth0/token.js';
import { ExtractError } from '../../../src/contracts/errors.js';
import { json, type LoopbackServer, startServer } from './loopback-server.js';

let server: LoopbackServer;
let answer: Parameters<typeof startServer>[0] = () => {};
/** Tokens that were refused. */
let refused: string[] = [];
let minted = 0;

const tokens: TokenSource = {
  async get() {
    return `token-${(minted = refused.length + 1)}`;
  },
  invalidate: (token) => void refused.push(token),
  minted: () => minted,
};

beforeEach(async () => {
  refused = [];
  server = await startServer((request, response) => answer(request, response));
});
afterEach(async () => server.close());

const api = (timeoutMs = 10_000): ManagementApi =>
  createManagementApi({
    origin: server.origin,
    tokens,
    pacer: createPacer({ headroom: 0, maxRps: null }),
    timeoutMs,
    userAgent: 'test/1',
  });

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('did not throw');
}

it("knows the tenant's own time, and takes ours where it names none", async () => {
  answer = (_request, response) => json(response, 200, '[]', { date: 'Fri, 02 Jan 2026 03:04:05 GMT' });
  expect((await api().send({ path: '/x' })).serverTime).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
  answer = (_request, response) => json(response, 200, '[]', { date: 'some day' });
  const { sentAt, serverTime } = await api().send({ path: '/x' });
  expect(serverTime).toBe(sentAt);
});

it('sends what was asked for, with the token', async () => {
  answer = (_request, response) => json(response, 200, '[{"n":1.10}]', { link: '<x>; rel="next"' });
  const before = Date.now();
  const client = api();
  const got = await client.send({ path: '/api/v2/users', query: { q: 'updated_at:[a TO *]', page: '0' } });
  expect(got.text).toBe('[{"n":1.10}]');
  expect(got.headers.get('link')).toBe('<x>; rel="next"');
  expect(got.sentAt).toBeGreaterThanOrEqual(before);
  const [request] = server.received;
  expect(request?.method).toBe('GET');
  expect(new URL(request?.url ?? '', server.origin).searchParams.get('q')).toBe('updated_at:[a TO *]');
  expect(request?.headers).toMatchObject({
    authorization: 'Bearer token-1',
    accept: 'application/json',
    'user-agent': 'test/1',
  });
  expect(request?.headers['content-type']).toBeUndefined();
  expect(client.requests()).toBe(1);
});

it('sends a body as JSON, and takes 201 for a success', async () => {
  answer = (_request, response) => json(response, 201, '{}');
  await api().send({ method: 'POST', path: '/api/v2/jobs/users-exports', body: { format: 'json' } });
  expect(server.received[0]).toMatchObject({
    method: 'POST',
    body: '{"format":"json"}',
    headers: { 'content-type': 'application/json' },
  });
});

describe('a 401 or 403', () => {
  it.each([401, 403])('is answered once with a fresh token (%i)', async (status) => {
    answer = (request, response) =>
      request.headers.authorization === 'Bearer token-1' ? json(response, status, '{}') : json(response, 200, '[]');
    const client = api();
    expect((await client.send({ path: '/api/v2/users' })).text).toBe('[]');
    expect(refused).toEqual(['token-1']);
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(client.requests()).toBe(2);
  });

  it('that comes again is the end', async () => {
    answer = (_request, response) =>
      json(response, 401, { statusCode: 401, error: 'Unauthorized', message: 'Bad audience: x' });
    expect(await errorOf(api().send({ path: '/api/v2/users' }))).toMatchObject({
      kind: 'TokenRejected',
      context: { status: 401 },
      message: expect.stringContaining('Bad audience: x'),
    });
    expect(server.received).toHaveLength(2);
    expect(refused).toEqual(['token-1']);
  });

  it('that comes again keeps no token from the next request, which may have been granted its scope', async () => {
    const body = {
      statusCode: 403,
      errorCode: 'insufficient_scope',
      message: 'Insufficient scope, expected: read:logs',
    };
    answer = (request, response) =>
      request.headers.authorization === 'Bearer token-3' ? json(response, 200, '[]') : json(response, 403, body);
    const client = api();
    expect(await errorOf(client.send({ path: '/api/v2/logs' }))).toMatchObject({ kind: 'InsufficientScope' });
    expect((await client.send({ path: '/api/v2/logs' })).text).toBe('[]');
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual(
      [1, 2, 2, 3].map((n) => `Bearer token-${n}`),
    );
  });
});

it('does not follow a redirect: the token stays with the tenant', async () => {
  const other = await startServer((_request, response) => json(response, 200, '[]'));
  for (const status of [301, 302, 307, 308]) {
    answer = (_request, response) => {
      response.writeHead(status, { location: `${other.origin}/api/v2/users` });
      response.end();
    };
    expect(await errorOf(api().send({ path: '/api/v2/users' }))).toMatchObject({
      kind: 'UnreadableAnswer',
      context: { status },
    });
  }
  expect(other.received).toEqual([]);
  expect(server.received).toHaveLength(4);
  await other.close();
});

it('tells an expired position from a bad request only in logs with from', async () => {
  const body = { statusCode: 400, error: 'Bad Request', message: 'The log_id in parameter from has expired' };
  answer = (_request, response) => json(response, 400, body);
  const kindOf = async (path: string, query: Record<string, string>) =>
    errorOf(api().send({ path, query })).then((error) => (error instanceof ExtractError ? error.kind : error));
  expect(await kindOf('/api/v2/logs', { from: '1', take: '100' })).toBe('CursorExpired');
  expect(await kindOf('/api/v2/logs', { sort: 'date:1' })).toBe('InvalidRequest');
  expect(await kindOf('/api/v2/clients', { from: '1' })).toBe('InvalidRequest');
});

describe('a body', () => {
  const send = (body: Buffer | string, headers: Record<string, string> = {}) => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      response.end(body);
    };
    return api().send({ path: '/api/v2/users' });
  };

  it('is decoded as UTF-8, without its byte order mark', async () => {
    expect((await send('\uFEFF["é😀"]')).text).toBe('["é😀"]');
  });

  it('may arrive in pieces that break a character', async () => {
    const bytes = Buffer.from('["é😀"]');
    answer = async (_request, response) => {
      response.writeHead(200);
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    expect((await api().send({ path: '/api/v2/users' })).text).toBe('["é😀"]');
  });

  it('that is no UTF-8 is refused, not mended', async () => {
    expect(await errorOf(send(Buffer.from([0x22, 0xc3, 0x22])))).toMatchObject({ kind: 'UnreadableAnswer' });
  });

  it('beyond the cap is refused, however small it was on the wire', async () => {
    const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024), { level: 1 });
    expect(await errorOf(send(bomb, { 'content-encoding': 'gzip' }))).toMatchObject({
      kind: 'AnswerTooLarge',
      message: expect.stringContaining('64 MiB'),
    });
  });

  it('that is cut off is refused', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('[{"a":1}');
      setTimeout(() => response.destroy(), 10);
    };
    expect(await errorOf(api().send({ path: '/api/v2/users' }))).toMatchObject({ kind: 'TenantUnreachable' });
  });

  it('that is missing where a page was due is refused', async () => {
    answer = (_request, response) => {
      response.writeHead(204);
      response.end();
    };
    expect(await errorOf(api().send({ path: '/api/v2/users' }))).toMatchObject({
      kind: 'UnreadableAnswer',
      context: { status: 204 },
    });
  });
});

describe('no answer', () => {
  it('in time', async () => {
    answer = () => {};
    expect(await errorOf(api(50).send({ path: '/api/v2/users' }))).toMatchObject({
      kind: 'TenantUnreachable',
      message: expect.stringMatching(/no answer in time/),
    });
  });

  it('in time after its first half', async () => {
    answer = (_request, response) => {
      response.writeHead(200);
      response.write('[');
    };
    expect(await errorOf(api(50).send({ path: '/api/v2/users' }))).toMatchObject({ context: { code: 'TimeoutError' } });
  });

  it('because it is not wanted any more gives the reason of the signal', async () => {
    const reason = new Error('cancelled');
    const before = new AbortController();
    before.abort(reason);
    expect(await errorOf(api().send({ path: '/api/v2/users' }, before.signal))).toBe(reason);
    for (const half of [false, true]) {
      const during = new AbortController();
      answer = (_request, response) => {
        if (half) {
          response.writeHead(200);
          response.write('[');
        }
        setTimeout(() => during.abort(reason), 10);
      };
      expect(await errorOf(api().send({ path: '/api/v2/users' }, during.signal))).toBe(reason);
    }
  });
});
