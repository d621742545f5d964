import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { ERRORS } from '../../src/contracts/errors.js';
import { scheduleId } from '../../src/contracts/names.js';
import { readGoodRuns } from '../../src/commands/good-runs.js';
import { applySchedules, listSchedules, resumeSchedule } from '../../src/temporal/schedules.js';
import { wantedSchedules } from '../../src/temporal/wanted.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

// A client secret that the tenant takes no more: what the schedule does, and that nobody else's does it, too.
const SECRET = 'the-new-secret-of-acme';
let lab: Lab;
let acme: EmulatedTenant;
let beta: EmulatedTenant;

beforeAll(async () => {
  [lab, acme, beta] = await Promise.all([
    startLab(),
    startTenant({ seed: 5, logs: 30, users: 3, clients: 2, clientSecret: SECRET }),
    startTenant({ seed: 6, logs: 40, users: 3, clients: 2 }),
  ]);
}, 120_000);
afterAll(async () => {
  await Promise.all([acme.close(), beta.close()]);
  await lab.close();
});

const ledger = (tenant: string) =>
  lab.rows(
    `SELECT status, error_kind FROM pipeline_runs WHERE tenant = '${tenant}' AND resource = 'logs' ORDER BY started_at`,
  );
const schedule = async (tenant: string) =>
  (await listSchedules(lab.client, tenant))[0] ?? expect.fail(`no schedule of ${tenant}`);

it('pauses after three refused runs in a row, with the reason; leaves the other tenant alone; goes on when resumed', async () => {
  await lab.startWorker({ acme, beta });
  // A sync by hand that was refused counts: it proves the same.
  expect(await lab.sync('acme', { resources: ['logs'] })).toMatchObject({
    status: 'failed',
    resources: { logs: { error: { kind: 'CredentialsRejected' } } },
  });
  const wanted = wantedSchedules(parseConfig({ SCHEDULE_LOGS: '2s' }).defaults, ['logs']);
  for (const tenant of ['acme', 'beta']) await applySchedules(lab.client, 'lab', tenant, wanted);

  await expect.poll(async () => (await schedule('acme')).paused, { timeout: 60_000 }).toBe(true);
  expect((await schedule('acme')).note).toBe(
    `Paused after 3 runs in a row failed: CredentialsRejected: ${ERRORS.CredentialsRejected.next} Resume with: schedule resume`,
  );
  const refused = await ledger('acme');
  expect(refused).toEqual([1, 2, 3].map(() => ({ status: 'failed', error_kind: 'CredentialsRejected' })));
  // Nothing knocks any more.
  const { takenAt } = (await schedule('acme')).recent.at(-1) ?? expect.fail('it has not run');
  expect(Date.now() - Date.parse(takenAt)).toBeLessThan(60_000);
  expect((await schedule('beta')).paused).toBe(false);
  await expect
    .poll(async () => (await ledger('beta')).filter(({ status }) => status === 'completed').length, {
      timeout: 30_000,
    })
    .toBeGreaterThan(1);
  expect(await ledger('acme')).toHaveLength(3);

  // Resumed too early, it takes one run to be paused again.
  await resumeSchedule(lab.client, scheduleId('acme', 'logs'), 'try again');
  await expect.poll(async () => (await schedule('acme')).paused, { timeout: 30_000 }).toBe(true);
  expect(await ledger('acme')).toHaveLength(4);

  await lab.stopWorker();
  await lab.startWorker({ acme }, { AUTH0_CLIENT_SECRET: SECRET });
  await resumeSchedule(lab.client, scheduleId('acme', 'logs'), 'the secret is right');
  await expect
    .poll(async () => (await ledger('acme')).filter(({ status }) => status === 'completed').length, { timeout: 30_000 })
    .toBeGreaterThan(0);
  expect((await schedule('acme')).paused).toBe(false);
  expect(await lab.column("SELECT log_id FROM logs WHERE tenant = 'acme'")).toEqual(await acme.ids('logs'));

  const good = await readGoodRuns(lab.clickhouse, 'auth0');
  expect(Date.now() - (good('acme', 'logs') ?? 0)).toBeLessThan(60_000);
  expect([good('acme', 'clients'), good('nobody', 'logs')]).toEqual([null, null]);
}, 180_000);

it('does not pause for refusals between good runs, however many', async () => {
  const body = JSON.stringify({ statusCode: 401, error: 'Unauthorized', message: 'Invalid token.' });
  const refusals = async () => (await ledger('acme')).filter(({ error_kind: kind }) => kind === 'TokenRejected').length;
  for (const round of [1, 2, 3, 4]) {
    // The request, and the same with a token that is new.
    await acme.admin('faults', [{ route: 'logs', every: 1, times: 2, action: { status: 401, body } }]);
    await expect.poll(refusals, { timeout: 30_000 }).toBe(round);
    await expect.poll(async () => (await ledger('acme')).at(-1)?.['status'], { timeout: 30_000 }).toBe('completed');
  }
  expect(await schedule('acme')).toMatchObject({ paused: false });
}, 180_000);
