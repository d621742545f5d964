import { gunzipSync } from 'node:zlib';

import { ManagementClient } from 'auth0';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startEmulator, type Emulator } from '../../src/emulator/emulator.js';
import { emulatorDefaults } from '../../src/emulator/options.js';

// The SDK speaks https only; loopback is served plain.
const plainFetch: typeof fetch = async (input, init) => {
  const url = input instanceof URL ? input.href : typeof input === 'string' ? input : input.url;
  return fetch(url.replace(/^https:/, 'http:'), init);
};

describe('the official SDK', () => {
  let emulator: Emulator;
  let sdk: ManagementClient;

  beforeAll(async () => {
    emulator = await startEmulator({ users: 230, clients: 70, logs: 200, exportJobMs: 300 });
    const { clientId, clientSecret } = emulatorDefaults;
    sdk = new ManagementClient({ domain: `127.0.0.1:${emulator.port}`, clientId, clientSecret, fetch: plainFetch });
  });

  afterAll(async () => {
    await emulator.close();
  });

  it('pages through the users with one token', async () => {
    const ids: (string | undefined)[] = [];
    for await (const user of await sdk.users.list({ per_page: 100 })) ids.push(user.user_id);
    expect(new Set(ids).size).toBe(230);
    const [first] = ids;
    expect((await sdk.users.get(first ?? '')).user_id).toBe(first);
    expect(emulator.stats().tokensMinted).toBe(1);
  });

  it('pages through the clients', async () => {
    const names: (string | undefined)[] = [];
    for await (const client of await sdk.clients.list()) names.push(client.name);
    expect(names).toHaveLength(70);
    expect(names).toContain('All Applications');
  });

  it('pages through roles, organizations and their members', async () => {
    const organizations: (string | undefined)[] = [];
    for await (const { id } of await sdk.organizations.list({ take: 15 })) organizations.push(id);
    expect(organizations).toHaveLength(40);
    let members = 0;
    for (const id of organizations)
      for await (const { user_id } of await sdk.organizations.members.list(id ?? '', { take: 10 }))
        members += user_id === undefined ? 0 : 1;
    expect(members).toBeGreaterThan(200);
    const roles: (string | undefined)[] = [];
    for await (const { id } of await sdk.roles.list({ per_page: 5 })) roles.push(id);
    expect(new Set(roles).size).toBe(14);
  });

  it('searches the logs', async () => {
    const page = await sdk.logs.list({ per_page: 10, sort: 'date:-1' });
    expect(page.data).toHaveLength(10);
  });

  it('makes an export and follows it to its file', async () => {
    const job = await sdk.jobs.usersExports.create({
      format: 'json',
      fields: [{ name: 'user_id' }, { name: 'email' }],
    });
    expect(job).toMatchObject({ status: 'pending', type: 'users_export' });
    let state = await sdk.jobs.get(job.id ?? '');
    while (state.status !== 'completed') {
      await new Promise((resolve) => setTimeout(resolve, 50));
      state = await sdk.jobs.get(job.id ?? '');
    }
    const file = await fetch(state.location ?? '');
    const text = gunzipSync(Buffer.from(await file.arrayBuffer())).toString('utf8');
    expect(text.trimEnd().split('\n')).toHaveLength(230);
  });

  it('knows the errors for what they are', async () => {
    await expect(sdk.users.get('auth0|nobody')).rejects.toMatchObject({ statusCode: 404 });
  });
});
