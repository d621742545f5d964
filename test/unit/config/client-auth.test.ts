import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientAuthentication } from '../../../src/auth0/client-auth.js';
import { parseConfig } from '../../../src/config/config.js';
import { readEnvironment } from '../../../src/config/load.js';
import { piecesOf, rsaKeys } from '../../support/keys.js';
import { problemsOf } from '../../support/config-problems.js';

const KEYS = rsaKeys();
const TENANT = { AUTH0_DOMAIN: 'acme.eu.auth0.com', AUTH0_CLIENT_ID: 'id' };

function authOf(env: Record<string, string | undefined>): ClientAuthentication | undefined {
  return parseConfig({ ...TENANT, ...env }).tenants[0]?.credentials.auth;
}

const escaped = (pem: string) => pem.replaceAll('\n', '\\n');

describe('a private key', () => {
  it.each([
    ['as PKCS#8', KEYS.pkcs8, KEYS.pkcs8],
    ['as PKCS#1', KEYS.pkcs1, KEYS.pkcs1],
    ['on one line, with its line ends written as \\n', escaped(KEYS.pkcs8), KEYS.pkcs8],
    ['on one line, with \\r\\n', KEYS.pkcs1.replaceAll('\n', '\\r\\n'), KEYS.pkcs1],
    ['with blanks around it', `\n  ${KEYS.pkcs8}\n\n`, KEYS.pkcs8],
  ])('is taken %s', (_name, text, privateKey) => {
    const auth = { method: 'private_key_jwt', privateKey, keyId: null, algorithm: 'RS256' };
    expect(authOf({ AUTH0_PRIVATE_KEY: text })).toEqual(auth);
  });

  it('has an id and an algorithm beside it', () => {
    const more = { AUTH0_PRIVATE_KEY_ID: ' kid ', AUTH0_PRIVATE_KEY_ALG: 'PS256' };
    const auth = { method: 'private_key_jwt', privateKey: KEYS.pkcs8, keyId: 'kid', algorithm: 'PS256' };
    expect(authOf({ AUTH0_PRIVATE_KEY: KEYS.pkcs8, ...more })).toEqual(auth);
    const problems = problemsOf({ ...TENANT, AUTH0_PRIVATE_KEY: KEYS.pkcs8, AUTH0_PRIVATE_KEY_ALG: 'HS256' });
    expect(problems).toEqual(['AUTH0_PRIVATE_KEY_ALG must be RS256, RS384 or PS256 (it is "HS256")']);
  });

  const encrypted = (type: 'pkcs8' | 'pkcs1') =>
    generateKeyPairSync('rsa', { modulusLength: 2_048 })
      .privateKey.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' })
      .toString();
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).privateKey;
  it.each([
    ['too small', rsaKeys(1_024).pkcs8, 'this key has 1024'],
    ['too large', rsaKeys(4_160).pkcs8, 'this key has 4160'],
    ['no RSA key', ec.export({ type: 'pkcs8', format: 'pem' }).toString(), 'must be an RSA key, not ec'],
    ['no RSA key in the form of its kind', ec.export({ type: 'sec1', format: 'pem' }).toString(), 'not ec'],
    ['bound to PSS', pss.export({ type: 'pkcs8', format: 'pem' }).toString(), 'not rsa-pss'],
    ['encrypted', encrypted('pkcs8'), 'without a passphrase'],
    ['encrypted in the old form', encrypted('pkcs1'), 'without a passphrase'],
    ['the public one', KEYS.publicKey, 'not a public key'],
    ['cut off', KEYS.pkcs8.slice(0, 1_000), 'cannot be read'],
    ['without its last line', KEYS.pkcs8.split('\n').slice(0, -2).join('\n'), 'cannot be read'],
    ['the name of a file', '/run/secrets/auth0.pem', 'in PEM form'],
    ['only its body', piecesOf(KEYS.pkcs8).join(''), 'in PEM form'],
  ])('is refused by its name where it is %s, and not shown', (_name, text, reason) => {
    const problems = problemsOf({ ...TENANT, AUTH0_PRIVATE_KEY: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^AUTH0_PRIVATE_KEY must /);
    expect(problems[0]).toContain(reason);
    for (const piece of [text, ...piecesOf(text)]) expect(problems[0]).not.toContain(piece);
  });
});

describe('secret and key', () => {
  const BOTH =
    'AUTH0_CLIENT_SECRET and AUTH0_PRIVATE_KEY are both set: an application has one or the other, leave one unset';
  const EITHER = 'AUTH0_CLIENT_SECRET or AUTH0_PRIVATE_KEY';
  it.each<[string, Record<string, string>, string[]]>([
    ['both', { ...TENANT, AUTH0_CLIENT_SECRET: 's', AUTH0_PRIVATE_KEY: KEYS.pkcs8 }, [BOTH]],
    ['neither', TENANT, [`${EITHER} is missing (AUTH0_DOMAIN and AUTH0_CLIENT_ID is set)`]],
    [
      'neither, but the id of a key',
      { ...TENANT, AUTH0_PRIVATE_KEY_ID: 'k' },
      [`${EITHER} is missing (AUTH0_DOMAIN and AUTH0_CLIENT_ID is set)`],
    ],
    [
      'empty ones',
      { ...TENANT, AUTH0_CLIENT_SECRET: ' ', AUTH0_PRIVATE_KEY: '' },
      [`${EITHER} is missing (AUTH0_DOMAIN and AUTH0_CLIENT_ID is set)`],
    ],
    [
      'a key alone',
      { AUTH0_PRIVATE_KEY: KEYS.pkcs8 },
      ['AUTH0_DOMAIN is missing (AUTH0_PRIVATE_KEY is set)', 'AUTH0_CLIENT_ID is missing (AUTH0_PRIVATE_KEY is set)'],
    ],
  ])('%s: exactly one of them must be set', (_name, env, problems) => {
    expect(problemsOf(env)).toEqual(problems);
  });

  it('are told both at once where the key is not usable either', () => {
    const problems = problemsOf({ ...TENANT, AUTH0_CLIENT_SECRET: 's', AUTH0_PRIVATE_KEY: 'x' });
    expect(problems).toEqual([expect.stringMatching(/^AUTH0_PRIVATE_KEY must /), BOTH]);
  });

  it('may stand empty beside the other, as compose makes them', () => {
    expect(authOf({ AUTH0_CLIENT_SECRET: 's', AUTH0_PRIVATE_KEY: '' })).toEqual({
      method: 'client_secret',
      clientSecret: 's',
    });
    expect(authOf({ AUTH0_CLIENT_SECRET: '', AUTH0_PRIVATE_KEY: KEYS.pkcs1 })?.method).toBe('private_key_jwt');
  });
});

describe('.env', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'auth0-env-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['in double quotes, over several lines', `"${KEYS.pkcs8}"`],
    ['in double quotes, on one line', `"${escaped(KEYS.pkcs8)}"`],
    ['in single quotes, on one line', `'${escaped(KEYS.pkcs8)}'`],
    ['bare, on one line', escaped(KEYS.pkcs8)],
  ])('holds a key %s', (_name, text) => {
    const file = join(folder, '.env');
    writeFileSync(file, `AUTH0_PRIVATE_KEY=${text}\nLOG_LEVEL=debug\n`);
    const env = readEnvironment({}, file);
    expect(authOf(env)).toMatchObject({ method: 'private_key_jwt', privateKey: KEYS.pkcs8 });
    expect(env['LOG_LEVEL']).toBe('debug');
  });
});
