import { afterEach, describe, expect, it } from 'vitest';
import { createTokenSource, type TokenSource } from '../../../src/auth0/token.js';
import { describeError, ExtractError, type ErrorKind } from '../../../src/contracts/errors.js';
import { json, type LoopbackServer, startServer } from './loopback-server.js';

const SECRET = 'top s3cr3t+/&"';
const BY_SECRET = { method: 'client_secret', clientSecret: SECRET } as const;
const AUDIENCE = 'https://acme.eu.auth0.com/api/v2/';

let server: LoopbackServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

type Answer = Parameters<typeof startServer>[0];

async function source(answer: Answer, options: { now?: () => number; timeoutMs?: number } = {}): Promise<TokenSource> {
  server = await startServer(answer);
  return createTokenSource(
    { origin: server.origin, audience: AUDIENCE, clientId: 'the-client', auth: BY_SECRET },
    options,
  );
}

/** An endpoint that numbers its tokens. */
function numbered(fields: Record<string, unknown> = { expires_in: 86_400, token_type: 'Bearer' }): Answer {
  let n = 0;
  return (_request, response) => json(response, 200, { access_token: `token-${++n}`, ...fields });
}

async function errorOf(tokens: TokenSource): Promise<ExtractError> {
  try {
    await tokens.get();
  } catch (error) {
    if (error instanceof ExtractError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

it('asks as the documentation says', async () => {
  const tokens = await source(numbered());
  expect(await tokens.get()).toBe('token-1');
  const [request] = server?.received ?? [];
  expect(request).toMatchObject({ method: 'POST', url: '/oauth/token' });
  expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'the-client',
    client_secret: SECRET,
    audience: AUDIENCE,
  });
});

it('sends one request for twenty callers', async () => {
  const answer = numbered();
  const tokens = await source(async (request, response) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await answer(request, response);
  });
  const got = await Promise.all(Array.from({ length: 20 }, () => tokens.get()));
  expect(new Set(got)).toEqual(new Set(['token-1']));
  expect([tokens.minted(), server?.received.length]).toEqual([1, 1]);
});

describe('a token is used', () => {
  const START = 1_767_323_045_000;
  it.each<[string, Record<string, unknown>, number, number]>([
    ['until a minute before its end', { expires_in: 86_400 }, 86_339_999, 86_340_000],
    ['as one of two minutes is', { expires_in: 120 }, 59_999, 60_000],
    ['for half of a life that is shorter', { expires_in: 60 }, 29_999, 30_000],
    ['by a life that is written as text', { expires_in: '86400' }, 86_339_999, 86_340_000],
  ])('%s', async (_name, fields, stillGood, over) => {
    let now = START;
    const tokens = await source(numbered({ token_type: 'Bearer', ...fields }), { now: () => now });
    expect(await tokens.get()).toBe('token-1');
    now = START + stillGood;
    expect(await tokens.get()).toBe('token-1');
    now = START + over;
    expect(await tokens.get()).toBe('token-2');
    expect(tokens.minted()).toBe(2);
  });

  it('without an end where the endpoint names none', async () => {
    let now = START;
    const tokens = await source(numbered({ token_type: 'Bearer' }), { now: () => now });
    await tokens.get();
    now += 10 * 365 * 86_400_000;
    expect(await tokens.get()).toBe('token-1');
  });

  it('where the endpoint leaves token_type out, as some mocks do', async () => {
    expect(await (await source(numbered({}))).get()).toBe('token-1');
    await server?.close();
    expect(await (await source(numbered({ token_type: 'bearer', scope: 'read:users read:logs' }))).get()).toBe(
      'token-1',
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['members that are null', { token_type: null, scope: null, id_token: null, refresh_token: null, expires_in: null }],
    ['members of other types', { token_type: 5, scope: ['read:users'], id_token: 'no jwt', refresh_token: {} }],
    ['a life of 0', { expires_in: 0 }],
    ['a life below 0', { expires_in: -1 }],
    ['a life that is no number', { expires_in: 'soon' }],
    ['a life that is empty', { expires_in: '' }],
    ['a life that is a list', { expires_in: [] }],
  ])('where the answer has %s', async (_name, fields) => {
    let now = START;
    const tokens = await source(numbered(fields), { now: () => now });
    expect(await tokens.get()).toBe('token-1');
    // Nothing usable says when it ends: that is for a 401 to say.
    now += 86_400_000;
    expect(await tokens.get()).toBe('token-1');
  });

  it('until the API refuses it; a late refusal of an older one changes nothing', async () => {
    const tokens = await source(numbered());
    const first = await tokens.get();
    tokens.invalidate(first);
    expect(await tokens.get()).toBe('token-2');
    tokens.invalidate(first);
    expect(await tokens.get()).toBe('token-2');
    expect(server?.received).toHaveLength(2);
  });
});

it('asks again after a failure, which it does not remember', async () => {
  let requests = 0;
  const tokens = await source((_request, response) =>
    ++requests === 1 ? json(response, 503, '') : json(response, 200, { access_token: 't', token_type: 'Bearer' }),
  );
  const all = await Promise.allSettled([tokens.get(), tokens.get()]);
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await tokens.get()).toBe('t');
  expect(requests).toBe(2);
});

describe('a refusal', () => {
  const oauth = (error: string, text: string) => ({ error, error_description: text });
  it.each<[string, number, unknown, ErrorKind]>([
    ['a wrong secret', 401, oauth('access_denied', 'Unauthorized'), 'CredentialsRejected'],
    ['an unknown client', 401, oauth('invalid_client', 'Client authentication failed'), 'CredentialsRejected'],
    ['no grant', 403, oauth('access_denied', 'Client is not authorized to access "x"'), 'AudienceRejected'],
    ['a custom domain', 403, oauth('access_denied', 'Service not enabled within domain: x'), 'AudienceRejected'],
    ['no such grant type', 403, oauth('unauthorized_client', "Grant type 'x' not allowed"), 'CredentialsRejected'],
    ['a quota', 429, oauth('too_many_requests', 'Client quota exceeded'), 'RateLimited'],
    ['a gateway', 502, '<html>502</html>', 'TenantUnavailable'],
    ['another site', 404, '<html>404</html>', 'Configuration'],
    ['a redirect', 302, '', 'Configuration'],
    ['a page of HTML', 200, '<html>welcome</html>', 'Configuration'],
    ['a 200 without a token', 200, { expires_in: 1 }, 'Configuration'],
    ['a token that is no text', 200, { access_token: 5, token_type: 'Bearer' }, 'Configuration'],
    ['a 200 that is a list', 200, ['access_token'], 'Configuration'],
  ])('for %s', async (_name, status, body, kind) => {
    const error = await errorOf(await source((_request, response) => json(response, status, body)));
    expect(error.kind).toBe(kind);
    expect(error.message).not.toMatch(/<html|s3cr3t/);
  });

  it('keeps the wait that a quota asks for', async () => {
    const tokens = await source((_request, response) => json(response, 429, '', { 'retry-after': '7' }));
    expect((await errorOf(tokens)).retryAfterMs).toBe(7_000);
  });

  it('does not send the secret to where a redirect leads', async () => {
    const other = await startServer(numbered());
    const tokens = await source((_request, response) => {
      response.writeHead(307, { location: `${other.origin}/oauth/token` });
      response.end();
    });
    expect((await errorOf(tokens)).kind).toBe('Configuration');
    expect(other.received).toEqual([]);
    await other.close();
  });

  it.each<[string, (body: string) => unknown]>([
    ['as text', (body) => ({ error: 'invalid_client', error_description: `bad: ${secretOf(body)}` })],
    ['as code', (body) => ({ error: secretOf(body) })],
    ['as it was sent', (body) => ({ error: 'invalid_request', error_description: `cannot read ${body}` })],
    ['where the text is cut', (body) => ({ error: 'e', error_description: `${'x'.repeat(292)}${secretOf(body)}` })],
  ])('that repeats the secret %s does not get it into the error', async (_name, answer) => {
    for (const status of [400, 401, 403, 500]) {
      const error = await errorOf(await source((request, response) => json(response, status, answer(request.body))));
      expect(describeError(error.kind, error.message, error.context)).not.toMatch(/top|s3cr3t|s3c/);
      await server?.close();
    }
  });
});

it('proves itself by what holds when the token is asked for', async () => {
  let clientSecret = 'old';
  server = await startServer((request, response) =>
    secretOf(request.body) === 'new'
      ? json(response, 200, { access_token: 'of-the-new', token_type: 'Bearer' })
      : json(response, 401, { error: 'access_denied', error_description: 'Unauthorized' }),
  );
  const auth = { method: 'client_secret', clientSecret } as const;
  const tokens = createTokenSource(
    { origin: server.origin, audience: AUDIENCE, clientId: 'the-client', auth },
    { authNow: () => ({ method: 'client_secret', clientSecret }) },
  );
  expect((await errorOf(tokens)).kind).toBe('CredentialsRejected');
  clientSecret = 'new';
  expect(await tokens.get()).toBe('of-the-new');
});

function secretOf(body: string): string {
  return new URLSearchParams(body).get('client_secret') ?? '';
}

describe('no answer', () => {
  it('in time', async () => {
    const tokens = await source(() => {}, { timeoutMs: 50 });
    expect(await errorOf(tokens)).toMatchObject({
      kind: 'TenantUnreachable',
      message: expect.stringMatching(/in time/),
    });
  });

  it('at all', async () => {
    const tokens = await source(numbered());
    await server?.close();
    expect(await errorOf(tokens)).toMatchObject({ kind: 'TenantUnreachable', context: { code: 'ECONNREFUSED' } });
  });

  it('to the end', async () => {
    const tokens = await source((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"access_');
      setTimeout(() => response.destroy(), 10);
    });
    expect((await errorOf(tokens)).kind).toBe('TenantUnreachable');
  });
});

it('refuses plain http to anything but this machine', () => {
  const credentials = { audience: AUDIENCE, clientId: 'c', auth: BY_SECRET };
  expect(() => createTokenSource({ ...credentials, origin: 'http://acme.eu.auth0.com' })).toThrow(ExtractError);
  expect(() => createTokenSource({ ...credentials, origin: 'http://127.0.0.1.example.com' })).toThrow(ExtractError);
  for (const origin of ['https://acme.eu.auth0.com', 'http://localhost:1', 'http://[::1]:1', 'http://127.1.2.3'])
    expect(createTokenSource({ ...credentials, origin }).minted()).toBe(0);
});
