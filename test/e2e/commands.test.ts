import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SETTINGS } from '../../src/config/settings.js';
import { startEngine, type TestEngine } from '../support/engine.js';
import { runHere } from '../support/in-process.js';
import { JSON_SHAPES } from '../support/json-shapes.js';
import { ensureBuilt, lastJson } from '../support/up.js';

let folder: string;
let engine: TestEngine;
let env: Record<string, string>;

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'auth0-commands-'));
  engine = await startEngine();
  env = { CLICKHOUSE_URL: engine.url };
  for (const tenant of ['acme', "o'neill"]) {
    const users = ['auth0|1', 'auth0|2'].map((id) => `('${tenant.replace("'", "''")}', '${id}', 1)`);
    await engine.clickhouse.command({
      query: `INSERT INTO auth0.users_raw (tenant, user_id, version) VALUES ${users.join(', ')}`,
    });
  }
}, 180_000);
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (...args: string[]) => runHere([...args, '--data-dir', join(folder, 'none')], env);

/** Runs a line of a shell in which `$CLI` is the command line. */
async function shell(line: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const cli = `${process.execPath} ${join(import.meta.dirname, '../../dist/client.js')}`;
  const child = spawn('bash', ['-o', 'pipefail', '-c', line], {
    env: { ...process.env, ...env, CLI: cli },
    cwd: folder,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

describe('query', () => {
  it('only reads, unless --write is given', async () => {
    const writing = [
      "INSERT INTO users_raw (tenant, user_id, version) VALUES ('acme', 'new', 1)",
      'ALTER TABLE users_raw DELETE WHERE 1',
      'DROP TABLE users_raw',
      'TRUNCATE TABLE users_raw',
      'CREATE TABLE mine (a Int8) ENGINE = Memory',
    ];
    for (const sql of writing) {
      const refused = await ask('query', sql);
      expect(refused.code, sql).toBe(1);
      expect(refused.stderr, sql).toContain('--write');
    }
    expect((await ask('query', 'SELECT 1 SETTINGS readonly = 0')).code).toBe(1);
    const own = await ask('query', 'SELECT count() AS n FROM users SETTINGS allow_simdjson = 0');
    expect(own).toMatchObject({ code: 0, stdout: 'n\n4\n' });
    expect(await ask('query', '--write', 'CREATE TABLE mine (a Int8) ENGINE = Memory')).toMatchObject({ code: 0 });
    expect(await ask('query', '--write', 'DROP TABLE mine')).toMatchObject({ code: 0 });
  });

  it('shows the rows of one tenant with --tenant, in tables, views and subqueries', async () => {
    const asked = [
      ['SELECT DISTINCT tenant FROM users FORMAT TSV', 'acme', 'acme\n'],
      ['SELECT DISTINCT tenant FROM auth0.users_raw FORMAT TSV', 'acme', 'acme\n'],
      ['SELECT count() FROM users WHERE user_id IN (SELECT user_id FROM users_raw FINAL) FORMAT TSV', 'acme', '2\n'],
      ['SELECT count() FROM users FORMAT TSV', "o'neill", '2\n'],
      ['SELECT count() FROM users FORMAT TSV', "x' OR '1", '0\n'],
    ] as const;
    for (const [sql, tenant, stdout] of asked)
      expect(await ask('query', sql, '--tenant', tenant), `${tenant}: ${sql}`).toMatchObject({ code: 0, stdout });
    const write = await ask('query', '--write', 'SELECT 1', '--tenant', 'acme');
    expect(write.code).toBe(2);
    expect(write.stderr).toContain('--tenant');
  });

  it('reads SQL from stdin and from a file', async () => {
    writeFileSync(join(folder, 'q.sql'), '-- how many\nSELECT count() AS n FROM users;\n');
    const lines = ['$CLI query < q.sql', 'cat q.sql | $CLI query --file -', '$CLI query - < /dev/null'];
    const [bare, piped, empty] = await Promise.all(lines.map((line) => shell(line)));
    expect([bare, piped]).toEqual(lines.slice(0, 2).map(() => ({ code: 0, stdout: 'n\n4\n', stderr: '' })));
    expect(empty).toMatchObject({ code: 2, stderr: 'stdin holds no SQL\n' });
    expect(await ask('query', '--file', join(folder, 'q.sql'))).toMatchObject({ code: 0, stdout: 'n\n4\n' });
    const missing = await ask('query', '--file', 'none.sql');
    expect(missing).toMatchObject({ code: 2, stderr: '--file none.sql cannot be read (ENOENT)\n' });
    expect(await ask('query', '--file', 'q.sql', 'SELECT 1')).toMatchObject({ code: 2 });
  }, 60_000);

  it('ends well where its reader has seen enough', async () => {
    const head = await shell('$CLI query "SELECT number FROM numbers(3000000)" --format TSV | head -2');
    expect(head).toEqual({ code: 0, stdout: '0\n1\n', stderr: '' });
  }, 60_000);
});

describe('config show', () => {
  const here = process.cwd();
  afterEach(() => process.chdir(here));

  it('says of every setting what it is and where it comes from, and masks secrets', async () => {
    const own = mkdtempSync(join(folder, 'config-'));
    process.chdir(own);
    writeFileSync('secret.txt', 'hidden-in-file');
    writeFileSync(
      '.env',
      'CLICKHOUSE_PASSWORD_FILE=secret.txt\nSCHEDULE_LOGS=5m\nTEMPORAL_API_KEY=hidden-key\nAUTH0_DOMIAN=x\nACME=hidden-acme\n',
    );
    writeFileSync(
      'tenants.yaml',
      `defaults: { schedules: { users: 2h } }
tenants:
  - { name: acme, domain: acme.eu.auth0.com, clientId: a, clientSecret: { env: ACME }, maxRps: 3 }
  - { domain: b.auth0.com, clientId: b, clientSecret: { file: secret.txt } }
`,
    );
    const url = 'http://someone:hidden-in-url@127.0.0.1:8123';
    const shown = await runHere(['config', 'show', '--json', '--data-dir', 'd'], {
      CLICKHOUSE_DATABASE: 'copy',
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
    });
    expect(shown.stdout + shown.stderr).not.toContain('hidden');
    const { settings, tenants, unknown } = JSON_SHAPES.configShow.parse(lastJson(shown.stdout));
    expect(settings.map(({ name }) => name)).toEqual(Object.values(SETTINGS).map(({ name }) => name));
    const of = (name: string) => settings.find((setting) => setting.name === name);
    expect(of('DATA_DIR')).toMatchObject({ value: 'd', from: 'flag' });
    expect(of('CLICKHOUSE_DATABASE')).toMatchObject({ value: 'copy', from: 'environment' });
    expect(of('SCHEDULE_LOGS')).toMatchObject({ value: '5m', from: '.env' });
    expect(of('CLICKHOUSE_PASSWORD')).toMatchObject({ value: '***', from: 'file', file: 'secret.txt' });
    expect(of('TEMPORAL_API_KEY')).toMatchObject({ value: '***', from: '.env' });
    expect(of('SCHEDULE_USERS')).toMatchObject({ from: 'default' });
    expect(of('AUTH0_MAX_RPS')).toMatchObject({ value: null, from: 'unset' });
    expect(tenants).toEqual([
      {
        tenant: 'acme',
        settings: expect.arrayContaining([
          { name: 'AUTH0_MAX_RPS', value: '3', from: 'tenants file', file: 'tenants.yaml' },
          { name: 'AUTH0_CLIENT_SECRET', value: '***', from: 'tenants file', file: 'tenants.yaml' },
          { name: 'SCHEDULE_USERS', value: '2h', from: 'tenants file, defaults', file: 'tenants.yaml' },
        ]),
      },
      expect.objectContaining({ tenant: 'b.auth0.com' }),
    ]);
    expect(unknown).toEqual([{ name: 'AUTH0_DOMIAN', from: '.env', suggestion: 'AUTH0_DOMAIN' }]);
    const words = await runHere(['config', 'show', '--tenant', 'acme'], {});
    expect(words.stdout).toContain('did you mean AUTH0_DOMAIN?');
    expect(words.stdout).toMatch(/SCHEDULE_LOGS +5m +\.env\n/);
  });

  it('names what cannot be used, with the exit code of wrong settings', async () => {
    const broken = await runHere(['config', 'show', '--json'], { PAGES_PER_ACTIVITY: 'many' });
    expect(broken.code).toBe(2);
    expect(JSON_SHAPES.configShow.parse(lastJson(broken.stdout)).problems).toEqual([
      expect.stringContaining('PAGES_PER_ACTIVITY'),
    ]);
  });
});
