import { constants, createPrivateKey, sign } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { type Emulator, emulatorDefaults, type EmulatorOptions, startEmulator } from '../../../src/emulator/main.js';
import { rsaKeys } from '../../support/keys.js';

const KEYS = rsaKeys();
const NOW = Date.UTC(2026, 5, 1);
const NOW_S = NOW / 1000;
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const { clientId, clientSecret } = emulatorDefaults;
let emulator: Emulator | undefined;
let now = NOW;

afterEach(async () => {
  await emulator?.close();
  emulator = undefined;
  now = NOW;
});

async function open(options: EmulatorOptions = { clientKey: { publicKey: KEYS.publicKey } }): Promise<Emulator> {
  emulator = await startEmulator({ logs: 0, users: 0, clients: 0, clock: () => now, ...options });
  return emulator;
}

type Fields = Record<string, unknown>;

function assertionFor({ origin }: Emulator, claims: Fields = {}, header: Fields = {}, privateKey = KEYS.pkcs8): string {
  const usual = { iss: clientId, sub: clientId, aud: `${origin}/`, jti: crypto.randomUUID() };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const merged = { alg: 'RS256', ...header };
  const text = `${encode(merged)}.${encode({ ...usual, iat: NOW_S, exp: NOW_S + 60, ...claims })}`;
  const key = createPrivateKey(privateKey);
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const signature = sign('sha256', Buffer.from(text), merged.alg === 'PS256' ? { key, ...pss } : key);
  return `${text}.${signature.toString('base64url')}`;
}

async function ask({ origin }: Emulator, fields: Record<string, string>): Promise<[number, unknown]> {
  const body = { grant_type: 'client_credentials', audience: `${origin}/api/v2/`, ...fields };
  const answer = await fetch(`${origin}/oauth/token`, { method: 'POST', body: new URLSearchParams(body) });
  const { error = 'none' }: { error?: string } = JSON.parse(await answer.text());
  return [answer.status, error];
}

const proof = (assertion: string) => ({ client_assertion_type: TYPE, client_assertion: assertion });
const REFUSED = [401, 'invalid_client'];
const TAKEN = [200, 'none'];

describe('a tenant with the public key of its client', () => {
  it('lets in by an assertion, with the client id beside it or not', async () => {
    const tenant = await open();
    expect(await ask(tenant, proof(assertionFor(tenant)))).toEqual(TAKEN);
    expect(await ask(tenant, { ...proof(assertionFor(tenant)), client_id: clientId })).toEqual(TAKEN);
    expect(await ask(tenant, { ...proof(assertionFor(tenant)), client_id: 'other' })).toEqual(REFUSED);
  });

  it.each<[string, Fields, Fields?]>([
    ['without an issuer', { iss: undefined }],
    ['of another issuer', { iss: 'other' }],
    ['of another subject', { sub: 'other' }],
    ['for the token endpoint', { aud: 'http://127.0.0.1/oauth/token' }],
    ['for another tenant', { aud: 'https://other.auth0.com/' }],
    ['for the tenant without its slash', { aud: 'https://emulator.auth0.com' }],
    ['without an end', { exp: undefined }],
    ['that is over', { iat: NOW_S - 60, exp: NOW_S }],
    ['good for more than five minutes', { exp: NOW_S + 301 }],
    ['without a begin, good for more than five minutes', { iat: undefined, exp: NOW_S + 301 }],
    ['begun in the future', { iat: NOW_S + 11 }],
    ['not good yet', { nbf: NOW_S + 11 }],
    ['without an id', { jti: undefined }],
    ['with an empty id', { jti: '' }],
    ['with too long an id', { jti: 'x'.repeat(65) }],
    ['without an algorithm', {}, { alg: 'none' }],
    ['with another algorithm', {}, { alg: 'PS256' }],
    ['with a secret for a key', {}, { alg: 'HS256' }],
    ['that names another algorithm than it is signed with', {}, { alg: 'RS384' }],
  ])('refuses an assertion %s', async (_name, claims, header) => {
    const tenant = await open();
    expect(await ask(tenant, proof(assertionFor(tenant, claims, header)))).toEqual(REFUSED);
    expect(tenant.stats().tokensMinted).toBe(0);
  });

  it.each<[string, Fields]>([
    ['of five minutes', { exp: NOW_S + 300 }],
    ['that begins within the tolerance', { iat: NOW_S + 10, nbf: NOW_S + 10 }],
    ['without a begin', { iat: undefined }],
    ['for the name of the tenant', { aud: 'https://emulator.auth0.com/' }],
    ['for a list of audiences', { aud: ['https://other.auth0.com/', 'https://emulator.auth0.com/'] }],
  ])('takes one %s', async (_name, claims) => {
    const tenant = await open();
    expect(await ask(tenant, proof(assertionFor(tenant, claims)))).toEqual(TAKEN);
  });

  it('takes each once, and another one with the same id no sooner than it is over', async () => {
    const tenant = await open();
    const assertion = assertionFor(tenant, { jti: 'a' });
    expect(await ask(tenant, proof(assertion))).toEqual(TAKEN);
    expect(await ask(tenant, proof(assertion))).toEqual(REFUSED);
    now += 59_000;
    expect(await ask(tenant, proof(assertionFor(tenant, { jti: 'a', exp: NOW_S + 200 })))).toEqual(REFUSED);
    now += 1_000;
    expect(await ask(tenant, proof(assertionFor(tenant, { jti: 'a', exp: NOW_S + 200 })))).toEqual(TAKEN);
  });

  it('is not used up by one with a wrong signature', async () => {
    const tenant = await open();
    expect(await ask(tenant, proof(assertionFor(tenant, { jti: 'b' }, {}, rsaKeys().pkcs8)))).toEqual(REFUSED);
    expect(await ask(tenant, proof(assertionFor(tenant, { jti: 'b' })))).toEqual(TAKEN);
  });

  it('refuses claims changed after signing, what is no JWT, and another type', async () => {
    const tenant = await open();
    const [head, , signature] = assertionFor(tenant).split('.');
    const [, claims] = assertionFor(tenant).split('.');
    for (const assertion of [`${head}.${claims}.${signature}`, `${head}.${claims}`, `${head}.${claims}.`, 'x', '...'])
      expect(await ask(tenant, proof(assertion))).toEqual(REFUSED);
    const saml = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' };
    expect(await ask(tenant, { ...proof(assertionFor(tenant)), ...saml })).toEqual(REFUSED);
    expect(await ask(tenant, { client_assertion: assertionFor(tenant) })).toEqual(REFUSED);
  });

  it('no longer takes the secret; one without a key takes no assertion', async () => {
    const tenant = await open();
    const bySecret = { client_id: clientId, client_secret: clientSecret };
    expect(await ask(tenant, bySecret)).toEqual([401, 'access_denied']);
    await tenant.close();
    const plain = await open({});
    expect(await ask(plain, bySecret)).toEqual(TAKEN);
    expect(await ask(plain, { client_id: clientId, ...proof(assertionFor(plain)) })).toEqual([401, 'access_denied']);
  });

  it.each([KEYS.pkcs8, 'no key', ''])('is not started with what is no public key', async (publicKey) => {
    await expect(startEmulator({ clientKey: { publicKey } })).rejects.toThrow(/^clientKey must be/);
  });
});
