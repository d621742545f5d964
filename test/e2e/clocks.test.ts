import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EmulatorOptions } from '../../src/emulator/main.js';
import { emulatedTenants } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

// Three clocks: the one that writes updated_at, that of the Date header, and ours. None of them has to be right.

const HOUR = 3_600_000;
const off = (hours: number) => () => Date.now() + hours * HOUR;
const TENANTS: Record<string, EmulatorOptions> = {
  'date-ahead': { dateAheadMs: 2 * HOUR },
  'date-behind': { dateAheadMs: -2 * HOUR },
  'no-date': { clock: off(-2), dateAheadMs: null },
  'all-behind': { clock: off(-2) },
  'all-ahead': { clock: off(2) },
};

let lab: Lab;
const tenants = emulatedTenants();

beforeAll(async () => {
  lab = await startLab();
  for (const [name, options] of Object.entries(TENANTS))
    await tenants.add(name, { seed: 5, logs: 0, users: 40, clients: 0, ...options });
  await lab.startWorker(tenants.byName);
}, 120_000);
afterAll(async () => {
  await lab.close();
  await tenants.close();
});

it.each(Object.keys(TENANTS))('changed users are found, and deletes noticed: %s', async (name) => {
  const tenant = tenants.of(name);
  const sync = async (full = false) => (await lab.sync(name, { resources: ['users'], full })).resources.users;
  const first = await sync();
  expect(first?.status).toBe('completed');
  if (name.startsWith('date-')) expect(first?.warnings.join()).toContain('120 min');
  for (let run = 0; run < 3; run++) {
    await tenant.admin('users', { touch: 3, add: 2 });
    expect(await sync()).toMatchObject({ status: 'completed', mode: 'users-changed' });
    const sent = await tenant.raw('users');
    const held = await lab.rows(`SELECT user_id AS id, raw FROM users WHERE tenant = '${name}' AND empty(redacted)`);
    for (const { id = '', raw = '' } of held)
      expect(JSON.parse(raw)).toMatchObject({ updated_at: JSON.parse(sent.get(id) ?? '{}').updated_at });
    expect(await lab.column(`SELECT user_id FROM users WHERE tenant = '${name}'`)).toEqual(await tenant.ids('users'));
  }
  await tenant.admin('users', { remove: 4 });
  expect(await sync(true)).toMatchObject({ status: 'completed', deleted: 4 });
});
