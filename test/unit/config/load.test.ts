import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config.js';
import { loadConfig, readEnvironment } from '../../../src/config/load.js';
import { rsaKeys } from '../../support/keys.js';

let folder = '';
const here = process.cwd();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'env-'));
});
afterEach(() => {
  process.chdir(here);
  rmSync(folder, { recursive: true, force: true });
});

function envFile(text: string): string {
  const file = join(folder, '.env');
  writeFileSync(file, text);
  return file;
}

it('reads .env: comments, quotes, CRLF', () => {
  const file = envFile('# A=0\r\nA=1\r\nB="two # words"\r\n\r\nexport C=\'3\'\r\nD= 4 # four\n');
  expect(readEnvironment({}, file)).toEqual({ A: '1', B: 'two # words', C: '3', D: '4' });
});

it('lets the environment win over the file, but not by an empty or missing value', () => {
  const file = envFile('A=file\nB=file\nC=file\nD=file\n');
  expect(readEnvironment({ A: 'env', B: '', C: '  ', D: undefined, E: 'env' }, file)).toEqual({
    A: 'env',
    B: 'file',
    C: 'file',
    D: 'file',
    E: 'env',
  });
});

it('needs no file', () => {
  expect(readEnvironment({ A: '1' }, join(folder, '.env'))).toEqual({ A: '1' });
  expect(readEnvironment({ A: '1' }, join(envFile('B=2'), '.env'))).toEqual({ A: '1' });
});

it('says so where the file cannot be read', () => {
  expect(() => readEnvironment({}, folder)).toThrow(ConfigError);
});

it('lets flags win over both', () => {
  envFile('PAGES_PER_ACTIVITY=3\nSCHEDULE_LOGS=4\nEMULATOR_SEED=5\n');
  process.chdir(folder);
  const { defaults, stack } = loadConfig({ PAGES_PER_ACTIVITY: '7', SCHEDULE_LOGS: undefined });
  expect([defaults.extract.pagesPerActivity, defaults.schedules.specs.logs, stack.emulator.seed]).toEqual([
    7,
    { kind: 'every', everyMs: 4_000 },
    5,
  ]);
  expect(() => loadConfig({ PAGES_PER_ACTIVITY: 'many' })).toThrow(/PAGES_PER_ACTIVITY/);
});

describe('a secret from a file', () => {
  const secretFile = (text: string): string => {
    const file = join(folder, 'secret');
    writeFileSync(file, text);
    return file;
  };
  const tenant = { AUTH0_DOMAIN: 'acme.eu.auth0.com', AUTH0_CLIENT_ID: 'id' };

  it('is read without the line break at its end', () => {
    process.chdir(folder);
    const { tenants, clickhouse } = loadConfig({
      ...tenant,
      AUTH0_CLIENT_SECRET_FILE: secretFile('  s3cr3t \n'),
      CLICKHOUSE_PASSWORD_FILE: join(folder, 'secret'),
    });
    expect(tenants[0]?.credentials).toMatchObject({ auth: { clientSecret: 's3cr3t' } });
    expect(clickhouse.password).toBe('  s3cr3t ');
  });

  it('may be a private key', () => {
    process.chdir(folder);
    const { pkcs1 } = rsaKeys();
    const [loaded] = loadConfig({ ...tenant, AUTH0_PRIVATE_KEY_FILE: secretFile(pkcs1) }).tenants;
    expect(loaded?.credentials.auth).toMatchObject({ method: 'private_key_jwt', privateKey: pkcs1 });
  });

  it.each([
    [
      'that is not there',
      () => ({ AUTH0_CLIENT_SECRET_FILE: join(folder, 'nope') }),
      /_FILE: .*nope cannot be read \(ENOENT\)/,
    ],
    ['that is empty', () => ({ AUTH0_CLIENT_SECRET_FILE: secretFile('\n') }), /AUTH0_CLIENT_SECRET_FILE: .* is empty/],
    [
      'beside the secret itself',
      () => ({ AUTH0_CLIENT_SECRET_FILE: secretFile('a'), AUTH0_CLIENT_SECRET: 'b' }),
      /AUTH0_CLIENT_SECRET and AUTH0_CLIENT_SECRET_FILE are both set/,
    ],
  ])('%s is a problem', (_what, env, message) => {
    process.chdir(folder);
    expect(() => loadConfig({ ...tenant, ...env() })).toThrow(message);
  });
});

describe('a file of tenants', () => {
  const text = 'tenants:\n  - { name: a, domain: a.eu.auth0.com, clientId: id, clientSecret: { file: secret } }\n';

  it('is found beside the program, or where TENANTS_FILE says', () => {
    process.chdir(folder);
    writeFileSync(join(folder, 'secret'), 's3cr3t\n');
    writeFileSync(join(folder, 'other.yaml'), text.replace('name: a', 'name: b'));
    expect(loadConfig().tenants).toEqual([]);
    expect(loadConfig({ TENANTS_FILE: 'other.yaml' }).tenants.map(({ name }) => name)).toEqual(['b']);
    writeFileSync(join(folder, 'tenants.yaml'), text);
    expect(loadConfig().tenants.map(({ name }) => name)).toEqual(['a']);
  });

  it('must be there when it is named', () => {
    process.chdir(folder);
    expect(() => loadConfig({ TENANTS_FILE: 'nope.yaml' })).toThrow(
      /TENANTS_FILE: nope\.yaml cannot be read \(ENOENT\)/,
    );
  });
});
