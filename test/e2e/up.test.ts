import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isTenantResult } from '../../src/contracts/failure-details.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { JSON_SHAPES } from '../support/json-shapes.js';
import { ensureBuilt, FREE_PORTS, lastJson, processesWith, runCli, startCli, tenantEnv } from '../support/up.js';

let folder: string;
let dataDir: string;
let tenant: EmulatedTenant | undefined;

beforeAll(() => ensureBuilt(), 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'auth0-up-'));
  dataDir = join(folder, 'data');
});
afterEach(async () => {
  await tenant?.close();
  tenant = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const up = (...flags: string[]) => ['up', ...FREE_PORTS, '--data-dir', dataDir, ...flags];

async function open(options: Parameters<typeof startTenant>[0]) {
  tenant = await startTenant({ seed: 11, ...options });
  return { tenant, env: tenantEnv(tenant.origin) };
}

async function ask(sql: string): Promise<string[]> {
  const answer = await runCli(['query', sql, '--data-dir', dataDir, '--format', 'TabSeparated']);
  expect(answer.stderr).toBe('');
  return answer.stdout.trimEnd().split('\n');
}

async function expectWholeCopy(from: EmulatedTenant): Promise<void> {
  for (const [resource, key] of [
    ['logs', 'log_id'],
    ['users', 'user_id'],
    ['clients', 'client_id'],
  ] as const) {
    const held = (await ask(`SELECT ${key} FROM ${resource} FORMAT JSONCompactEachRow`)).map((row) =>
      String(JSON.parse(row)[0]),
    );
    expect(held.sort(), resource).toEqual(await from.ids(resource));
  }
}

/** Text of every file below a folder. */
function* filesBelow(path: string): Generator<{ file: string; bytes: Buffer }> {
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    yield { file, bytes: readFileSync(file) };
  }
}

describe('up --once', () => {
  it('copies 20,000 logs, 2,500 users and 120 clients; a second one adds nothing; new events arrive', async () => {
    const { tenant: source, env } = await open({ logs: 20_000, users: 2_500, clients: 120 });
    const first = await runCli(up('--once', '--json'), env);
    expect(first.code, first.stderr).toBe(0);
    const document = lastJson(first.stdout);
    expect(document).toMatchObject({
      status: 'completed',
      resources: {
        logs: { status: 'completed', rows: 20_000, gaps: 0 },
        users: { status: 'completed', rows: 2_500, mode: 'users-export' },
        clients: { status: 'completed', rows: 120 },
      },
      temporal: { address: expect.stringMatching(/^127\.0\.0\.1:\d+$/), ui: expect.stringMatching(/^http/) },
      clickhouse: { url: expect.stringMatching(/^http/), database: 'auth0' },
    });
    expect(source.emulator.stats().tokensMinted).toBe(1);
    await expectWholeCopy(source);

    const logPages = source.requests()['logs'] ?? 0;
    const second = await runCli(up('--once', '--json'), env);
    expect(second.code, second.stderr).toBe(0);
    expect((source.requests()['logs'] ?? 0) - logPages).toBeLessThanOrEqual(2);
    expect(await ask('SELECT count() FROM logs UNION ALL SELECT count() FROM logs_raw')).toEqual(['20000', '20000']);
    await expectWholeCopy(source);

    await source.admin('logs', { count: 500 });
    const before = source.requests()['logs'] ?? 0;
    const third = await runCli(up('--once', '--json'), env);
    expect(third.code, third.stderr).toBe(0);
    expect((source.requests()['logs'] ?? 0) - before).toBeLessThanOrEqual(7);
    await expectWholeCopy(source);

    for (const { file, bytes } of filesBelow(dataDir)) expect(bytes.includes('s3cr3t'), file).toBe(false);
    for (const text of [first.stdout, first.stderr, second.stderr]) expect(text).not.toContain('s3cr3t');
  }, 120_000);

  it('continues after Ctrl-C in the middle, leaves no process behind, and ends exact', async () => {
    const { tenant: source, env } = await open({ logs: 60_000, users: 1_200, clients: 3 });
    // Slow enough that there is a middle.
    await source.admin('faults', [{ route: 'logs', every: 1, action: { delayMs: 20 } }]);
    const cli = startCli(up('--once', '--json'), env);
    await cli.says('Copying');
    await until(() => (source.requests()['logs'] ?? 0) > 60);
    const asked = Date.now();
    cli.process.kill('SIGINT');
    const code = await cli.ended;
    expect(code, cli.stderr()).toBe(130);
    await expect.poll(() => processesWith(dataDir), { timeout: 10_000 - (Date.now() - asked) }).toEqual([]);
    expect(source.requests()['logs'] ?? 0).toBeLessThan(600);

    await source.clearFaults();
    const again = await runCli(up('--once', '--json'), env);
    expect(again.code, again.stderr).toBe(0);
    // What was stored is not asked for again; the pages in flight may be.
    expect(source.requests()['logs'] ?? 0).toBeLessThan(602 + 60);
    await expectWholeCopy(source);
  }, 120_000);

  it('starts a killed worker again, and ends exact', async () => {
    const { tenant: source, env } = await open({ logs: 40_000, users: 50, clients: 3 });
    await source.admin('faults', [{ route: 'logs', every: 1, action: { delayMs: 8 } }]);
    const cli = startCli(up('--once', '--json'), env);
    await cli.says('Copying');
    await until(() => (source.requests()['logs'] ?? 0) > 60);
    const [worker] = workersOf(cli.process.pid);
    expect(worker).toBeDefined();
    process.kill(Number(worker), 'SIGKILL');
    await source.clearFaults();
    expect(await cli.ended, cli.stderr()).toBe(0);
    expect(cli.stderr()).toContain('The worker was killed by SIGKILL; starting it again');
    await expectWholeCopy(source);
  }, 120_000);

  it('stays readable in a file, and prints answers', async () => {
    const { env } = await open({ logs: 200, users: 20, clients: 3 });
    const { stdout, code } = await runCli(up('--once'), env);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001B');
    for (const part of ['logs', '200', 'Most frequent events', `--data-dir ${dataDir}`]) expect(stdout).toContain(part);
    // They have stopped.
    for (const part of ['Temporal UI', 'http://127.0.0.1:8123', 'Metrics']) expect(stdout).not.toContain(part);
  }, 60_000);
});

describe('bad input', () => {
  it.each([
    ['a wrong secret', { AUTH0_CLIENT_SECRET: 'wrong' }, 1, 'refused the client id or secret'],
    ['a wrong audience', { AUTH0_AUDIENCE: 'https://nope/' }, 1, 'Check the audience (AUTH0_AUDIENCE'],
  ])(
    '%s ends with one message',
    async (_what, wrong, code, message) => {
      const { env } = await open({ logs: 10, users: 3, clients: 2 });
      const ended = await runCli(up('--once', '--json'), { ...env, ...wrong });
      expect(ended.code).toBe(code);
      expect(ended.stderr.split(message).length - 1).toBe(1);
      expect(ended.stderr).not.toMatch(/^\s+at /m);
      expect(isTenantResult({ version: 1, ...Object(lastJson(ended.stdout)) })).toBe(true);
    },
    60_000,
  );

  it('a missing scope marks its resource, and the others are copied', async () => {
    const { tenant: source, env } = await open({
      logs: 10,
      users: 3,
      clients: 2,
      scopes: ['read:users', 'read:clients'],
    });
    const ended = await runCli(up('--once', '--json'), env);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('read:logs');
    expect(JSON_SHAPES.up.parse(lastJson(ended.stdout))).toMatchObject({
      status: 'failed',
      resources: {
        logs: { status: 'unavailable' },
        users: { status: 'completed', rows: 3 },
        clients: { status: 'completed' },
      },
    });
    expect(await ask('SELECT count() FROM users')).toEqual([String((await source.ids('users')).length)]);
    // What could be copied goes on by schedule, so where to look is said all the same.
    const stays = startCli(up(), env);
    await stays.says(/ClickHouse +http:[^]*Schedules are running/);
    stays.process.kill('SIGINT');
    expect(await stays.ended).toBe(0);
  }, 60_000);

  it('a second up on the same folder says who holds it', async () => {
    const { env } = await open({ logs: 10, users: 3, clients: 2 });
    const holder = startCli(up(), env);
    await holder.says('Schedules are running');
    const second = await runCli(up('--once'), env);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`in use by process ${holder.process.pid}`);
    // The running stack answers the other commands.
    const status = await runCli(['status', '--json', '--data-dir', dataDir], env);
    expect(status.code).toBe(0);
    expect(lastJson(status.stdout)).toMatchObject({ resources: { logs: { rows: 10, state: 'idle' } } });
    const list = await runCli(['schedule', 'list', '--json', '--data-dir', dataDir], env);
    expect(lastJson(list.stdout)).toMatchObject({ schedules: [{ everyMs: 60_000 }, {}, {}, {}] });
    const synced = await runCli(['sync', '--json', '--data-dir', dataDir], env);
    expect(lastJson(synced.stdout)).toMatchObject({ status: 'completed' });
    for (const resource of ['logs', 'users', 'clients'])
      await holder.says(new RegExp(`^\\d\\d:\\d\\d:\\d\\d {2}${resource} +\\d+ rows {2}completed`, 'm'));
    expect(await ask('SELECT count() FROM logs')).toEqual(['10']);
    holder.process.kill('SIGINT');
    expect(await holder.ended).toBe(0);
    expect(processesWith(dataDir)).toEqual([]);
  }, 90_000);

  it.each([
    [
      'an unreachable host',
      up,
      { AUTH0_DOMAIN: 'nope.invalid', AUTH0_CLIENT_ID: 'a', AUTH0_CLIENT_SECRET: 'b' },
      1,
      'AUTH0_DOMAIN',
    ],
    ['settings that are missing', up, { AUTH0_CLIENT_ID: 'a', PAGES_PER_ACTIVITY: 'many' }, 2, 'PAGES_PER_ACTIVITY'],
    ['a ClickHouse that does not answer', up, { CLICKHOUSE_URL: 'http://127.0.0.1:9' }, 1, 'CLICKHOUSE_URL'],
    ['a Temporal that does not answer', up, { TEMPORAL_ADDRESS: '127.0.0.1:9' }, 1, 'TEMPORAL_ADDRESS'],
    ['a folder of somebody else', () => ['up', '--data-dir', tmpdir()], {}, 2, 'not ours'],
    ['a folder that cannot be made', () => ['up', '--data-dir', '/proc/nope'], {}, 2, 'cannot be written'],
    ['an unknown command', () => ['snyc'], {}, 2, 'Did you mean sync?'],
    ['an unknown flag', () => ['up', '--onec'], {}, 2, 'Did you mean --once?'],
    ['resources that do not exist', () => ['up', '--resources', 'roles'], {}, 2, 'roles'],
    ['a query without data', () => ['query', 'SELECT 1', '--data-dir', join(folder, 'none')], {}, 1, 'npm start'],
  ] as const)(
    '%s ends with one clear message',
    async (_what, args, env, code, message) => {
      const ended = await runCli([...args()], env, folder);
      expect(ended.code).toBe(code);
      expect(ended.stderr).toContain(message);
      expect(ended.stderr).not.toMatch(/^\s+at /m);
    },
    30_000,
  );

  it('a port in use is named, with the flag that chooses another', async () => {
    const { tenant: source, env } = await open({ logs: 0, users: 0, clients: 0 });
    const port = new URL(source.origin).port;
    const ended = await runCli(
      ['up', '--once', '--data-dir', dataDir, '--temporal-port', '0', '--ui-port', '0', '--clickhouse-port', port],
      env,
    );
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`port ${port} for ClickHouse is in use; choose another with --clickhouse-port`);
  }, 30_000);

  it("bad SQL is answered with ClickHouse's own words", async () => {
    const { env } = await open({ logs: 1, users: 1, clients: 1 });
    await runCli(up('--once'), env);
    const ended = await runCli(['query', 'SELEC 1', '--data-dir', dataDir]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Syntax error');
  }, 60_000);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

function workersOf(parent: number | undefined): number[] {
  return processesWith('worker.js').filter((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
  });
}
