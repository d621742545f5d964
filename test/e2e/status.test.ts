import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { scheduleId } from '../../src/contracts/names.js';
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
  stack = startCli(['up', ...FREE_PORTS, '--data-dir', join(folder, 'data'), '--json'], env);
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
    // Temporal's list of schedules follows a change with some delay.
    await expect.poll(async () => (await status()).code, { timeout: 10_000 }).toBe(1);
    const { document } = await status();
    expect(document.resources).toMatchObject({
      logs: { stale: null },
      clients: { stale: expect.stringContaining('schedule does not exist') },
    });
    await ask(['schedule', 'apply']);
    await expect.poll(async () => (await status()).code, { timeout: 10_000 }).toBe(0);
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
    expect(lastJson((await ask(['state', 'export', '--json'])).stdout)).toMatchObject({ tenants: document.tenants });
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

describe('the documents of --json', () => {
  /** Runs a command whose document must have this shape. */
  const shown = async <T>(shape: z.ZodType<T>, args: readonly string[], more: Record<string, string> = {}) => {
    const { stdout, stderr } = await ask([...args, '--json'], more);
    const parsed = shape.safeParse(lastJson(stdout));
    if (!parsed.success) throw new Error(`${args.join(' ')}: ${parsed.error.message}\n${stdout}${stderr}`);
    return parsed.data;
  };
  const shapes = JSON_SHAPES;
  const days = [
    '--from',
    new Date(Date.now() - 2 * DAY).toISOString(),
    '--to',
    new Date(Date.now() - DAY).toISOString(),
  ];

  /** Settings of two tenants, the second one unknown to the worker of the stack. */
  const ofSeveral = (): Record<string, string> => {
    const file = join(folder, 'tenants.yaml');
    const tenant = (name: string) =>
      `  - { name: ${name}, domain: "${source.origin}", clientId: { env: ID }, clientSecret: { env: SECRET } }\n`;
    writeFileSync(file, `tenants:\n${tenant('acme')}${tenant('other')}`);
    const { AUTH0_CLIENT_ID = '', AUTH0_CLIENT_SECRET = '' } = env;
    const none = { AUTH0_DOMAIN: '', AUTH0_CLIENT_ID: '', AUTH0_CLIENT_SECRET: '', AUTH0_TENANT: '' };
    return { ...none, ID: AUTH0_CLIENT_ID, SECRET: AUTH0_CLIENT_SECRET, TENANTS_FILE: file };
  };

  it('of one tenant have the shapes that docs/json.md describes', async () => {
    const up = shapes.up.parse(lastJson(stack.stdout()));
    expect(up).toMatchObject({ status: 'completed', resources: { users: { rows: 7, visible: 7 } } });
    const connection = await Connection.connect({ address: up.temporal.address });
    await new Client({ connection }).schedule.getHandle(scheduleId('acme', 'users-changed')).trigger();
    await connection.close();
    const [synced, equal, listed, rows, nothing, failed, wrong] = await Promise.all([
      shown(shapes.sync, ['sync', '--resources', 'users']),
      shown(shapes.verify, ['verify', '--resources', 'users,clients']),
      shown(shapes.scheduleList, ['schedule', 'list']),
      shown(shapes.query, ['query', 'SELECT count() AS n FROM clients']),
      shown(shapes.queryWithoutAnswer, ['query', '--write', 'SYSTEM FLUSH LOGS']),
      shown(shapes.failure, ['query', 'SELEC 1']),
      shown(shapes.failure, ['sync', '--resource', 'logs']),
    ]);
    expect(synced).toMatchObject({ temporal: up.temporal, clickhouse: up.clickhouse, status: 'completed' });
    expect(equal.status).toBe('equal');
    expect(listed.schedules.map(({ schedule }) => schedule)).toEqual(['logs', 'users', 'users-changed', 'clients']);
    expect(listed.schedules[2]?.lastRun?.outcome).toMatch(/^(running|completed)$/);
    expect(rows).toMatchObject({ data: [{ n: '3' }], rows: 1 });
    expect(nothing).toEqual({});
    expect(failed).toMatchObject({ exitCode: 1, error: { message: expect.stringContaining('Syntax error') } });
    expect(wrong).toMatchObject({
      exitCode: 2,
      error: { message: "unknown option '--resource'\n(Did you mean --resources?)" },
    });
    const [reloaded, started] = await Promise.all([
      shown(shapes.sync, ['reload', 'clients']),
      shown(shapes.detached, ['backfill', 'logs', ...days, '--detach']),
    ]);
    expect(reloaded).toMatchObject({ resources: { clients: { status: 'completed', rows: 3 } } });
    expect(started).toMatchObject({ status: 'started', tenant: 'acme' });
    const filled = await shown(shapes.backfill, ['backfill', 'logs', ...days]);
    expect(filled).toMatchObject({ status: 'completed', workflowId: started.workflowId, result: { rows: 0 } });
    expect(filled.result.held).toBeGreaterThan(5);
  }, 30_000);

  it('of runs that are joined and cancelled have them, too', async () => {
    await source.admin('faults', [{ route: 'logs', every: 1, action: { delayMs: 1_500 } }]);
    const again = ['sync', '--resources', 'logs', '--from', 'oldest', '--detach'];
    const first = await shown(shapes.detached, again);
    expect(await shown(shapes.detached, again)).toEqual({ ...first, status: 'joined' });
    const cancelled = await shown(shapes.cancelled, ['cancel']);
    expect(cancelled.status).toBe('cancelled');
    // A tick of the schedule may be among them.
    const ids = cancelled.runs.map(({ workflowId }) => workflowId);
    expect(ids).toEqual(expect.arrayContaining(['auth0/acme/logs', 'auth0/acme/sync']));
    await source.clearFaults();
  }, 30_000);

  it('of several tenants have them, also where one of them fails', async () => {
    const several = ofSeveral();
    const [synced, detached, compared, held] = await Promise.all([
      shown(shapes.syncOfSeveral, ['sync', '--resources', 'users'], several),
      shown(shapes.detachedOfSeveral, ['reload', 'clients', '--detach'], several),
      shown(shapes.verifyOfSeveral, ['verify', '--resources', 'clients'], several),
      shown(shapes.statusOfSeveral, ['status'], several),
    ]);
    expect(synced).toMatchObject({ status: 'failed', tenants: [{ status: 'completed' }, { status: 'failed' }] });
    expect(detached.tenants.map(({ tenant: name }) => name)).toEqual(['acme', 'other']);
    expect(compared).toMatchObject({ tenants: [{ status: 'equal' }, { status: 'different' }] });
    expect(compared.tenants[1]?.resources.clients?.sample.missing).toHaveLength(3);
    expect(held.tenants[1]).toMatchObject({ tenant: 'other', resources: { logs: { rows: 0 } } });
  }, 30_000);

  it('of what runs until Ctrl-C are its ready line, and of up with several tenants their runs', async () => {
    const { temporal, clickhouse } = shapes.up.parse(lastJson(stack.stdout()));
    const own = {
      TEMPORAL_ADDRESS: temporal.address,
      CLICKHOUSE_URL: clickhouse.url,
      CLICKHOUSE_PASSWORD: readFileSync(join(folder, 'data', 'clickhouse-password'), 'utf8').trim(),
      TEMPORAL_TASK_QUEUE: 'own',
    };
    const small = ['--port', '0', '--logs', '9', '--users', '2', '--clients', '1'];
    const ended = runCli(['up', '--once', '--resources', 'users', '--data-dir', join(folder, 'third'), '--json'], {
      ...ofSeveral(),
      ...own,
      TEMPORAL_TASK_QUEUE: 'third',
    });
    const started = [
      { cli: startCli(['worker', '--json'], { ...env, ...own, METRICS_PORT: '0' }), shape: shapes.worker },
      { cli: startCli(['emulate', ...small, '--json']), shape: shapes.emulate },
    ];
    await Promise.all(
      started.map(async ({ cli, shape }) => {
        await cli.says('"event":"ready"');
        cli.process.kill('SIGINT');
        expect(await cli.ended, cli.stderr()).toBe(0);
        const line = shape.parse(lastJson(cli.stdout()));
        expect(line.pid).toBe(cli.process.pid);
        expect(cli.stdout().trim().split('\n')).toHaveLength(1);
      }),
    );
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(shapes.upOfSeveral.parse(lastJson(stdout))).toMatchObject({
      status: 'completed',
      tenants: [{ tenant: 'acme' }, { tenant: 'other', resources: { users: { rows: 7 } } }],
    });
  }, 30_000);
});
