import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Lab, startLab } from '../support/lab.js';
import { type LargeRecords, type LargeTenant, logIdOf, startLargeTenant } from '../support/large-tenant.js';

let lab: Lab;
let tenant: LargeTenant;
beforeAll(async () => {
  lab = await startLab();
}, 120_000);
afterEach(async () => {
  await lab.stopWorker();
  await tenant.close();
});
afterAll(() => lab.close());

/** What a page may have here, in place of what a worker takes. */
const MAX_BYTES = 100_000;
const TOO_LARGE = 300_000;
const LARGE = 7;
const records = Array.from({ length: 30 }, (_record, n) => (n === LARGE ? TOO_LARGE : 10));
const others = (key: (n: number) => string) => records.map((_bytes, n) => key(n)).filter((_key, n) => n !== LARGE);

async function sync(name: string, given: LargeRecords) {
  tenant = await startLargeTenant(given);
  await lab.startWorker({ [name]: tenant }, {}, { maxPageBytes: MAX_BYTES });
  return lab.sync(name);
}

it('copies all but what is too large, and names that', async () => {
  const name = 'too-large';
  const { status, resources } = await sync(name, { users: records, clients: records, logs: records });
  expect(status).toBe('completed');
  const counts = { status: 'completed', visible: 29, lost: 1, deleted: 0 };
  expect(resources).toMatchObject({ users: counts, clients: counts, logs: counts });
  const said = (of: string) => `${of} is too large to be read, and was left out (named in pipeline_gaps)`;
  expect(resources.logs?.warnings).toContain(said(`logs: ${logIdOf(LARGE)}`));
  expect(resources.clients?.warnings).toContain(said(`clients: client-${LARGE}`));
  // The id of a user can be an e-mail address.
  expect(resources.users?.warnings).toContain(said('users: a record'));
  expect(await lab.column(`SELECT user_id FROM users WHERE tenant = '${name}'`)).toEqual(
    others((n) => `auth0|u${n}`).sort(),
  );
  expect(await lab.column(`SELECT client_id FROM clients WHERE tenant = '${name}'`)).toEqual(
    others((n) => `client-${n}`).sort(),
  );
  expect(await lab.column(`SELECT log_id FROM logs WHERE tenant = '${name}'`)).toEqual(others(logIdOf).sort());
  expect(
    await lab.rows(`SELECT resource, gap_from, gap_to FROM pipeline_gaps WHERE tenant = '${name}' ORDER BY resource`),
  ).toEqual(
    [
      ['clients', `client-${LARGE}`],
      ['logs', logIdOf(LARGE)],
      ['users', `auth0|u${LARGE}`],
    ].map(([resource, key]) => ({
      resource,
      gap_from: key,
      gap_to: key,
    })),
  );
  const ledger = `SELECT arrayStringConcat(warnings, ' ') AS text FROM pipeline_runs WHERE tenant = '${name}' AND resource = 'logs'`;
  expect((await lab.column(ledger)).join(' ')).toContain(said(`logs: ${logIdOf(LARGE)}`));
  // The next run is behind it.
  expect((await lab.sync(name, { resources: ['logs'] })).status).toBe('completed');
}, 120_000);

it('reads an export to its end past a line that is too long', async () => {
  const name = 'long-line';
  const line = (n: number, text = ''): string =>
    JSON.stringify({ user_id: `auth0|u${n}`, updated_at: '2026-01-01T00:00:00.000Z', user_metadata: { text } });
  const exportLines = records.map((bytes, n) => line(n, 'x'.repeat(bytes)));
  // More than can be taken at once, however few are asked for.
  const users = Array.from({ length: 30 }, () => 10_000);
  const { resources } = await sync(name, { users, unpaged: true, exportLines });
  expect(resources.users).toMatchObject({ status: 'completed', mode: 'users-export', lost: 1, deleted: 0 });
  expect(await lab.column(`SELECT user_id FROM users WHERE tenant = '${name}'`)).toEqual(
    others((n) => `auth0|u${n}`).sort(),
  );
}, 120_000);
