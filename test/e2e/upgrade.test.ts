import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPassword } from '../../src/embedded/data-dir.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { ensureBuilt, FREE_PORTS, lastJson, runCli, startCli, tenantEnv } from '../support/up.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/data-folder-0.1.0.tar.gz', import.meta.url));
let folder: string;
let dataDir: string;
let tenant: EmulatedTenant;
let env: Record<string, string>;

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'auth0-upgrade-'));
  dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  execFileSync('tar', ['-xzf', FIXTURE, '-C', dataDir]);
  chmodSync(dataDir, 0o755);
  tenant = await startTenant({ stateFile: join(dataDir, 'emulator', 'tenant.json') });
  env = { ...tenantEnv(tenant.origin), AUTH0_TENANT: 'demo' };
}, 120_000);
afterAll(async () => {
  await tenant.close();
  rmSync(folder, { recursive: true, force: true });
});

const up = async () => {
  const ended = await runCli(['up', ...FREE_PORTS, '--data-dir', dataDir, '--once', '--json'], env);
  expect(ended.code, ended.stderr).toBe(0);
  expect(lastJson(ended.stdout)).toMatchObject({ status: 'completed' });
};

async function expectExact(logs: number): Promise<void> {
  const sql = `SELECT 'logs', log_id FROM logs UNION ALL SELECT 'users', user_id FROM users
    UNION ALL SELECT 'clients', client_id FROM clients FORMAT TSVRaw`;
  const { stdout, stderr } = await runCli(['query', sql, '--data-dir', dataDir]);
  expect(stderr).toBe('');
  const names = ['logs', 'users', 'clients'];
  const expected = await Promise.all(names.map(async (name) => (await tenant.ids(name)).map((id) => `${name}\t${id}`)));
  expect(expected[0]).toHaveLength(logs);
  expect(stdout.trimEnd().split('\n').sort()).toEqual(expected.flat().sort());
}

it('opens a data folder of an older version: its rows are there, and the copy goes on', async () => {
  // Before anything else has opened it.
  await expectExact(60);
  await tenant.admin('logs', { count: 25 });
  await tenant.admin('users', { add: 2, touch: 1 });
  await up();
  await expectExact(85);
}, 180_000);

it('has made the folder private, and given it a password', async () => {
  expect(readPassword(dataDir)).toMatch(/^[\w-]{24}$/);
  expect(readFileSync(join(dataDir, '.gitignore'), 'utf8')).toBe('*\n');
  const open = (await readdir(dataDir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => (statSync(file).mode & 0o077) !== 0);
  expect(open).toEqual([]);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
});

it('asks for the password, and hides the tenant’s secret from Temporal and ClickHouse', async () => {
  const cli = startCli(['up', ...FREE_PORTS, '--data-dir', dataDir], { ...env, SCHEDULE_LOGS: 'off' });
  try {
    await cli.says('Ctrl-C stops everything');
    const stack: unknown = JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8'));
    expect(stack).toMatchObject({ clickhouse: { url: expect.stringMatching(/^http:/) } });
    const url = /http:\/\/default:([\w-]+)@(127\.0\.0\.1:\d+)/.exec(cli.stdout());
    expect(url?.[1]).toBe(readPassword(dataDir));
    const ask = async (user: string) =>
      (await fetch(`http://${url?.[2] ?? ''}/?query=SELECT+count()+FROM+auth0.logs${user}`)).status;
    expect(await ask('')).toBe(403);
    expect(await ask(`&user=default&password=${url?.[1] ?? ''}`)).toBe(200);

    if (process.platform !== 'linux') return;
    const environments = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(dataDir) && !line.includes('ps -eo') && /clickhouse\/main\.js/.test(line))
      .concat(
        execFileSync('ps', ['--ppid', String(cli.process.pid), '-o', 'pid,args'], { encoding: 'utf8' }).split('\n'),
      )
      .filter((line) => /start-dev|clickhouse\/main\.js/.test(line))
      .map((line) => readFileSync(`/proc/${Number.parseInt(line, 10)}/environ`, 'utf8'));
    expect(environments.length).toBeGreaterThanOrEqual(2);
    for (const environment of environments) expect(environment).not.toMatch(/AUTH0_|s3cr3t/);
  } finally {
    cli.process.kill('SIGINT');
    await cli.ended;
  }
}, 120_000);
