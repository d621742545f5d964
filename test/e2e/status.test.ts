import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseState } from '../../src/state/document.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { JSON_SHAPES } from '../support/json-shapes.js';
import { type Cli, ensureBuilt, FREE_PORTS, lastJson, runCli, startCli, tenantEnv } from '../support/up.js';

const DEAD = '127.0.0.1:9';
const DAY = 86_400_000;

let folder: string;
let source: EmulatedTenant;
let env: Record<string, string>;
let stack: Cli;

/** One stack for all of it: it costs more than everything that is asked of it. */
beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'auth0-status-'));
  const scopes = ['read:users', 'read:clients', 'read:logs'];
  source = await startTenant({ seed: 4, logs: 120, users: 7, clients: 3, scopes, logSpanMs: 4.5 * DAY });
  env = { ...tenantEnv(source.origin), AUTH0_TENANT: 'acme', AUTH0_LOG_RETENTION_DAYS: '5' };
  stack = startCli(['up', ...FREE_PORTS, '--data-dir', join(folder, 'data')], env);
  await stack.says('Schedules are running');
}, 180_000);
afterAll(async () => {
  stack.process.kill('SIGINT');
  await stack.ended;
  await source.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (args: string[], more: Record<string, string> = {}) =>
  runCli([...args, '--data-dir', join(folder, 'data')], { ...env, ...more });
const status = async (more: Record<string, string> = {}) => {
  const ended = await ask(['status', '--json'], more);
  return { ...ended, document: JSON_SHAPES.status.parse(lastJson(ended.stdout)) };
};
const doctor = async (more: Record<string, string> = {}) => {
  const ended = await ask(['doctor', '--json'], more);
  expect(ended.stdout + ended.stderr).not.toContain('s3cr3t');
  const document = JSON_SHAPES.doctor.parse(lastJson(ended.stdout));
  const failed = document.groups.flatMap(({ checks }) => checks).filter((check) => check.status === 'fail');
  return { ...ended, document, failed };
};

describe('status', () => {
  it('shows a stack that is well, and in the same words for people', async () => {
    const [json, words] = await Promise.all([status(), ask(['status'])]);
    expect(json.code, json.stdout).toBe(0);
    expect(json.document).toMatchObject({
      tenant: 'acme',
      status: 'ok',
      temporal: 'up',
      clickhouse: 'up',
      resources: {
        logs: { state: 'idle', rows: 120, stale: null, lastGoodRun: { rows: 120 }, schedules: [{ paused: false }] },
        users: { rows: 7 },
        clients: { rows: 3, nextRun: expect.any(String) },
      },
    });
    expect(words.stdout).toMatch(/^Tenant acme\n {2}logs +idle +120 rows .*completed .* ago +next in /);
    expect(words.stdout).toContain('  logs: cursor is 0.0 of 5.0 days old: 5.0 days left');
  }, 30_000);

  it('says what is down, and still shows what the other part knows', async () => {
    const dead = { TEMPORAL_ADDRESS: DEAD };
    const [noTemporal, noClickHouse, neither] = await Promise.all([
      status(dead),
      status({ CLICKHOUSE_URL: `http://${DEAD}` }),
      status({ ...dead, CLICKHOUSE_URL: `http://${DEAD}` }),
    ]);
    expect(noTemporal.document).toMatchObject({
      temporal: expect.stringContaining('does not answer'),
      clickhouse: 'up',
      resources: { logs: { state: 'unknown', rows: 120, nextRun: null, lastGoodRun: { rows: 120 } } },
    });
    expect(noClickHouse.document).toMatchObject({
      temporal: 'up',
      clickhouse: expect.stringContaining('cannot be reached'),
      resources: { logs: { state: 'idle', rows: null, nextRun: expect.any(String) } },
    });
    expect(neither.document).toMatchObject({ resources: { logs: { state: 'unknown', rows: null } } });
    for (const { code, document } of [noTemporal, noClickHouse, neither]) {
      expect(code).toBe(1);
      expect(document.status).toBe('failed');
    }
  }, 30_000);

  it('says that a schedule is gone', async () => {
    await ask(['schedule', 'delete', '--resources', 'clients']);
    const { code, document } = await status();
    expect(code).toBe(1);
    expect(document.resources).toMatchObject({
      logs: { stale: null },
      clients: { stale: expect.stringContaining('schedule does not exist') },
    });
    await ask(['schedule', 'apply']);
    expect((await status()).code).toBe(0);
  }, 30_000);

  it('is drawn again and again with --watch, until Ctrl-C', async () => {
    const watched = startCli(['status', '--watch', '--json', '--data-dir', join(folder, 'data')], env);
    const documents = () =>
      watched
        .stdout()
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '');
    await expect.poll(() => documents().length, { timeout: 15_000 }).toBeGreaterThanOrEqual(2);
    watched.process.kill('SIGINT');
    expect(await watched.ended, watched.stderr()).toBe(0);
    for (const line of documents()) JSON_SHAPES.status.parse(JSON.parse(line));
  }, 30_000);
});

describe('doctor', () => {
  it('finds nothing wrong with a stack that is well', async () => {
    const { code, document, failed } = await doctor();
    expect(failed).toEqual([]);
    expect(code).toBe(0);
    expect(document.groups.map(({ part }) => part)).toEqual(['configuration', 'tenant', 'clickhouse', 'temporal']);
    expect(document.groups.flatMap(({ checks }) => checks)).toEqual(
      expect.arrayContaining(
        ['scope read:logs', 'tables', 'rights', 'workers', 'versions', 'schedules'].map((name) =>
          expect.objectContaining({ name, status: 'ok' }),
        ),
      ),
    );
  }, 30_000);

  it('names the cure for a wrong secret, a wrong tenant, a queue without workers and a namespace that is not there', async () => {
    const { temporal }: { temporal: { address: string } } = JSON.parse(
      readFileSync(join(folder, 'data', 'stack.json'), 'utf8'),
    );
    const cases: [Record<string, string>, string, RegExp][] = [
      [{ AUTH0_CLIENT_SECRET: 'wrong' }, 'token', /AUTH0_CLIENT_SECRET/],
      [{ AUTH0_DOMAIN: `http://${DEAD}` }, 'reachable', /AUTH0_DOMAIN/],
      [{ TEMPORAL_TASK_QUEUE: 'nobody' }, 'workers', /npm start/],
      [{ TEMPORAL_NAMESPACE: 'nope', TEMPORAL_ADDRESS: temporal.address }, 'namespace', /TEMPORAL_NAMESPACE/],
    ];
    const examined = await Promise.all(cases.map(([wrong]) => doctor(wrong)));
    for (const [i, [wrong, name, cure]] of cases.entries()) {
      const { code, failed } = examined[i] ?? {};
      expect(code, JSON.stringify(wrong)).toBe(1);
      expect(failed).toEqual([expect.objectContaining({ name, cure: expect.stringMatching(cure) })]);
    }
  }, 30_000);

  it('says that nothing runs here where nothing does', async () => {
    const ended = await runCli(['doctor', '--json', '--data-dir', join(folder, 'none')], {}, folder);
    expect(ended.code).toBe(1);
    expect(JSON_SHAPES.doctor.parse(lastJson(ended.stdout)).groups).toMatchObject([
      {
        part: 'configuration',
        checks: [{ status: 'fail', detail: expect.stringContaining('nothing is running here') }],
      },
    ]);
  }, 30_000);
});

describe('state', () => {
  it('goes out of one destination and into another, with its tables made on the way', async () => {
    const exported = await ask(['state', 'export']);
    expect(exported.code, exported.stderr).toBe(0);
    const document = parseState(exported.stdout);
    expect(document.tenants).toMatchObject([
      { tenant: 'acme', checkpoints: [{ resource: 'clients' }, { resource: 'logs' }, { resource: 'users' }], gaps: [] },
    ]);
    const file = join(folder, 'state.json');
    writeFileSync(file, exported.stdout);
    const other = ['--data-dir', join(folder, 'other')];
    const imported = await runCli(['state', 'import', file, '--json', ...other], env);
    expect(imported.code, imported.stderr).toBe(0);
    expect(JSON_SHAPES.stateImport.parse(lastJson(imported.stdout)).tenants).toEqual([
      { tenant: 'acme', checkpoints: { clients: 'imported', logs: 'imported', users: 'imported' }, gaps: 0 },
    ]);
    const logId = (await source.ids('logs'))[0] ?? '';
    const refused = await runCli(['state', 'import', logId, ...other], env);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--force');
  }, 60_000);

  it('is refused where the source is no state', async () => {
    const [absent, foreign] = await Promise.all(
      ['no-such-file', 'package.json'].map((name) => ask(['state', 'import', name])),
    );
    expect([absent?.code, foreign?.code]).toEqual([2, 2]);
    expect(absent?.stderr).toContain('no log id');
    expect(foreign?.stderr).toContain('no state to import');
  }, 30_000);
});
