import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config.js';
import type { TemporalConfig } from '../../../src/config/temporal.js';
import { type Authority, type Certificate, createAuthority } from '../../support/certificates.js';
import { problemsOf } from '../../support/config-problems.js';

let folder = '';
let ca: Authority;
let client: Certificate;
let other: Certificate;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temporal-config-'));
  ca = await createAuthority(folder, 'acme');
  [client, other] = await Promise.all([ca.sign('client'), ca.sign('other')]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ADDRESS = 'acme.a1b2c.tmprl.cloud:7233';
const KEY_A = Buffer.alloc(32, 1).toString('base64');
const KEY_B = Buffer.alloc(32, 2).toString('base64');

function temporal(env: Record<string, string | undefined>): TemporalConfig {
  return parseConfig(env).temporal;
}

function tomlFile(text: string, name = 'temporal.toml'): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('TLS', () => {
  it('is off unless something asks for it', () => {
    expect(temporal({ TEMPORAL_ADDRESS: ADDRESS }).tls).toBeNull();
    const plain = { serverCa: null, serverName: null, client: null };
    expect(temporal({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS: 'true' }).tls).toEqual(plain);
    expect(temporal({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_API_KEY: 'k' })).toMatchObject({ tls: plain, apiKey: 'k' });
    const named = temporal({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS_SERVER_NAME: 'acme' });
    expect(named.tls).toEqual({ ...plain, serverName: 'acme' });
    expect(temporal({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS_SERVER_NAME: 'acme', TEMPORAL_TLS: 'false' }).tls).toBe(
      null,
    );
  });

  it('takes certificates from files', () => {
    const { tls } = temporal({
      TEMPORAL_ADDRESS: ADDRESS,
      TEMPORAL_TLS_CLIENT_CERT_PATH: client.certPath,
      TEMPORAL_TLS_CLIENT_KEY_PATH: client.keyPath,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca.certPath,
    });
    const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString();
    expect(text(tls?.serverCa)).toBe(ca.cert);
    expect(text(tls?.client?.certificate)).toBe(client.cert);
    expect(text(tls?.client?.key)).toBe(client.key);
  });

  it('takes them from the environment, on one line too', () => {
    const { tls } = temporal({
      TEMPORAL_ADDRESS: ADDRESS,
      TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert.replaceAll('\n', '\\n'),
      TEMPORAL_TLS_CLIENT_KEY_DATA: client.key,
    });
    expect(Buffer.from(tls?.client?.certificate ?? []).toString()).toBe(client.cert.trim().concat('\n'));
  });

  it('wants a certificate and its own key', () => {
    const at = { TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS_CLIENT_CERT_PATH: client.certPath };
    expect(problemsOf(at)).toEqual(['TEMPORAL_TLS_CLIENT_KEY_PATH is missing (there is a client certificate)']);
    expect(problemsOf({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS_CLIENT_KEY_PATH: client.keyPath })).toEqual([
      'TEMPORAL_TLS_CLIENT_CERT_PATH is missing (there is a client key)',
    ]);
    expect(problemsOf({ ...at, TEMPORAL_TLS_CLIENT_KEY_PATH: other.keyPath })).toEqual([
      'TEMPORAL_TLS_CLIENT_KEY_PATH is not the key of the client certificate',
    ]);
    expect(problemsOf({ ...at, TEMPORAL_TLS_CLIENT_KEY_PATH: client.certPath })).toEqual([
      `TEMPORAL_TLS_CLIENT_KEY_PATH is no PEM private key (${client.certPath})`,
    ]);
    expect(problemsOf({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS_SERVER_CA_CERT_PATH: client.keyPath })).toEqual([
      `TEMPORAL_TLS_SERVER_CA_CERT_PATH is no PEM certificate (${client.keyPath})`,
    ]);
    expect(problemsOf({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'none') })).toEqual([
      `TEMPORAL_TLS_SERVER_CA_CERT_PATH cannot be read (${join(folder, 'none')}: ENOENT)`,
    ]);
    expect(problemsOf({ ...at, TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert })).toEqual([
      'TEMPORAL_TLS_CLIENT_CERT_PATH is set, and TEMPORAL_TLS_CLIENT_CERT_DATA too: keep one of them',
    ]);
  });

  it('must not be off where an API key leaves the machine', () => {
    const env = { TEMPORAL_API_KEY: 's3cr3t', TEMPORAL_TLS: 'false' };
    const [problem, ...more] = problemsOf({ ...env, TEMPORAL_ADDRESS: ADDRESS });
    expect(problem).toMatch(/^TEMPORAL_TLS must not be off with an API key/);
    expect([problem?.includes('s3cr3t'), more]).toEqual([false, []]);
    for (const address of ['127.0.0.1:7233', 'localhost:7233', '[::1]:7233'])
      expect(temporal({ ...env, TEMPORAL_ADDRESS: address })).toMatchObject({ tls: null, apiKey: 's3cr3t' });
  });

  it.each([['TEMPORAL_API_KEY'], ['TEMPORAL_TLS'], ['TEMPORAL_TLS_SERVER_NAME']])(
    'with %s needs an address',
    (name) => {
      expect(problemsOf({ [name]: 'true' })).toEqual([expect.stringMatching(/^TEMPORAL_ADDRESS is missing \(/)]);
    },
  );
});

describe('a profile of temporal.toml', () => {
  const profiles = () => `
    [profile.default]
    address = "default.example:7233"
    [profile.prod]
    address = "${ADDRESS}"
    namespace = "acme.a1b2c"
    api_key = "from-the-file"
    [profile.prod.tls]
    client_cert_path = "${client.certPath}"
    client_key_path = "${client.keyPath}"
    server_name = "from-the-file"
    [profile.prod.grpc_meta]
    x-team = "security"
    [profile.bad]
    address = "https://user:s3cr3t@example"
    [profile.typed]
    namespace = 7
  `;

  it('gives what the environment does not', () => {
    const file = tomlFile(profiles());
    const config = temporal({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' });
    expect(config).toMatchObject({
      address: ADDRESS,
      namespace: 'acme.a1b2c',
      apiKey: 'from-the-file',
      headers: { 'x-team': 'security' },
      tls: { serverName: 'from-the-file' },
    });
    expect(Buffer.from(config.tls?.client?.key ?? []).toString()).toBe(client.key);
    expect(temporal({ TEMPORAL_CONFIG_FILE: file })).toMatchObject({
      address: 'default.example:7233',
      namespace: 'default',
    });
  });

  it('gives way to the environment, value by value, also where it says the same in another way', () => {
    const config = temporal({
      TEMPORAL_CONFIG_FILE: tomlFile(profiles()),
      TEMPORAL_PROFILE: 'prod',
      TEMPORAL_ADDRESS: 'env.example:7233',
      TEMPORAL_NAMESPACE: 'env',
      TEMPORAL_API_KEY: 'from-the-environment',
      TEMPORAL_TLS_CLIENT_CERT_DATA: other.cert,
      TEMPORAL_TLS_CLIENT_KEY_PATH: other.keyPath,
      TEMPORAL_GRPC_META_X_TEAM: 'platform',
    });
    expect(config).toMatchObject({
      address: 'env.example:7233',
      namespace: 'env',
      apiKey: 'from-the-environment',
      headers: { 'x-team': 'platform' },
      tls: { serverName: 'from-the-file' },
    });
    expect(Buffer.from(config.tls?.client?.key ?? []).toString()).toBe(other.key);
  });

  it('is not read unless it is asked for, and then found where the temporal CLI keeps it', () => {
    mkdirSync(join(folder, 'temporalio'), { recursive: true });
    tomlFile(profiles(), 'temporalio/temporal.toml');
    const home = { XDG_CONFIG_HOME: folder, HOME: folder, APPDATA: folder };
    expect(temporal(home).address).toBeNull();
    if (process.platform === 'linux') expect(temporal({ ...home, TEMPORAL_PROFILE: 'prod' }).address).toBe(ADDRESS);
  });

  it.each([
    ['a file that is not there', { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' }, 'there is no such file'],
    ['an unknown profile', { TEMPORAL_PROFILE: 'staging' }, "Profile 'staging' not found"],
    ['an address that is none', { TEMPORAL_PROFILE: 'bad' }, 'must be host:port'],
    ['a value of another type', { TEMPORAL_PROFILE: 'typed' }, 'namespace must be text'],
  ])('says so where it is %s', (_, env, reason) => {
    const problems = problemsOf({ TEMPORAL_CONFIG_FILE: tomlFile(profiles()), ...env });
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems.join()).not.toContain('s3cr3t');
  });

  it.each([
    ['a misspelt key', '[profile.default]\naddres = "x:1"\napi_key = "s3cr3t"', /addres/],
    ['a check that cannot be switched off', '[profile.default.tls]\ndisable_host_verification = true', /disable_host/],
    ['no TOML', '[profile.default]\napi_key = "s3cr3t\naddress = ', /TOML/],
    ['no profiles', 'x = 1', /x/],
    ['an empty file', '', /./],
  ])('refuses %s, and shows no key', (_, text, reason) => {
    const problems = problemsOf({ TEMPORAL_CONFIG_FILE: tomlFile(text) });
    expect(problems).toEqual([expect.stringMatching(reason)]);
    expect(problems[0]).toMatch(/^TEMPORAL_CONFIG_FILE .*temporal\.toml cannot be used: /);
    expect(problems[0]).not.toMatch(/s3cr3t|\n/);
  });
});

describe('PAYLOAD_CODEC_KEYS', () => {
  it('holds one key or several, the first one first', () => {
    const { codecKeys } = temporal({ PAYLOAD_CODEC_KEYS: ` 2026-02:${KEY_B}, 2026-01:${KEY_A}` });
    expect(codecKeys.map(({ id, secret }) => [id, secret.length, secret[0]])).toEqual([
      ['2026-02', 32, 2],
      ['2026-01', 32, 1],
    ]);
    expect(temporal({}).codecKeys).toEqual([]);
  });

  it.each([
    ['no id', KEY_A, 'entry 1 is not id:base64 of 32 bytes'],
    ['a short key', `a:${Buffer.alloc(16, 7).toString('base64')}`, 'entry 1 is not'],
    ['a trailing comma', `a:${KEY_A},`, 'entry 2 is not'],
    ['an id twice', `a:${KEY_A},a:${KEY_B}`, 'entry 2 has the id "a" of another one'],
    ['what is no base64', `a:${KEY_A},b:${'*'.repeat(44)}`, 'entry 2 is not'],
  ])('refuses %s without showing it', (_, value, reason) => {
    const problems = problemsOf({ PAYLOAD_CODEC_KEYS: value });
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems[0]).toMatch(/^PAYLOAD_CODEC_KEYS must hold keys/);
    for (const word of value.split(/[:,]/).filter((part) => part.length > 8)) expect(problems[0]).not.toContain(word);
  });
});

it('versions a worker by a name and a build, or not at all', () => {
  const both = { TEMPORAL_WORKER_DEPLOYMENT_NAME: 'auth0', TEMPORAL_WORKER_BUILD_ID: '0.2.0-abc' };
  expect(temporal({ ...both, TEMPORAL_ADDRESS: ADDRESS }).deployment).toEqual({ name: 'auth0', buildId: '0.2.0-abc' });
  expect(problemsOf({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_WORKER_BUILD_ID: '1' })).toEqual([
    'TEMPORAL_WORKER_DEPLOYMENT_NAME is missing (TEMPORAL_WORKER_BUILD_ID is set)',
  ]);
  expect(problemsOf({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_WORKER_DEPLOYMENT_NAME: 'auth0' })).toEqual([
    'TEMPORAL_WORKER_BUILD_ID is missing (TEMPORAL_WORKER_DEPLOYMENT_NAME is set)',
  ]);
  // On a server that `up` starts no version is current: its worker would wait for ever.
  expect(problemsOf(both)).toEqual(['TEMPORAL_ADDRESS is missing (TEMPORAL_WORKER_DEPLOYMENT_NAME is set)']);
});

it('never shows an API key', () => {
  expect(problemsOf({ TEMPORAL_ADDRESS: ADDRESS, TEMPORAL_API_KEY: 's3cr3t\nx: y' })).toEqual([
    'TEMPORAL_API_KEY must be one line of printable characters without spaces',
  ]);
});
