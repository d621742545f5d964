import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { type ConfigFiles, parseConfig } from '../../../src/config/config.js';
import { tenantsSchema } from '../../../src/config/tenants-schema.js';
import { rsaKeys } from '../../support/keys.js';
import { problemsIn } from '../../support/config-problems.js';

const SECRET = 's3cr3t-of-acme';

/** A configuration of this file; `secrets/beta` is the only file that it can refer to. */
function load(text: string, env: Record<string, string> = {}) {
  const readFile: ConfigFiles['readFile'] = (path) => {
    if (path === 'secrets/beta') return `${SECRET}-file\n`;
    throw Object.assign(new Error('absent'), { code: 'ENOENT' });
  };
  return parseConfig({ ACME_SECRET: SECRET, ...env }, { tenants: { file: 'tenants.yaml', text }, readFile });
}

const problemsOf = (text: string, env?: Record<string, string>): string => problemsIn(() => load(text, env)).join('\n');

const ACME = `
  - name: acme
    domain: acme.eu.auth0.com
    clientId: id-a
    clientSecret: { env: ACME_SECRET }`;
const TWO = `tenants:${ACME}
    resources: [logs, users]
    rateHeadroom: 0.5
    maxRps: 3
    logRetentionDays: 30
    exportFields: [locale, upn]
    schedules: { logs: 30, users: 0 3 * * *, usersChanged: off, timezone: Europe/Berlin }
  - name: beta
    domain: https://login.beta.example
    audience: https://beta.us.auth0.com/api/v2/
    clientId: id-b
    clientSecret: { file: secrets/beta }
`;

describe('tenants.yaml', () => {
  it('lists tenants, each with its own credentials and settings', () => {
    const { tenants } = load(TWO);
    expect(tenants.map(({ name, credentials }) => ({ name, ...credentials }))).toEqual([
      {
        name: 'acme',
        origin: 'https://acme.eu.auth0.com',
        audience: 'https://acme.eu.auth0.com/api/v2/',
        clientId: 'id-a',
        auth: { method: 'client_secret', clientSecret: SECRET },
      },
      {
        name: 'beta',
        origin: 'https://login.beta.example',
        audience: 'https://beta.us.auth0.com/api/v2/',
        clientId: 'id-b',
        auth: { method: 'client_secret', clientSecret: `${SECRET}-file` },
      },
    ]);
    expect(tenants[0]).toMatchObject({
      resources: ['logs', 'users'],
      pacing: { headroom: 0.5, maxRps: 3 },
      extract: { logRetentionMs: 30 * 86_400_000, exportFields: ['locale', 'upn'] },
      schedules: {
        specs: {
          logs: { kind: 'every', everyMs: 30_000 },
          users: { kind: 'cron', expression: '0 3 * * *' },
          'users-changed': null,
          clients: { kind: 'every', everyMs: 86_400_000 },
        },
        timezone: 'Europe/Berlin',
      },
    });
    expect(tenants[1]).toMatchObject({ pacing: { headroom: 0.2, maxRps: null }, extract: { logRetentionMs: null } });
  });

  it('takes what a tenant leaves open from defaults, then from the environment, then from the program', () => {
    const text = `defaults: { rateHeadroom: 0.3 }\n${TWO}`;
    const { tenants } = load(text, { AUTH0_RATE_HEADROOM: '0.4', PAGES_PER_ACTIVITY: '7' });
    expect(tenants.map(({ pacing }) => pacing.headroom)).toEqual([0.5, 0.3]);
    expect(tenants.map(({ extract }) => extract.pagesPerActivity)).toEqual([7, 7]);
  });

  it.each([
    ['no YAML', 'tenants: [', /tenants\.yaml is no YAML/],
    ['an empty file', '', /must hold "tenants"/],
    ['no tenant', 'tenants: []', /must hold "tenants"/],
    ['another key at the top', `tenant: 1\ntenants:${ACME}`, /must hold "tenants"/],
    [
      'a key that does not exist',
      `tenants:${ACME}\n    maxRPS: 1`,
      /acme: there is no "maxRPS"; did you mean maxRps\?/,
    ],
    ['a schedule that does not exist', `tenants:${ACME}\n    schedules: { log: 1 }`, /there is no "schedules\.log"/],
    ['a bad schedule', `tenants:${ACME}\n    schedules: { logs: hourly }`, /acme: schedules\.logs must be an interval/],
    ['a value out of range', `tenants:${ACME}\n    rateHeadroom: 2`, /acme: rateHeadroom must be/],
    [
      'a wrong resource',
      `tenants:${ACME}\n    resources: [logs, roles]`,
      /acme: resources may hold logs, users, clients/,
    ],
    [
      'a secret in the file',
      `tenants:${ACME.replace('{ env: ACME_SECRET }', 'abc')}`,
      /acme: clientSecret is a secret/,
    ],
    ['a variable that is not set', `tenants:${ACME.replace('ACME_SECRET', 'NOPE')}`, /refers to the variable NOPE/],
    ['a file that is not there', `tenants:${ACME.replace('env: ACME_SECRET', 'file: nope')}`, /nope.*ENOENT/],
    [
      'neither secret nor key',
      `tenants:${ACME.replace('clientSecret: { env: ACME_SECRET }', '')}`,
      /acme: clientSecret or tenants\.yaml: acme: privateKey is missing/,
    ],
    [
      'a secret and a key',
      `tenants:${ACME}\n    privateKey: { env: ACME_SECRET }`,
      /acme: privateKey must be an RSA private key[^]*acme: privateKey are both set/,
    ],
    [
      'a key for all',
      `defaults: { privateKey: { env: ACME_SECRET } }\ntenants:${ACME}`,
      /privateKey belongs to a tenant/,
    ],
    ['a missing client id', `tenants:${ACME.replace('clientId: id-a', '')}`, /acme: clientId is missing/],
    ['a tenant of nothing but a name', 'tenants:\n  - name: empty', /empty: domain is missing/],
    ['a tenant that is no mapping', 'tenants:\n  - acme', /tenant 1 must be a mapping/],
    ['a name twice', `tenants:${ACME}${ACME}`, /two tenants are called acme/],
    ['a name for all', `defaults: { name: x }\ntenants:${ACME}`, /defaults: name belongs to a tenant/],
  ])('refuses %s', (_what, text, message) => {
    const problems = problemsOf(text);
    expect(problems).toMatch(message);
    expect(problems).not.toContain(SECRET);
  });

  it('takes a private key in place of a secret, and none from the environment', () => {
    const { pkcs8 } = rsaKeys();
    const text = `tenants:${ACME.replace('clientSecret: { env: ACME_SECRET }', 'privateKey: { env: ACME_KEY }')}
    privateKeyId: kid
    privateKeyAlgorithm: PS256`;
    expect(load(text, { ACME_KEY: pkcs8 }).tenants[0]?.credentials.auth).toEqual({
      method: 'private_key_jwt',
      privateKey: pkcs8,
      keyId: 'kid',
      algorithm: 'PS256',
    });
    expect(problemsOf(TWO, { AUTH0_PRIVATE_KEY: pkcs8 })).toBe(
      'AUTH0_PRIVATE_KEY is set, and so is tenants.yaml: the tenants are in one place only',
    );
  });

  it('names all problems of all tenants at once', () => {
    const problems = problemsOf(TWO.replace('maxRps: 3', 'maxRps: no').replace('id-b', '""'));
    expect(problems).toMatch(/acme: maxRps/);
    expect(problems).toMatch(/beta: clientId is missing/);
  });

  it('is not mixed with a tenant in the environment', () => {
    expect(problemsOf(TWO, { AUTH0_DOMAIN: 'acme.eu.auth0.com' })).toMatch(
      /AUTH0_DOMAIN is set, and so is tenants\.yaml/,
    );
  });
});

describe('its JSON schema', () => {
  const published: unknown = JSON.parse(
    readFileSync(new URL('../../../deploy/tenants.schema.json', import.meta.url), 'utf8'),
  );
  const validate = new Ajv2020({ allowUnionTypes: true }).compile(tenantsSchema());
  const accepts = (text: string): boolean => validate(parse(text));

  it('is published as it is', () => {
    expect(published).toEqual(tenantsSchema());
  });

  it('takes what the program takes', () => {
    expect(accepts(TWO)).toBe(true);
    expect(accepts(readFileSync(new URL('../../../deploy/tenants.example.yaml', import.meta.url), 'utf8'))).toBe(true);
  });

  it.each([
    ['a secret in the file', TWO.replace('{ env: ACME_SECRET }', 'abc')],
    ['an unknown key', TWO.replace('maxRps', 'maxRPS')],
    ['a tenant without a domain', TWO.replace('domain: acme.eu.auth0.com', '')],
    ['no tenants', 'defaults: {}'],
  ])('refuses %s', (_what, text) => {
    expect(accepts(text)).toBe(false);
  });
});

it('the example is a file that works', () => {
  const text = readFileSync(new URL('../../../deploy/tenants.example.yaml', import.meta.url), 'utf8');
  const files: ConfigFiles = { tenants: { file: 'tenants.yaml', text }, readFile: () => 'secret' };
  expect(parseConfig({ ACME_CLIENT_SECRET: 'secret' }, files).tenants.map(({ name }) => name)).toEqual([
    'acme',
    'acme-us',
  ]);
});
