import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ASSERTION_ALGORITHMS, type AssertionAlgorithm } from '../../../src/auth0/private-key.js';
import { createTokenSource, type TokenSource } from '../../../src/auth0/token.js';
import { describeError, ExtractError } from '../../../src/contracts/errors.js';
import { type ClientKey, emulatorDefaults, type EmulatorOptions } from '../../../src/emulator/main.js';
import { type EmulatedTenant, startTenant } from '../../support/emulated-tenant.js';
import { piecesOf, rsaKeys } from '../../support/keys.js';
import { json, type LoopbackServer, startServer } from './loopback-server.js';

const KEYS = rsaKeys();
const OTHER = rsaKeys();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function tenantWith(clientKey: ClientKey, options: EmulatorOptions = {}): Promise<EmulatedTenant> {
  const tenant = await startTenant({ logs: 1, users: 1, clients: 1, clientKey, ...options });
  open.push(tenant);
  return tenant;
}

interface Signing {
  privateKey?: string;
  keyId?: string | null;
  algorithm?: AssertionAlgorithm;
}

function source(origin: string, signing: Signing = {}): TokenSource {
  const { privateKey = KEYS.pkcs8, keyId = null, algorithm = 'RS256' } = signing;
  const auth = { method: 'private_key_jwt', privateKey, keyId, algorithm } as const;
  return createTokenSource({ origin, audience: `${origin}/api/v2/`, clientId: emulatorDefaults.clientId, auth });
}

async function errorOf(work: () => unknown): Promise<ExtractError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ExtractError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

const shown = ({ kind, message, context }: ExtractError): string => describeError(kind, message, context);

describe('a private key', () => {
  it.each(
    ASSERTION_ALGORITHMS.flatMap((algorithm) => (['pkcs8', 'pkcs1'] as const).map((form) => ({ algorithm, form }))),
  )('gets a token that the API takes: $algorithm, $form', async ({ algorithm, form }) => {
    const { origin } = await tenantWith({ publicKey: KEYS.publicKey, algorithm });
    const token = await source(origin, { privateKey: KEYS[form], algorithm }).get();
    const answer = await fetch(`${origin}/api/v2/logs?take=1`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
  });

  it('is told by its id where there are several', async () => {
    const { origin } = await tenantWith({ publicKey: KEYS.publicKey, keyId: 'the-key' });
    expect(await source(origin, { keyId: 'the-key' }).get()).not.toBe('');
    expect(await errorOf(() => source(origin, { keyId: 'another' }).get())).toMatchObject({
      kind: 'CredentialsRejected',
    });
  });

  it('signs each try anew: one that the tenant took, and whose answer was lost, does not spoil the next', async () => {
    const tenant = await tenantWith({ publicKey: KEYS.publicKey });
    const rule = { route: 'token', nth: 1, afterHandling: true, action: { status: 503 } };
    await tenant.admin('faults', [rule]);
    const tokens = source(tenant.origin);
    expect(await errorOf(() => tokens.get())).toMatchObject({ kind: 'TenantUnavailable' });
    expect(tenant.emulator.stats().tokensMinted).toBe(1);
    expect(await tokens.get()).not.toBe('');
  });
});

describe('what is sent', () => {
  it('is what Auth0 documents, and nothing else', async () => {
    const server = await echo(200);
    const tokens = source(server.origin, { keyId: 'kid-1', algorithm: 'RS384' });
    tokens.invalidate(await tokens.get());
    await tokens.get();
    const [first, second] = server.received.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
    const { client_assertion: assertion = '', ...rest } = first ?? {};
    expect(rest).toEqual({
      grant_type: 'client_credentials',
      client_id: emulatorDefaults.clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      audience: `${server.origin}/api/v2/`,
    });
    const [header, claims] = decoded(assertion);
    expect(header).toEqual({ alg: 'RS384', kid: 'kid-1' });
    expect(claims).toMatchObject({
      iss: emulatorDefaults.clientId,
      sub: emulatorDefaults.clientId,
      aud: `${server.origin}/`,
    });
    const { iat, exp, jti } = timesOf(claims);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(5);
    expect(exp - iat).toBeGreaterThanOrEqual(60);
    expect(exp - iat).toBeLessThanOrEqual(300);
    expect(jti.length).toBeGreaterThan(20);
    // The longest that Auth0 takes.
    expect(jti.length).toBeLessThanOrEqual(64);
    expect(timesOf(decoded(second?.['client_assertion'] ?? '')[1]).jti).not.toBe(jti);
  });
});

describe('a refused assertion', () => {
  it.each<[string, ClientKey, EmulatorOptions]>([
    ['by another key', { publicKey: OTHER.publicKey }, {}],
    ['with another algorithm', { publicKey: KEYS.publicKey, algorithm: 'PS256' }, {}],
    ['of another client', { publicKey: KEYS.publicKey }, { clientId: 'somebody' }],
    ['that is over by the clock of the tenant', { publicKey: KEYS.publicKey }, { clock: () => Date.now() + 120_000 }],
    ['from the future', { publicKey: KEYS.publicKey }, { clock: () => Date.now() - 30_000 }],
  ])('%s says what to check, and shows neither key nor assertion', async (_name, key, options) => {
    const { origin } = await tenantWith(key, options);
    const error = await errorOf(() => source(origin).get());
    expect(error).toMatchObject({ kind: 'CredentialsRejected', context: { status: 401, code: 'invalid_client' } });
    expect(shown(error)).toMatch(/AUTH0_CLIENT_ID.*AUTH0_PRIVATE_KEY.*clock/);
    expect(shown(error)).toContain('the assertion that the private key signed');
    expectNothingShown(shown(error));
  });

  it.each([
    [401, { error: 'invalid_client', error_description: 'Invalid audience in assertion' }, 'CredentialsRejected'],
    [400, { error: 'invalid_request', error_description: 'client_assertion: bad audience' }, 'CredentialsRejected'],
    [403, { error: 'access_denied', error_description: 'Client is not authorized to access "x"' }, 'AudienceRejected'],
    [403, { error: 'access_denied', error_description: 'Service not enabled within domain: x' }, 'AudienceRejected'],
  ])('is told from a refused audience: %i %j', async (status, body, kind) => {
    const server = await startServer((_request, response) => json(response, status, body));
    open.push(server);
    expect((await errorOf(() => source(server.origin).get())).kind).toBe(kind);
  });

  it('is not shown where an endpoint repeats what it was sent', async () => {
    for (const status of [400, 401, 403, 404, 500]) {
      const server = await echo(status);
      const error = await errorOf(() => source(server.origin).get());
      const sent = new URLSearchParams(server.received[0]?.body).get('client_assertion') ?? '';
      expect(sent.split('.')).toHaveLength(3);
      for (const part of sent.split('.')) expect(shown(error)).not.toContain(part.slice(0, 20));
      expectNothingShown(shown(error));
    }
  });
});

describe('a key that cannot be used', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  it.each([
    ['a small one', rsaKeys(1_024).pkcs8],
    ['another kind', ec.toString()],
    ['one cut off', KEYS.pkcs8.slice(0, 900)],
    ['the public one', KEYS.publicKey],
    ['no key', 'not a key'],
  ])('is refused before anything is asked: %s', async (_name, privateKey) => {
    const error = await errorOf(() => source('https://acme.eu.auth0.com', { privateKey }));
    expect(error.kind).toBe('Configuration');
    expect(error.message).toMatch(/^AUTH0_PRIVATE_KEY must /);
    for (const piece of piecesOf(privateKey)) expect(shown(error)).not.toContain(piece);
  });
});

/** An endpoint that answers with what it was asked, as text of an error or beside a token. */
async function echo(status: number): Promise<LoopbackServer> {
  const server = await startServer((request, response) =>
    json(response, status, {
      error: 'invalid_request',
      error_description: `cannot read ${request.body}`,
      ...(status === 200 && { access_token: 't', token_type: 'Bearer' }),
    }),
  );
  open.push(server);
  return server;
}

function expectNothingShown(text: string): void {
  expect(text).not.toMatch(/eyJ|PRIVATE KEY-/);
  for (const piece of [...piecesOf(KEYS.pkcs8), ...piecesOf(KEYS.pkcs1)]) expect(text).not.toContain(piece);
}

function decoded(assertion: string): unknown[] {
  return assertion.split('.', 2).map((part): unknown => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
}

function timesOf(claims: unknown): { iat: number; exp: number; jti: string } {
  const { iat, exp, jti }: Record<string, unknown> = { ...Object(claims) };
  return { iat: Number(iat), exp: Number(exp), jti: String(jti) };
}
