import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EndlessTenant, startEndlessTenant } from '../support/endless-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

// Sources without an end: what came stands, the run ends by name, and the other resources go on.

const clientsOf = (n: number) => Array.from({ length: 100 }, (_, i) => ({ client_id: `c${n * 100 + i}`, name: 'c' }));
const usersOf = (n: number) =>
  Array.from({ length: 100 }, (_, i) => ({
    user_id: `auth0|${n * 100 + i}`,
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
  }));
const pageOf = (query: URLSearchParams) => Number(query.get('page') ?? '0');

let lab: Lab;
const tenants = new Map<string, EndlessTenant>();

beforeAll(async () => {
  lab = await startLab();
  const add = async (name: string, ...given: Parameters<typeof startEndlessTenant>) =>
    tenants.set(name, await startEndlessTenant(...given));
  const endings = ['A', 'B'];
  await add('next', {
    clients: (_query, n) => ({ clients: clientsOf(n % 2), next: endings[n % 2] }),
    users: () => ({ users: usersOf(0).slice(0, 5), total: 5 }),
  });
  await add('pages', { clients: (query) => ({ clients: clientsOf(pageOf(query) % 2) }) });
  await add('counted', { clients: (query) => ({ clients: clientsOf(pageOf(query) % 2), total: 200 }) });
  await add('random', {
    // No two pages are alike, and none brings anybody new.
    clients: (_query, n) => ({
      clients: clientsOf(0)
        .toSorted(
          (a, b) => ((Number(a.client_id.slice(1)) * 31 + n) % 97) - ((Number(b.client_id.slice(1)) * 31 + n) % 97),
        )
        .slice(0, 50 + (n % 37)),
      next: `next-${n}`,
    }),
  });
  await add('users', { users: (query) => ({ users: usersOf(pageOf(query) % 2) }) });
  await add(
    'export',
    {
      users: () => ({ users: usersOf(0), total: 2_000 }),
      clients: () => ({ clients: clientsOf(0).slice(1), total: 99 }),
    },
    JSON.stringify({ user_id: 'auth0|1', updated_at: '2026-01-01T00:00:00.000Z' }),
  );
  await lab.startWorker(Object.fromEntries(tenants));
}, 120_000);
afterAll(async () => {
  await lab.close();
  await Promise.all([...tenants.values()].map((tenant) => tenant.close()));
});

const held = async (name: string, resource: string) =>
  (await lab.rows(`SELECT count() AS n FROM ${resource} WHERE tenant = '${name}'`))[0]?.['n'];

it.each(['next', 'pages', 'random'])(
  'ends clients by name, and keeps what came (%s)',
  async (name) => {
    const { status, resources } = await lab.sync(name);
    expect(status).toBe('failed');
    expect(resources.clients).toMatchObject({ status: 'failed', error: { kind: 'SourceStuck' }, deleted: 0 });
    expect(resources.users?.status).toBe('completed');
    expect(resources.logs?.status).toBe('completed');
    expect(await held(name, 'clients')).toBe(name === 'random' ? '100' : '200');
  },
  60_000,
);

it('completes where pages go in a circle and hold as many as are counted', async () => {
  const { resources } = await lab.sync('counted');
  expect(resources.clients).toMatchObject({ status: 'completed', visible: 200, deleted: 0 });
  expect(resources.clients?.warnings.join()).toContain('in a circle');
}, 60_000);

it('ends users by name whose pages go in a circle and who cannot be exported', async () => {
  const { resources } = await lab.sync('users');
  expect(resources.users).toMatchObject({ status: 'unavailable', error: { kind: 'InsufficientScope' } });
  expect(resources.users?.warnings.join()).toContain('in a circle');
  expect(await held('users', 'users')).toBe('200');
}, 60_000);

it('ends an export by name that repeats its users for ever', async () => {
  const { resources } = await lab.sync('export');
  expect(resources.users).toMatchObject({ status: 'failed', error: { kind: 'SourceStuck' }, deleted: 0 });
  expect(resources.clients?.status).toBe('completed');
  expect(await held('export', 'users')).toBe('1');
}, 60_000);
