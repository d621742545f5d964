import { afterEach, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillPath, matchPath } from '../../../src/emulator/objects/endpoint.js';
import { bodyOf, startTestTenant, type TestTenant } from './tenant-client.js';

type Row = Record<string, unknown> & { id: string };

let tenant: TestTenant | undefined;
afterEach(async () => {
  await tenant?.emulator.close();
});

const start = async (options: Parameters<typeof startTestTenant>[0] = {}): Promise<TestTenant> => {
  tenant = await startTestTenant({ roles: 5, organizations: 40, membersPerOrganization: 130, ...options });
  return tenant;
};

interface Page {
  next?: string;
  organizations?: Row[];
  members?: Row[];
  widgets?: Row[];
}

/** All rows by checkpoint, so many at a time. */
async function walk(from: TestTenant, path: string, list: Exclude<keyof Page, 'next'>, take: number): Promise<Row[]> {
  const rows: Row[] = [];
  const [base, query = ''] = path.split('?');
  let position: string | undefined = '';
  while (position !== undefined) {
    const page: Page = await from.json(`${base}?${query}&take=${take}${position}`);
    rows.push(...(page[list] ?? []));
    position = page.next === undefined ? undefined : `&from=${encodeURIComponent(page.next)}`;
  }
  return rows;
}

const change = async (from: TestTenant, body: unknown): Promise<Response> =>
  fetch(`${from.emulator.origin}/_emulator/objects`, { method: 'POST', body: JSON.stringify(body) });
const dump = async (from: TestTenant, path: string): Promise<Row[]> => {
  const response = await fetch(`${from.emulator.origin}/_emulator/objects?path=${encodeURIComponent(path)}`);
  return (await bodyOf<{ records: Row[] }>(response)).records;
};

describe('organizations', () => {
  it('come by pages and by checkpoint, the same in both', async () => {
    const own = await start();
    const byCheckpoint = await walk(own, '/api/v2/organizations', 'organizations', 7);
    const byPage = await own.json<{ organizations: Row[]; total: number }>(
      '/api/v2/organizations?page=0&per_page=100&include_totals=true',
    );
    expect(byCheckpoint).toHaveLength(40);
    expect(byPage).toMatchObject({ total: 40, organizations: byCheckpoint });
    expect(await own.json('/api/v2/organizations?per_page=100')).toEqual(byCheckpoint);
    const [first] = byCheckpoint;
    expect(await own.json(`/api/v2/organizations/${first?.id}`)).toEqual(first);
  });

  it('keep a cursor where it was when one before it is deleted', async () => {
    const own = await start();
    const all = await walk(own, '/api/v2/organizations', 'organizations', 100);
    const page = await own.json<{ next: string }>('/api/v2/organizations?take=10');
    await change(own, { path: '/api/v2/organizations', remove: [all[3]?.id, all[20]?.id] });
    const rest = await own.json<{ organizations: Row[] }>(`/api/v2/organizations?take=100&from=${page.next}`);
    expect(rest.organizations).toEqual(all.filter((_, index) => index >= 10 && index !== 20));
  });

  it('take their members with them', async () => {
    const own = await start();
    const [first] = await walk(own, '/api/v2/organizations', 'organizations', 100);
    const members = `/api/v2/organizations/${first?.id}/members`;
    expect((await own.get(members)).status).toBe(200);
    await change(own, { path: '/api/v2/organizations', remove: [first?.id] });
    for (const path of [members, `/api/v2/organizations/${first?.id}`]) expect((await own.get(path)).status).toBe(404);
  });
});

describe('members', () => {
  it('are users of the tenant, of 0 to so many as were asked for', async () => {
    const own = await start();
    const users = new Set<unknown>();
    for (let page = 0; page < 3; page++)
      for (const { user_id } of await own.json<Row[]>(`/api/v2/users?page=${page}&per_page=100`)) users.add(user_id);
    const sizes: number[] = [];
    for (const { id } of await walk(own, '/api/v2/organizations', 'organizations', 100)) {
      const members = await walk(own, `/api/v2/organizations/${id}/members`, 'members', 50);
      expect(members.filter(({ user_id }) => !users.has(user_id))).toEqual([]);
      expect(new Set(members.map(({ user_id }) => user_id)).size).toBe(members.length);
      sizes.push(members.length);
    }
    expect(Math.max(...sizes)).toBeGreaterThan(100);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(130);
    expect(Math.min(...sizes)).toBeLessThan(10);
  });

  it('show their roles only where they are named, and only with the scope for it', async () => {
    const own = await start();
    const organizations = await walk(own, '/api/v2/organizations', 'organizations', 100);
    const paths = organizations.map(({ id }) => `/api/v2/organizations/${id}/members`);
    const rows: Row[] = [];
    for (const path of paths) {
      for (const row of await walk(own, path, 'members', 100)) expect(row).not.toHaveProperty('roles');
      rows.push(...(await walk(own, `${path}?fields=user_id,roles`, 'members', 100)));
    }
    expect(new Set(rows.flatMap((row) => Object.keys(row)))).toEqual(new Set(['user_id', 'roles']));
    expect(rows.flatMap(({ roles }) => roles)[0]).toEqual({ id: expect.any(String), name: expect.any(String) });
    await fetch(`${own.emulator.origin}/_emulator/config`, {
      method: 'POST',
      body: JSON.stringify({ scopes: ['read:organization_members'], revokeTokens: true }),
    });
    const { access_token: token } = await bodyOf<{ access_token: string }>(await own.tokenAnswer());
    const headers = { authorization: `Bearer ${token}` };
    const statusOf = async (query: string) => (await own.get(`${paths[0]}${query}`, headers)).status;
    expect([await statusOf(''), await statusOf('?fields=user_id,roles')]).toEqual([200, 403]);
  });
});

describe('roles', () => {
  it('show those of organizations unless the tenant’s are asked for', async () => {
    const own = await start();
    const all = await own.json<Row[]>('/api/v2/roles?per_page=100');
    const tenants = await own.json<Row[]>('/api/v2/roles?per_page=100&type=tenant');
    expect([all.length, tenants.length]).toEqual([7, 5]);
    expect(JSON.stringify(all)).not.toContain('_type');
  });
});

describe('objects that a test brings', () => {
  const define = {
    name: 'widgets',
    path: '/api/v2/shops/{shop_id}/widgets',
    list: 'widgets',
    key: 'id',
    anyScope: ['read:roles'],
    paging: 'checkpoint',
  };

  it('are served like the others', async () => {
    const own = await start();
    expect((await own.get('/api/v2/shops/a%7Cb/widgets')).status).toBe(404);
    const put = Array.from({ length: 25 }, (_, index) => ({ id: `w${index}`, size: index }));
    expect((await change(own, { define, path: '/api/v2/shops/a%7Cb/widgets', put })).status).toBe(200);
    expect(await walk(own, '/api/v2/shops/a%7Cb/widgets', 'widgets', 10)).toEqual(put);
    await change(own, { path: '/api/v2/shops/a%7Cb/widgets', put: [{ id: 'w3', size: 99 }], remove: ['w4'] });
    const records = await dump(own, '/api/v2/shops/a%7Cb/widgets');
    expect(records).toHaveLength(24);
    expect(records[3]).toEqual({ id: 'w3', size: 99 });
  });

  it('are refused where there is no such list', async () => {
    const own = await start();
    expect((await change(own, { path: '/api/v2/nothing', put: [] })).status).toBe(404);
    expect((await change(own, { paths: 1 })).status).toBe(400);
  });
});

it('keeps what was changed over a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'objects-'));
  const stateFile = join(folder, 'tenant.json');
  const first = await start({ stateFile });
  const [role] = await dump(first, '/api/v2/roles');
  const renamed = { ...role, name: 'Renamed' };
  await change(first, { path: '/api/v2/roles', put: [renamed] });
  const before = await dump(first, '/api/v2/roles');
  await first.emulator.close();
  const again = await start({ stateFile, roles: 1, organizations: 1 });
  expect(await dump(again, '/api/v2/roles')).toEqual(before);
  expect(before[0]).toEqual(renamed);
  await rm(folder, { recursive: true });
});

it.each([
  ['/a/{x}/b/{y}', '/a/1%7C2/b/3', ['1|2', '3']],
  ['/a/{x}', '/a/1/2', undefined],
  ['/a/{x}', '/a/', undefined],
  ['/a', '/a', []],
] as const)('matches %s with %s', (template, path, parameters) => {
  expect(matchPath(template, path)).toEqual(parameters);
  if (parameters !== undefined) expect(fillPath(template, parameters)).toBe(path);
});
