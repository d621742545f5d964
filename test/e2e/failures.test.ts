import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../src/emulator/faults.js';
import type { EmulatorOptions } from '../../src/emulator/main.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

const DAY = 86_400_000;

let lab: Lab;
const open: EmulatedTenant[] = [];

beforeAll(async () => {
  lab = await startLab();
}, 120_000);
afterEach(async () => {
  await lab.stopWorker();
  await Promise.all(open.splice(0).map((tenant) => tenant.close()));
});
afterAll(() => lab.close());

async function tenantWith(
  name: string,
  options: EmulatorOptions,
  env: Record<string, string> = {},
): Promise<EmulatedTenant> {
  const tenant = await startTenant({ seed: 5, logs: 0, users: 0, clients: 0, ...options });
  open.push(tenant);
  await lab.startWorker({ [name]: tenant }, env);
  return tenant;
}

async function faults(tenant: EmulatedTenant, rules: FaultRule[]): Promise<void> {
  await tenant.admin('faults', rules);
}

const KEY = { logs: 'log_id', users: 'user_id', clients: 'client_id' } as const;

async function expectWhole(tenant: EmulatedTenant, name: string, resource: keyof typeof KEY): Promise<void> {
  const held = await lab.column(`SELECT ${KEY[resource]} FROM ${resource} WHERE tenant = '${name}'`);
  expect(held).toEqual(await tenant.ids(resource));
}

describe('a cursor that the tenant no longer keeps', () => {
  it.each(['error400', 'continue'] as const)('leaves exactly one gap row with the right bounds (%s)', async (form) => {
    const name = `expired-${form}`;
    // The base data ends ten days ago; later the tenant keeps five days.
    const tenant = await tenantWith(name, { logs: 250, epochMs: Date.now() - 10 * DAY, logSpanMs: DAY });
    expect((await lab.sync(name, { resources: ['logs'] })).status).toBe('completed');
    const before = await lab.column(`SELECT log_id FROM logs WHERE tenant = '${name}'`);

    await tenant.admin('config', { logRetentionMs: 5 * DAY, expiredCursor: form });
    await tenant.admin('logs', { count: 120 });
    const kept = await tenant.ids('logs');
    const result = await lab.sync(name, { resources: ['logs'] });
    expect(result.resources.logs).toMatchObject({ status: 'completed', rows: 120, gaps: 1 });
    expect(result.resources.logs?.warnings.join()).toContain('may be lost');
    const gaps = `SELECT gap_from, gap_to FROM pipeline_gaps WHERE tenant = '${name}'`;
    expect(await lab.rows(gaps)).toEqual([{ gap_from: before.at(-1), gap_to: kept[0] }]);
    const held = await lab.column(`SELECT log_id FROM logs WHERE tenant = '${name}'`);
    expect(held).toEqual([...before, ...kept].sort());

    const again = await lab.sync(name, { resources: ['logs'] });
    expect(again.resources.logs).toMatchObject({ status: 'completed', rows: 0, gaps: 0 });
    expect(await lab.rows(gaps)).toHaveLength(1);
  });

  it('is told apart from any other 400, which leaves the cursor where it is', async () => {
    const tenant = await tenantWith('other-400', { logs: 150 });
    await lab.sync('other-400', { resources: ['logs'] });
    await tenant.admin('logs', { count: 30 });
    const body = {
      statusCode: 400,
      error: 'Bad Request',
      message: "Query validation error: 'Value 100 is greater than maximum 50' on property take (Page size).",
      errorCode: 'invalid_query_string',
    };
    await faults(tenant, [{ route: 'logs', every: 1, action: { status: 400, body: JSON.stringify(body) } }]);
    const refused = await lab.sync('other-400', { resources: ['logs'] });
    expect(refused.resources.logs).toMatchObject({ status: 'failed', gaps: 0, error: { kind: 'InvalidRequest' } });
    expect(await lab.rows(`SELECT * FROM pipeline_gaps WHERE tenant = 'other-400'`)).toEqual([]);
    await tenant.clearFaults();
    expect((await lab.sync('other-400', { resources: ['logs'] })).resources.logs).toMatchObject({ rows: 30, gaps: 0 });
    await expectWhole(tenant, 'other-400', 'logs');
  });

  it('does not stop a run that was given a malformed position', async () => {
    await tenantWith('malformed', { logs: 20 });
    const result = await lab.sync('malformed', { resources: ['logs'], from: 'a'.repeat(40) });
    expect(result.resources.logs).toMatchObject({ status: 'failed', gaps: 0, error: { kind: 'InvalidRequest' } });
  });
});

describe('a first start at the edge of what the tenant keeps', () => {
  it.each([40, 1_500])(
    'copies all that is kept where the position before it is refused (%i logs)',
    async (count) => {
      const name = `edge-${count}`;
      const tenant = await tenantWith(name, { logs: 200, epochMs: Date.now() - 2 * DAY, logSpanMs: DAY });
      // A minute before the oldest kept log the tenant keeps nothing: a synthetic position there is expired.
      await tenant.admin('config', { logRetentionMs: 30_000 });
      await tenant.admin('logs', { count, spreadMs: 20_000 });
      const result = await lab.sync(name, { resources: ['logs'] });
      expect(result.resources.logs).toMatchObject({ status: 'completed', rows: count, gaps: 0 });
      await expectWhole(tenant, name, 'logs');
    },
    30_000,
  );
});

describe('events that come late', () => {
  it('are found a little behind the cursor, and nothing is doubled', async () => {
    const name = 'late';
    const tenant = await tenantWith(name, { logs: 300, logSpanMs: 60_000 }, { LOGS_OVERLAP_SECONDS: '60' });
    await lab.sync(name, { resources: ['logs'] });
    // As if three events before the newest had turned up at the tenant only now; a server that has just been started has
    // the last run's rows counted, which would notice that they are gone.
    await lab.clickhouse.command({
      query: `ALTER TABLE _pipeline_checkpoints UPDATE run_rows = 0 WHERE tenant = '${name}' SETTINGS mutations_sync = 2`,
    });
    const ids = await tenant.ids('logs');
    const late = ids.slice(-4, -1);
    await lab.clickhouse.command({
      query: `DELETE FROM logs_raw WHERE tenant = '${name}' AND log_id IN (${late.map((id) => `'${id}'`).join(', ')})`,
    });
    const result = await lab.sync(name, { resources: ['logs'] });
    expect(result.resources.logs).toMatchObject({ status: 'completed', rows: 3, gaps: 0 });
    await expectWhole(tenant, name, 'logs');
    expect(await lab.rows(`SELECT count() AS n FROM logs_raw WHERE tenant = '${name}'`)).toEqual([{ n: '300' }]);
  });

  it('are not looked for where the tenant takes no synthetic positions, which is said once', async () => {
    const name = 'no-synthetic';
    const tenant = await tenantWith(name, { logs: 120 });
    await lab.sync(name, { resources: ['logs'] });
    await tenant.admin('logs', { count: 10 });
    const body = { statusCode: 400, error: 'Bad Request', message: 'Invalid from', errorCode: 'invalid_query_string' };
    await faults(tenant, [{ route: 'logs', nth: 1, action: { status: 400, body: JSON.stringify(body) } }]);
    const first = await lab.sync(name, { resources: ['logs'] });
    expect(first.resources.logs).toMatchObject({ status: 'completed', rows: 10 });
    expect(first.resources.logs?.warnings.join()).toContain('synthetic');
    await tenant.admin('logs', { count: 5 });
    const second = await lab.sync(name, { resources: ['logs'] });
    expect(second.resources.logs).toMatchObject({ status: 'completed', rows: 5, warnings: [] });
    await expectWhole(tenant, name, 'logs');
  });
});

describe('a tenant in trouble', () => {
  it('is copied exactly while it answers 429 to every third request, 500 to every fifth and resets every seventh', async () => {
    const name = 'trouble';
    const tenant = await tenantWith(name, { logs: 1_500, users: 130, clients: 105 });
    await faults(tenant, [
      { every: 3, action: { status: 429, headers: { 'retry-after': '1' } } },
      { every: 5, action: { status: 500 } },
      { every: 7, action: 'reset' },
    ]);
    const result = await lab.sync(name);
    expect(result.status).toBe('completed');
    for (const resource of ['logs', 'users', 'clients'] as const) await expectWhole(tenant, name, resource);
    expect(result.resources.logs).toMatchObject({ rows: 1_500, visible: 1_500 });
  }, 120_000);

  it.each<[string, FaultRule['action']]>([
    ['an HTML page', 'html'],
    ['a cut-off body', 'truncate'],
    ['a wrong shape', { status: 200, body: '{"surprise":true}' }],
    ['a service that is down', { status: 503 }],
  ])(
    'is copied exactly after %s',
    async (_what, action) => {
      const name = `answers-${JSON.stringify(action).replaceAll(/\W/g, '')}`;
      const tenant = await tenantWith(name, { logs: 130, users: 20, clients: 10 });
      await faults(tenant, [{ route: 'logs', nth: 3, action }]);
      const result = await lab.sync(name);
      expect(result.status).toBe('completed');
      await expectWhole(tenant, name, 'logs');
    },
    60_000,
  );
});

describe('deletes', () => {
  it('are noticed by a complete snapshot, hidden by the views, and undone when the record comes back', async () => {
    const name = 'deletes';
    const tenant = await tenantWith(name, { users: 300, clients: 120 });
    await lab.sync(name);
    const gone = (await tenant.ids('users')).slice(0, 40);
    const goneClients = (await tenant.ids('clients')).slice(1, 8);
    await tenant.admin('users', { remove: gone });
    await tenant.admin('clients', { remove: goneClients });
    const result = await lab.sync(name, { full: true });
    expect(result.resources.users).toMatchObject({ status: 'completed', deleted: 40 });
    expect(result.resources.clients).toMatchObject({ status: 'completed', deleted: 7 });
    await expectWhole(tenant, name, 'users');
    await expectWhole(tenant, name, 'clients');
    const deleted = `SELECT user_id FROM users_deleted WHERE tenant = '${name}' AND deleted_at > now() - 600`;
    expect(await lab.column(deleted)).toEqual(gone.toSorted());

    // Users that are there and were marked as deleted: their updated_at is older than their tombstones.
    await lab.clickhouse.command({
      query: `INSERT INTO users_raw SELECT * REPLACE (true AS deleted, now64(3) AS deleted_at, version + 1000000 AS version)
              FROM (SELECT * FROM users_raw FINAL WHERE tenant = '${name}' AND NOT deleted LIMIT 5)`,
    });
    const hidden = await lab.column(`SELECT user_id FROM users_deleted WHERE tenant = '${name}'`);
    expect(hidden).toHaveLength(45);
    await lab.sync(name, { full: true });
    await expectWhole(tenant, name, 'users');
    expect(await lab.column(`SELECT user_id FROM users_deleted WHERE tenant = '${name}'`)).toEqual(gone.toSorted());
  }, 60_000);

  it('of more than MAX_DELETE_SHARE wait for a yes', async () => {
    const name = 'mass-delete';
    const tenant = await tenantWith(name, { users: 400 });
    await lab.sync(name, { resources: ['users'] });
    await tenant.admin('users', { remove: 150 });
    const stopped = await lab.sync(name, { resources: ['users'], full: true });
    expect(stopped.resources.users).toMatchObject({ status: 'completed', deleted: 0 });
    expect(stopped.resources.users?.warnings.join()).toContain('--accept-deletes');
    expect(await lab.rows(`SELECT count() AS n FROM users WHERE tenant = '${name}'`)).toEqual([{ n: '400' }]);
    const accepted = await lab.sync(name, { resources: ['users'], full: true, acceptDeletes: true });
    expect(accepted.resources.users).toMatchObject({ status: 'completed', deleted: 150 });
    await expectWhole(tenant, name, 'users');
  }, 60_000);

  it('are not made by an incomplete snapshot, which is stored all the same, with a warning', async () => {
    const name = 'incomplete';
    const tenant = await tenantWith(name, { users: 1_200 });
    await lab.sync(name, { resources: ['users'] });
    const lines = (await tenant.ids('users')).slice(0, 900).map((id) => JSON.stringify({ user_id: id }));
    await faults(tenant, [{ route: 'download', every: 1, action: { status: 200, body: `${lines.join('\n')}\n` } }]);
    const result = await lab.sync(name, { resources: ['users'], full: true });
    expect(result.resources.users).toMatchObject({ status: 'completed', deleted: 0 });
    expect(result.resources.users?.warnings.join()).toContain('the tenant counts 1200, and lists 900');
    expect(await lab.column(`SELECT user_id FROM users WHERE tenant = '${name}'`)).toEqual(await tenant.ids('users'));
  }, 60_000);
});

const BUSY = {
  statusCode: 400,
  error: 'Bad Request',
  message: 'There is 1 active export users job, please wait until it is finished and try again',
};

describe('a users export', () => {
  it.each<[string, FaultRule[]]>([
    ['a 429 on the request for it', [{ route: 'users-exports', nth: 1, action: { status: 429 } }]],
    [
      'other exports that are under way',
      [
        { route: 'users-exports', nth: 1, action: { status: 409 } },
        { route: 'users-exports', nth: 2, action: { status: 400, body: BUSY } },
      ],
    ],
    ['a link that has expired', [{ route: 'download', nth: 1, action: { status: 403 } }]],
    ['an archive that is cut off', [{ route: 'download', nth: 1, action: 'truncate' }]],
    ['a download that is reset', [{ route: 'download', nth: 1, action: 'reset' }]],
    ['a job that is gone', [{ route: 'job', nth: 2, action: { status: 404 } }]],
    ['a job whose state cannot be read', [{ route: 'job', nth: 1, action: 'html' }]],
  ])(
    'survives %s',
    async (what, rules) => {
      const name = `export-${what.replaceAll(/\W/g, '')}`;
      const tenant = await tenantWith(name, { users: 1_300 });
      await faults(tenant, rules);
      const result = await lab.sync(name, { resources: ['users'] });
      expect(result.resources.users).toMatchObject({ status: 'completed', mode: 'users-export', visible: 1_300 });
      await expectWhole(tenant, name, 'users');
    },
    60_000,
  );

  it.each(['failed', 'expired', 'cancelled'] as const)(
    'that is %s three times ends the run',
    async (exportOutcome) => {
      const name = `export-${exportOutcome}`;
      const tenant = await tenantWith(name, { users: 1_100, exportOutcome });
      const result = await lab.sync(name, { resources: ['users'] });
      expect(result.resources.users).toMatchObject({ status: 'failed', error: { kind: 'ExportFailed' } });
      expect(tenant.emulator.stats().exportsCreated).toBe(3);
    },
    60_000,
  );
});

describe('what a retry cannot mend', () => {
  it('a page that fails eight times ends the run; the cursor stays, and the next run completes', async () => {
    const name = 'eight-times';
    const tenant = await tenantWith(name, { logs: 150 });
    await lab.sync(name, { resources: ['logs'] });
    const checkpoint = `SELECT cursor, last_id FROM pipeline_checkpoints WHERE tenant = '${name}' AND resource = 'logs'`;
    const before = await lab.rows(checkpoint);
    await tenant.admin('logs', { count: 150 });
    const asked = tenant.requests()['logs'] ?? 0;
    // A told wait of one second keeps eight tries short.
    await faults(tenant, [{ route: 'logs', every: 1, action: { status: 429, headers: { 'retry-after': '1' } } }]);
    const failed = await lab.sync(name, { resources: ['logs'] });
    expect(failed.resources.logs).toMatchObject({ status: 'failed', rows: 0, error: { kind: 'RateLimited' } });
    expect(failed.resources.logs?.error?.message).toMatch(/logs, page 0, cursor \d+, HTTP 429.*\[attempt 8 of 8\]/);
    expect((tenant.requests()['logs'] ?? 0) - asked).toBe(8);
    expect(await lab.rows(checkpoint)).toEqual(before);
    const ledger = `SELECT status, error_kind FROM pipeline_runs WHERE tenant = '${name}' ORDER BY started_at DESC LIMIT 1`;
    expect(await lab.rows(ledger)).toEqual([{ status: 'failed', error_kind: 'RateLimited' }]);
    await tenant.clearFaults();
    expect((await lab.sync(name, { resources: ['logs'] })).resources.logs).toMatchObject({ rows: 150 });
    await expectWhole(tenant, name, 'logs');
  }, 60_000);

  it('a token that is refused is fetched once more; one that is refused again ends the run', async () => {
    const name = 'unauthorized';
    const tenant = await tenantWith(name, { logs: 20, users: 5, clients: 3 });
    await lab.sync(name);
    const minted = tenant.emulator.stats().tokensMinted;
    await tenant.admin('config', { revokeTokens: true });
    expect((await lab.sync(name)).status).toBe('completed');
    expect(tenant.emulator.stats().tokensMinted).toBe(minted + 1);
    const body = JSON.stringify({ statusCode: 401, error: 'Unauthorized', message: 'Invalid token.' });
    await faults(tenant, [{ route: 'clients', every: 1, action: { status: 401, body } }]);
    const refused = await lab.sync(name);
    expect(refused.resources.clients).toMatchObject({ status: 'failed', error: { kind: 'TokenRejected' } });
    expect(refused.resources.logs).toMatchObject({ status: 'completed' });
    expect(await lab.rows(`SELECT count() AS n FROM clients WHERE tenant = '${name}'`)).toEqual([{ n: '3' }]);
  }, 60_000);

  it('what the subscription does not include is marked, and the others are copied', async () => {
    const name = 'upgrade';
    const tenant = await tenantWith(name, { logs: 20, users: 5, clients: 3 });
    const message = 'Please upgrade your subscription to enable this feature';
    const body = JSON.stringify({ statusCode: 403, error: 'Forbidden', message, errorCode: 'insufficient_scope' });
    await faults(tenant, [{ route: 'clients', every: 1, action: { status: 403, body } }]);
    const result = await lab.sync(name);
    expect(result.resources.clients).toMatchObject({ status: 'unavailable', error: { kind: 'NotInPlan' } });
    await expectWhole(tenant, name, 'logs');
    await expectWhole(tenant, name, 'users');
  }, 60_000);

  it('a statement that ClickHouse refuses ends the run at once, with nothing of a row in its error', async () => {
    const name = 'refused';
    const tenant = await tenantWith(name, { logs: 20 });
    await lab.clickhouse.command({ query: 'RENAME TABLE logs_raw TO logs_elsewhere' });
    try {
      const result = await lab.sync(name, { resources: ['logs'] });
      expect(result.resources.logs).toMatchObject({ status: 'failed', error: { kind: 'DestinationRefused' } });
      expect(result.resources.logs?.error?.message).not.toContain('user_id');
    } finally {
      await lab.clickhouse.command({ query: 'RENAME TABLE logs_elsewhere TO logs_raw' });
    }
    expect((await lab.sync(name, { resources: ['logs'] })).status).toBe('completed');
    await expectWhole(tenant, name, 'logs');
  }, 60_000);

  it('a run that is reset in the middle reads pages again and doubles nothing', async () => {
    const name = 'reset';
    const tenant = await tenantWith(name, { logs: 1_500 });
    await lab.sync(name, { resources: ['logs'] });
    const handle = lab.client.workflow.getHandle(`auth0/${name}/logs`);
    const history = await handle.fetchHistory();
    const done = (history.events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
    // Back to where the first pages were still to be fetched.
    await lab.client.workflowService.resetWorkflowExecution({
      namespace: lab.temporalEnv.TEMPORAL_NAMESPACE,
      workflowExecution: { workflowId: handle.workflowId },
      workflowTaskFinishEventId: done[1]?.eventId ?? null,
      requestId: crypto.randomUUID(),
      reason: 'a test',
    });
    const again: { status: string } = await lab.client.workflow.getHandle(handle.workflowId).result();
    expect(again.status).toBe('completed');
    await expectWhole(tenant, name, 'logs');
    expect((await lab.sync(name, { resources: ['logs'] })).resources.logs).toMatchObject({ rows: 0, gaps: 0 });
  }, 60_000);
});
