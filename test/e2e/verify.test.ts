import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiRequest, createManagementApi, type ManagementApi } from '../../src/auth0/http.js';
import { createPacer } from '../../src/auth0/pacer.js';
import { timeOfLogId } from '../../src/auth0/log-id.js';
import { createTokenSource } from '../../src/auth0/token.js';
import { createPipelineStore } from '../../src/clickhouse/store.js';
import { verify as verifyCommand } from '../../src/commands/verify.js';
import { ExtractError } from '../../src/contracts/errors.js';
import { RESOURCES, type ResourceName } from '../../src/contracts/names.js';
import { emulatorDefaults, type EmulatorOptions } from '../../src/emulator/main.js';
import type { VerifyTask } from '../../src/verify/deps.js';
import { emptyReport, type ResourceReport } from '../../src/verify/report.js';
import { createRetry } from '../../src/verify/retry.js';
import { verifyTenant } from '../../src/verify/verify.js';
import { emulatedTenants } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';
import { ensureBuilt, lastJson, runCli, tenantEnv } from '../support/up.js';

const HOUR_MS = 3_600_000;

/** A tenant for each thing that is done to one, so that no test sees what another has broken. */
const TENANTS: Record<string, EmulatorOptions> = {
  whole: { logs: 1_300, users: 130, clients: 110 },
  exported: { logs: 5, users: 1_050, clients: 3, exportNulls: true },
  empty: { logs: 0, users: 0, clients: 0 },
  holes: { logs: 1_300, users: 0, clients: 0 },
  foreign: { logs: 250, users: 0, clients: 0 },
  altered: { logs: 250, users: 0, clients: 0 },
  moved: { logs: 250, users: 0, clients: 0 },
  keyless: { logs: 20, users: 0, clients: 0 },
  growing: { logs: 250, users: 60, clients: 5 },
  aging: { logs: 600, users: 0, clients: 0, logSpanMs: 60 * HOUR_MS },
  window: { logs: 450, users: 0, clients: 0, logSpanMs: 60 * HOUR_MS },
  people: { logs: 0, users: 150, clients: 0 },
  crowd: { logs: 0, users: 1_050, clients: 0 },
  apps: { logs: 0, users: 0, clients: 130 },
  cli: { logs: 30, users: 20, clients: 4 },
};

/** Resources of a tenant that are copied: those that it has any of; all of one that has nothing. */
function copiedOf(name: string): ResourceName[] {
  const filled = RESOURCES.filter((resource) => TENANTS[name]?.[resource] !== 0);
  return filled.length > 0 ? filled : [...RESOURCES];
}

let lab: Lab;
const tenants = emulatedTenants();

beforeAll(async () => {
  ensureBuilt();
  lab = await startLab();
  for (const [name, options] of Object.entries(TENANTS)) await tenants.add(name, { seed: 7, ...options });
  await tenants.add('never', { seed: 7, logs: 150, users: 20, clients: 3 });
  await lab.startWorker(tenants.byName);
  const results = await Promise.all(Object.keys(TENANTS).map((name) => lab.sync(name, { resources: copiedOf(name) })));
  for (const { status, tenant } of results) expect(status, tenant).toBe('completed');
  // One part a month in place of one an insert: the mutations below take a second each over many.
  for (const table of ['logs_raw', 'users_raw', 'clients_raw']) await run(`OPTIMIZE TABLE ${table} FINAL`);
}, 120_000);

afterAll(async () => {
  await lab.close();
  await tenants.close();
});

interface Options extends Partial<VerifyTask> {
  repair?: boolean;
  /** Stands between the verification and the tenant. */
  through?: (api: ManagementApi) => ManagementApi;
}

/** Verifies one resource of a tenant. */
async function verify(name: string, resource: ResourceName, options: Options = {}): Promise<ResourceReport> {
  const { repair, through = (api) => api, ...task } = options;
  const { origin } = tenants.of(name);
  const { clientId, clientSecret } = emulatorDefaults;
  const { signal } = new AbortController();
  const api = createManagementApi({
    pacer: createPacer({ headroom: 0, maxRps: null }),
    origin,
    tokens: createTokenSource({
      origin,
      audience: `${origin}/api/v2/`,
      clientId,
      auth: { method: 'client_secret', clientSecret },
    }),
    timeoutMs: 10_000,
    userAgent: 'test',
  });
  const result = await verifyTenant(
    {
      tenant: name,
      api: through(api),
      clickhouse: lab.clickhouse,
      database: 'auth0',
      store: createPipelineStore(lab.clickhouse, 'auth0'),
      exportFields: [],
      retry: createRetry({ signal, firstWaitMs: 1, say: () => {} }),
      progress: () => {},
      signal,
    },
    {
      resources: [resource],
      window: { from: null, to: null },
      limit: 5,
      repairRunId: repair ? `verify-${crypto.randomUUID()}` : null,
      ...task,
    },
  );
  const report = result.resources[resource];
  if (!report) throw new Error('no report');
  const differences = report.missing + report.extra + report.different;
  expect(result.status).toBe(differences === 0 ? 'equal' : 'different');
  return report;
}

/** A tenant whose answers are changed on their way. */
const changed =
  (change: (text: string, request: ApiRequest) => string) =>
  (api: ManagementApi): ManagementApi => ({
    ...api,
    async send(request, signal) {
      const answer = await api.send(request, signal);
      return { ...answer, text: change(answer.text, request) };
    },
  });

const equal = (rows: number) => ({ ...emptyReport(), source: rows, destination: rows });
const run = (query: string) =>
  lab.clickhouse.command({ query, clickhouse_settings: { mutations_sync: '0', insert_deduplicate: 0 } });
/** A change of rows that are there. The engine takes its time for it, and answers others meanwhile. */
async function mutate(resource: ResourceName, change: string): Promise<void> {
  await run(`ALTER TABLE ${resource}_raw ${change}`);
  const waiting = `SELECT command FROM system.mutations WHERE table = '${resource}_raw' AND NOT is_done`;
  while ((await lab.column(waiting)).length > 0) await sleep(50);
}
const text = (value: string) => `'${value.replaceAll('\\', '\\\\')}'`;
const quoted = (ids: readonly string[]) => ids.map((id) => text(id)).join(', ');
const remove = (name: string, resource: ResourceName, ids: readonly string[]) =>
  mutate(resource, `DELETE WHERE tenant = '${name}' AND ${resource.slice(0, -1)}_id IN (${quoted(ids)})`);
const pick = (ids: readonly string[], ...at: number[]) => ids.filter((_, i) => at.includes(i));

describe.concurrent('an equal copy', () => {
  it.each([
    ['whole', 'logs', 1_300],
    ['whole', 'users', 130],
    ['whole', 'clients', 110],
    ['exported', 'users', 1_050],
    ['empty', 'logs', 0],
    ['empty', 'users', 0],
    ['empty', 'clients', 0],
  ] as const)('of %s is found equal: %s', async (name, resource, rows) => {
    expect(await verify(name, resource)).toEqual(equal(rows));
  });

  it('is found equal over a tenant that fails now and then', async () => {
    let calls = 0;
    const flaky = (api: ManagementApi): ManagementApi => ({
      ...api,
      async send(request, signal) {
        calls++;
        if (calls % 3 !== 0) throw new ExtractError('TenantUnavailable', 'away');
        return api.send(request, signal);
      },
    });
    expect(await verify('whole', 'logs', { through: flaky })).toEqual(equal(1_300));
    calls = 0;
    expect(await verify('exported', 'users', { through: flaky })).toEqual(equal(1_050));
  });

  it('is not claimed when nothing was ever copied', async () => {
    expect(await verify('never', 'logs')).toMatchObject({ source: 150, destination: 0, missing: 150, behind: 0 });
    expect(await verify('never', 'users')).toMatchObject({ source: 20, destination: 0, missing: 20, behind: 0 });
    const twice = changed((text, { path }) => {
      if (path !== '/api/v2/users') return text;
      const body: { users: unknown[] } = JSON.parse(text);
      return JSON.stringify({ ...body, users: [...body.users, ...body.users] });
    });
    expect(await verify('never', 'users', { through: twice })).toMatchObject({ source: 20, missing: 20 });
    expect(await verify('never', 'clients')).toMatchObject({ source: 3, destination: 0, missing: 3 });
  });
});

describe.concurrent('logs', () => {
  it('that are missing are named, wherever they were, and fetched by a repair', async () => {
    const ids = await tenants.of('holes').ids('logs');
    const gone = pick(ids, 0, 1, 998, 999, 1_000, 1_001, 1_150, 1_298, 1_299);
    await remove('holes', 'logs', gone);
    const report = await verify('holes', 'logs', { limit: 100 });
    expect(report).toMatchObject({ source: 1_300, destination: 1_291, missing: 9, extra: 0, different: 0, behind: 0 });
    expect(report.sample).toEqual({ missing: gone, extra: [], different: [] });
    const short = await verify('holes', 'logs', { limit: 2 });
    expect(short).toMatchObject({ missing: 9, sample: { missing: gone.slice(0, 2) } });
    expect(await verify('holes', 'logs', { repair: true })).toEqual({ ...equal(1_300), repaired: 9 });
    expect(await lab.column(`SELECT log_id FROM logs WHERE tenant = 'holes'`)).toEqual(ids);
  });

  it('that the tenant never had are extra, and so is the second row of one that it has', async () => {
    const ids = await tenants.of('foreign').ids('logs');
    const [before = '', last = ''] = pick(ids, 100, 249);
    const copies = [
      { id: String(BigInt(before) + 1n), of: before },
      { id: String(BigInt(last) + 1n), of: last },
      { id: 'imported-by-hand', of: last },
    ];
    for (const { id, of } of copies)
      await run(
        `INSERT INTO logs_raw SELECT * REPLACE ('${id}' AS log_id) FROM (SELECT * FROM logs_raw WHERE tenant = 'foreign' AND log_id = '${of}')`,
      );
    const foreign = copies.map(({ id }) => id);
    const report = await verify('foreign', 'logs');
    expect(report).toMatchObject({ source: 250, destination: 253, missing: 0, extra: 3, different: 0 });
    expect(report.sample.extra.toSorted()).toEqual(foreign.toSorted());
    expect(await verify('foreign', 'logs', { repair: true })).toMatchObject({ extra: 3, repaired: 0 });
    await remove('foreign', 'logs', foreign);
    await run(
      `INSERT INTO logs_raw SELECT * REPLACE (date + INTERVAL 1 SECOND AS date) FROM (SELECT * FROM logs_raw WHERE tenant = 'foreign' AND log_id = '${before}')`,
    );
    expect(await verify('foreign', 'logs')).toMatchObject({ destination: 251, extra: 1, sample: { extra: [before] } });
  });

  it('whose text was altered are different, and a repair brings the text back', async () => {
    const [id = ''] = pick(await tenants.of('altered').ids('logs'), 33);
    await mutate(
      'logs',
      `UPDATE raw = replaceOne(raw, '"type"', '"typ"') WHERE tenant = 'altered' AND log_id = '${id}'`,
    );
    const report = await verify('altered', 'logs');
    expect(report).toMatchObject({ source: 250, destination: 250, missing: 0, extra: 0, different: 1 });
    expect(report.sample.different).toEqual([id]);
    expect(await verify('altered', 'logs', { repair: true })).toEqual({ ...equal(250), repaired: 1 });
    const sent = await tenants.of('altered').raw('logs');
    expect(await lab.column(`SELECT raw FROM logs WHERE tenant = 'altered' AND log_id = '${id}'`)).toEqual([
      sent.get(id),
    ]);
  });

  it('are found where their date is far from their id, and their second rows there too', async () => {
    const [id = '', other = ''] = pick(await tenants.of('moved').ids('logs'), 10, 20);
    const move = (one: string) =>
      run(
        `INSERT INTO logs_raw SELECT * REPLACE (date - INTERVAL 5 YEAR AS date) FROM (SELECT * FROM logs_raw WHERE tenant = 'moved' AND log_id = '${one}')`,
      );
    await move(id);
    await mutate('logs', `DELETE WHERE tenant = 'moved' AND log_id = '${id}' AND date > now() - INTERVAL 1 YEAR`);
    expect(await verify('moved', 'logs')).toEqual(equal(250));
    await move(other);
    const report = await verify('moved', 'logs');
    expect(report).toMatchObject({ destination: 251, missing: 0, extra: 1, different: 0, sample: { extra: [other] } });
  });

  it('behind the checkpoint are counted apart until a sync has copied them', async () => {
    await tenants.of('growing').admin('logs', { count: 120 });
    expect(await verify('growing', 'logs')).toEqual({ ...equal(250), source: 370, behind: 120 });
    const ids = await tenants.of('growing').ids('logs');
    // The newest that was copied is gone: the checkpoint says that it was, so it is missing and not behind.
    await remove('growing', 'logs', pick(ids, 249));
    const report = await verify('growing', 'logs');
    expect(report).toMatchObject({ missing: 1, behind: 120, sample: { missing: pick(ids, 249) } });
  });

  it('that the tenant has dropped are retained only here', async () => {
    const tenant = tenants.of('aging');
    await tenant.admin('config', { logRetentionMs: 30 * HOUR_MS });
    const report = await verify('aging', 'logs');
    expect(report.retainedOnly).toBeGreaterThan(250);
    expect(report).toEqual({ ...equal(600 - report.retainedOnly), retainedOnly: report.retainedOnly });
    // A window that begins before the oldest kept log.
    const from = Date.now() - 40 * HOUR_MS;
    const windowed = await verify('aging', 'logs', { window: { from, to: null } });
    expect(windowed.retainedOnly).toBeGreaterThan(80);
    expect(windowed).toEqual({ ...equal(report.source), retainedOnly: windowed.retainedOnly });
    // One that ends before it: nothing is left to compare.
    const old = await verify('aging', 'logs', { window: { from, to: from + 5 * HOUR_MS } });
    expect(old.retainedOnly).toBeGreaterThan(40);
    expect(old).toEqual({ ...equal(0), retainedOnly: old.retainedOnly });
  });

  it('of a window are compared, and no others', async () => {
    const ids = await tenants.of('window').ids('logs');
    const time = (at: number) => timeOfLogId(ids[at] ?? '') ?? 0;
    const window = { from: time(200), to: time(400) };
    const inside = ids.filter((id) => (timeOfLogId(id) ?? 0) >= window.from && (timeOfLogId(id) ?? 0) < window.to);
    expect(inside.length).toBe(200);
    expect(await verify('window', 'logs', { window })).toEqual(equal(200));
    // The last log was taken in within the window, its date is some seconds before it.
    const last = ids.filter((id) => (timeOfLogId(id) ?? 0) >= time(449));
    const earlier = changed((text, { query }) => {
      const since = /^date:\[(\S+) TO/.exec(query?.['q'] ?? '')?.[1];
      return since !== undefined && Date.parse(since) > time(449) - 5_000 ? '[]' : text;
    });
    expect(await verify('window', 'logs', { window: { from: time(449), to: null }, through: earlier })).toEqual(
      equal(last.length),
    );
    await remove('window', 'logs', pick(ids, 100, 199, 200, 399, 400, 440));
    const report = await verify('window', 'logs', { window });
    expect(report).toMatchObject({ source: 200, destination: 198, missing: 2, extra: 0, retainedOnly: 0 });
    expect(report.sample.missing).toEqual(pick(ids, 200, 399));
    expect(await verify('window', 'logs', { window: { from: window.to, to: null } })).toMatchObject({ missing: 2 });
    expect(await verify('window', 'logs', { window: { from: null, to: window.from } })).toMatchObject({ missing: 2 });
    expect(await verify('window', 'logs', { window: { from: time(449) + 60_000, to: null } })).toEqual(equal(0));
  });

  it('without an id are compared by their text, and fetched by a repair', async () => {
    const [id = ''] = pick(await tenants.of('keyless').ids('logs'), 7);
    const nameless = changed((text) => text.replaceAll(`"log_id":"${id}","_id":"${id}",`, ''));
    const report = await verify('keyless', 'logs', { through: nameless });
    expect(report).toMatchObject({ source: 20, destination: 20, missing: 1, extra: 1, sample: { extra: [id] } });
    expect(report.sample.missing).toEqual([expect.stringMatching(/^sha256:/)]);
    const repaired = await verify('keyless', 'logs', { through: nameless, repair: true });
    expect(repaired).toMatchObject({ source: 20, destination: 21, missing: 0, extra: 1, repaired: 1 });
  });

  it('are compared up to the present also where new ones come faster than they are read', async () => {
    let next = BigInt((await tenants.of('whole').ids('logs')).at(-1) ?? '');
    const busy = changed((text) => {
      if (text !== '[]') return text;
      next += 1n;
      return JSON.stringify([{ log_id: String(next), date: new Date(Date.now() + HOUR_MS).toISOString(), type: 's' }]);
    });
    expect(await verify('whole', 'logs', { through: busy })).toEqual(equal(1_300));
  });

  it('prove nothing when the tenant does not list them in order', async () => {
    let oldest: unknown;
    const lateOnes = changed((text, { query }) => {
      if (query?.['from'] === undefined) return text;
      const records: unknown[] = JSON.parse(text);
      if (oldest !== undefined) return JSON.stringify([...records, oldest]);
      [oldest] = records;
      return text;
    });
    await expect(verify('whole', 'logs', { through: lateOnes })).rejects.toThrow(
      'did not list its logs in the order of their ids',
    );
  });
});

describe.concurrent('users', () => {
  it('that are missing, extra or older are named; a repair brings back what the tenant has', async () => {
    const ids = await tenants.of('people').ids('users');
    const [gone = '', old = '', dead = '', left = ''] = ids;
    await remove('people', 'users', [gone]);
    // What a snapshot that missed a user leaves behind.
    await run(
      `INSERT INTO users_raw SELECT * REPLACE (true AS deleted, version + 1000000 AS version) FROM (SELECT * FROM users_raw FINAL WHERE tenant = 'people' AND user_id = ${text(dead)})`,
    );
    await run(
      `INSERT INTO users_raw SELECT * REPLACE ('auth0|foreign' AS user_id) FROM (SELECT * FROM users_raw FINAL WHERE tenant = 'people' AND user_id = ${text(left)})`,
    );
    await mutate(
      'users',
      `UPDATE updated_at = updated_at - INTERVAL 1 MINUTE WHERE tenant = 'people' AND user_id = ${text(old)}`,
    );
    await tenants.of('people').admin('users', { remove: [left] });
    const report = await verify('people', 'users');
    expect(report).toMatchObject({ source: 149, destination: 149, missing: 2, extra: 2, different: 1, behind: 0 });
    expect(report.sample.missing.toSorted()).toEqual([gone, dead].sort());
    expect(report.sample.extra.toSorted()).toEqual([left, 'auth0|foreign'].sort());
    expect(report.sample.different).toEqual([old]);
    const repaired = await verify('people', 'users', { repair: true });
    expect(repaired).toMatchObject({ missing: 0, extra: 2, different: 0, repaired: 3 });
    expect(await lab.column(`SELECT user_id FROM users WHERE tenant = 'people' AND user_id = ${text(dead)}`)).toEqual([
      dead,
    ]);
  });

  it('are compared with an export where pages cannot hold them', async () => {
    const ids = await tenants.of('crowd').ids('users');
    const gone = pick(ids, 5, 500, 1_049);
    await remove('crowd', 'users', gone);
    const left = pick(ids, 7);
    await tenants.of('crowd').admin('users', { remove: left });
    const report = await verify('crowd', 'users');
    expect(report).toMatchObject({ source: 1_049, destination: 1_047, missing: 3, extra: 1, different: 0 });
    expect(report.sample.missing.toSorted()).toEqual(gone);
    expect(report.sample.extra).toEqual(left);
    const repaired = await verify('crowd', 'users', { repair: true });
    expect(repaired).toMatchObject({ missing: 0, extra: 1, repaired: 3 });
    const [row] = await lab.rows(
      `SELECT countIf(name != '') AS named, count() AS n FROM users WHERE tenant = 'crowd' AND user_id IN (${quoted(gone)})`,
    );
    expect(row).toEqual({ named: '3', n: '3' });
  });

  it('that are new or have changed since the last sync are left to the next one', async () => {
    await tenants.of('growing').admin('users', { add: 7, touch: 5 });
    expect(await verify('growing', 'users')).toEqual({ ...equal(60), source: 67, behind: 7, changedSince: 5 });
    expect((await lab.sync('growing', { resources: ['users'] })).status).toBe('completed');
    expect(await verify('growing', 'users')).toEqual(equal(67));
  });

  it('that a page leaves out while users are deleted are asked for by their ids before they count as extra', async () => {
    const leavesOut = changed((text, { path, query }) => {
      if (path !== '/api/v2/users') return text;
      const body: { users: unknown[]; total: number } = JSON.parse(text);
      const users = body.users.slice(query?.['page'] === '0' ? 1 : 0);
      return JSON.stringify({ ...body, total: body.total - 1, users });
    });
    expect(await verify('whole', 'users', { through: leavesOut })).toEqual(equal(130));
  });
});

describe.concurrent('clients', () => {
  it('that are missing, extra or different are named, and fetched by a repair', async () => {
    const tenant = tenants.of('apps');
    const ids = await tenant.ids('clients');
    const [gone = '', altered = '', left = ''] = pick(ids, 3, 60, 90);
    await remove('apps', 'clients', [gone]);
    await mutate('clients', `UPDATE raw = concat(raw, ' ') WHERE tenant = 'apps' AND client_id = '${altered}'`);
    await tenant.admin('clients', { remove: [left] });
    const report = await verify('apps', 'clients');
    expect(report).toMatchObject({ source: 129, destination: 129, missing: 1, extra: 1, different: 1 });
    expect(report.sample).toEqual({ missing: [gone], extra: [left], different: [altered] });
    const repaired = await verify('apps', 'clients', { repair: true });
    expect(repaired).toMatchObject({ missing: 0, extra: 1, different: 0, repaired: 2 });
    const [row] = await lab.rows(
      `SELECT countIf(position(raw, 's3cr3t') > 0) AS secrets FROM clients_raw WHERE tenant = 'apps'`,
    );
    expect(row).toEqual({ secrets: '0' });
  });
});

describe.concurrent('the command', () => {
  const env = () => ({
    ...tenantEnv(tenants.of('cli').origin),
    AUTH0_TENANT: 'cli',
    CLICKHOUSE_URL: lab.clickhouseUrl,
  });

  it('names what is missing with exit code 1, repairs it, and ends with 0', async () => {
    const [gone = ''] = pick(await tenants.of('cli').ids('logs'), 12);
    await remove('cli', 'logs', [gone]);
    const found = await runCli(['verify', '--json'], env());
    expect(found.code, found.stderr).toBe(1);
    expect(lastJson(found.stdout)).toMatchObject({
      tenant: 'cli',
      status: 'different',
      resources: {
        logs: { source: 30, destination: 29, missing: 1, extra: 0, different: 0, behind: 0, retainedOnly: 0 },
        users: { ...equal(20) },
        clients: { ...equal(4) },
      },
    });
    expect(found.stderr).toContain(`missing in logs: ${gone}`);
    expect(found.stderr).not.toContain(emulatorDefaults.clientSecret);
    const repaired = await runCli(['verify', '--repair'], env());
    expect(repaired.code, repaired.stderr).toBe(0);
    expect(repaired.stdout).toContain('1 logs were fetched and stored');
  });

  it('refuses what it cannot do, and says what to set', async () => {
    await expect(verifyCommand({ dataDir: lab.folder })).rejects.toThrow(
      'set AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET',
    );
    await expect(verifyCommand({ resources: 'users', from: '2026-01-01' })).rejects.toThrow('bound the logs');
    await expect(verifyCommand({ from: 'yesterday' })).rejects.toThrow('--from yesterday is no ISO 8601 date');
    await expect(verifyCommand({ from: '2026-02-01', to: '2026-01-01' })).rejects.toThrow('--to must be later');
    await expect(verifyCommand({ limit: 'many' })).rejects.toThrow('--limit many');
  });
});
