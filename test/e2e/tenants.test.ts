import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';

let lab: Lab;
const open: EmulatedTenant[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(async () => {
  await lab.close();
  await Promise.all(open.map((tenant) => tenant.close()));
});

async function tenantOf(options: Parameters<typeof startTenant>[0]): Promise<EmulatedTenant> {
  const tenant = await startTenant(options);
  open.push(tenant);
  return tenant;
}

/** Everything that a tenant has is held under its name, and nothing else is. */
async function expectCopied(name: string, tenant: EmulatedTenant, resources = ['logs', 'users', 'clients']) {
  for (const resource of resources) {
    const key = { logs: 'log_id', users: 'user_id' }[resource] ?? 'client_id';
    const held = await lab.column(`SELECT ${key} FROM ${resource} WHERE tenant = '${name}'`);
    expect(held, `${resource} of ${name}`).toEqual(await tenant.ids(resource));
  }
}

describe('tenants that one worker serves', () => {
  it('go each at their own pace, and each has its rows under its own name', async () => {
    const slow = await tenantOf({
      seed: 1,
      logs: 900,
      users: 30,
      clients: 3,
      rateLimit: { requestsPerSecond: 2, burst: 2 },
    });
    const fast = await tenantOf({
      seed: 2,
      logs: 4_000,
      users: 70,
      clients: 7,
      rateLimit: { requestsPerSecond: 50, burst: 50 },
    });
    await lab.startWorker({ slow, fast }, { AUTH0_RATE_HEADROOM: '0' });
    const ended: string[] = [];
    const results = await Promise.all(
      ['slow', 'fast'].map(async (name) => {
        const result = await lab.sync(name);
        ended.push(name);
        return result;
      }),
    );
    expect(results.map(({ tenant, status }) => `${tenant} ${status}`)).toEqual(['slow completed', 'fast completed']);
    await expectCopied('slow', slow);
    await expectCopied('fast', fast);

    // The slow one's waits are its own: the other has fetched five times as much before it is done.
    expect(ended).toEqual(['fast', 'slow']);
    const { slow: slowMs = 0, fast: fastMs = 0 } = Object.fromEntries(
      results.map(({ tenant, resources }) => [tenant, resources.logs?.durationMs]),
    );
    // 14 requests in all, 2 of them at once, 2 a second.
    expect(slowMs).toBeGreaterThan(3_000);
    expect(fastMs).toBeLessThan(slowMs);
    await lab.stopWorker();
  });

  it('are whole where another one has a wrong secret, or is away', async () => {
    const whole = await tenantOf({ seed: 3, logs: 1_200, users: 40, clients: 4 });
    const locked = await tenantOf({ seed: 4, logs: 300, users: 10, clients: 2, clientSecret: 'another' });
    const away = await tenantOf({ seed: 5, logs: 300, users: 10, clients: 2 });
    await away.close();
    await lab.startWorker({ whole, locked, away });
    const stopped = lab.client.workflow.start('extractTenant', {
      taskQueue: 'lab',
      workflowId: 'lab/away',
      args: [{ tenant: 'away' }],
    });
    const refused = lab.sync('locked');
    const done = await lab.sync('whole');
    expect(done.status).toBe('completed');
    await expectCopied('whole', whole);

    const { resources } = await refused;
    expect(Object.values(resources).map(({ error }) => error?.kind)).toEqual([
      'CredentialsRejected',
      'CredentialsRejected',
      'CredentialsRejected',
    ]);
    // It is still being tried, and takes nothing from the others.
    expect((await (await stopped).describe()).status.name).toBe('RUNNING');
    await (await stopped).terminate();
    const foreign = await lab.column("SELECT count() FROM logs WHERE tenant IN ('locked', 'away')");
    expect(foreign).toEqual(['0']);
    await lab.stopWorker();
  });
});
