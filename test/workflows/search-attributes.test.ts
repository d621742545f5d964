import { randomUUID } from 'node:crypto';
import { type Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import type { Activities } from '../../src/contracts/activities.js';
import { resourceWorkflowId, scheduledWorkflowId, scheduleId, tenantWorkflowId } from '../../src/contracts/names.js';
import { retryUntilUp } from '../../src/retry-until-up.js';
import { connectTemporal, type TemporalHandle } from '../../src/temporal/connect.js';
import type { TemporalTarget } from '../../src/temporal/connection-options.js';
import { applySchedules } from '../../src/temporal/schedules.js';
import { areRegistered } from '../../src/temporal/search-attributes.js';
import { startSync } from '../../src/temporal/sync-run.js';
import { type WantedSchedule } from '../../src/temporal/wanted.js';
import { connectWorker } from '../../src/temporal/worker-connection.js';
import { type FakeTenant, fakeTenant } from './fake-activities.js';
import { eventsOf, useLab } from './lab.js';
import { createOwnWorker } from './own-worker.js';

const file = useLab();
const hourly: WantedSchedule = {
  schedule: 'logs',
  spec: { kind: 'every', everyMs: 3_600_000 },
  timezone: 'UTC',
  jitterMs: 0,
};
/** A namespace that knows no search attributes of ours. */
const BARE = `bare-${randomUUID()}`;

beforeAll(async () => {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  await connection.workflowService.registerNamespace({
    namespace: BARE,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await connection.close();
  // The server's own copy of its namespaces is renewed every second.
  const attempt = async () => (await connectTemporal(target({ TEMPORAL_NAMESPACE: BARE }))).close();
  await retryUntilUp(attempt, { forMs: 20_000, say: () => {} });
});

const handles: TemporalHandle[] = [];
afterAll(() => Promise.all(handles.map((handle) => handle.close())));

function target(env: Record<string, string> = {}): TemporalTarget {
  const address = inject('temporalAddress');
  return { ...parseConfig({ TEMPORAL_ADDRESS: address, ...env }).temporal, address };
}

async function open(env: Record<string, string> = {}): Promise<TemporalHandle> {
  const handle = await connectTemporal(target(env));
  handles.push(handle);
  return handle;
}

/** The fake tenant with what the worker's own activities add. */
function asWorker(fake: FakeTenant, searchAttributes: boolean): Activities {
  if (!searchAttributes) return fake.activities;
  const known = { searchAttributes: true } as const;
  return {
    ...fake.activities,
    describeTenant: async (input) => ({ ...(await fake.activities.describeTenant(input)), ...known }),
    openRun: async (input) => ({ ...(await fake.activities.openRun(input)), ...known }),
  };
}

async function withWorker(at: TemporalTarget, fake: FakeTenant, body: () => Promise<void>): Promise<void> {
  const own = { ...at, taskQueue: fake.tenant };
  const { connection, searchAttributes } = await connectWorker(own, { forMs: 0, say: () => {} });
  try {
    const worker = await createOwnWorker(connection, own, asWorker(fake, searchAttributes));
    await worker.runUntil(body);
  } finally {
    await connection.close();
  }
}

async function attributesOfRun(client: Client, workflowId: string): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await client.workflow.getHandle(workflowId).describe();
  const ours = typedSearchAttributes.getAll().filter(({ key }) => key.name.startsWith('Auth0'));
  return Object.fromEntries(ours.map(({ key, value }) => [key.name, value]));
}

it('are on every run, started by us or bare, where the namespace has them', async () => {
  const handle = await open();
  expect(handle.searchAttributes).toBe(true);
  const { client } = handle;
  const fake = fakeTenant();
  const { tenant } = fake;
  const of = (resource?: string) => ({ Auth0Tenant: tenant, ...(resource && { Auth0Resource: resource }) });
  await withWorker(target(), fake, async () => {
    await (await startSync(client, tenant, tenant, { resources: ['logs'] }, handle)).end();
    expect(await attributesOfRun(client, tenantWorkflowId(tenant))).toEqual(of());
    expect(await attributesOfRun(client, resourceWorkflowId(tenant, 'logs'))).toEqual(of('logs'));

    const bare = { taskQueue: tenant, args: [{ tenant }] };
    // Under another id it starts the resource's own run as a child; under that id it is the run itself.
    await client.workflow.execute('extractUsers', { ...bare, workflowId: `free-${tenant}` });
    expect(await attributesOfRun(client, resourceWorkflowId(tenant, 'users'))).toEqual(of('users'));
    await client.workflow.execute('extractClients', { ...bare, workflowId: resourceWorkflowId(tenant, 'clients') });
    expect(await attributesOfRun(client, resourceWorkflowId(tenant, 'clients'))).toEqual(of('clients'));
    await client.workflow.execute('extractTenant', { ...bare, workflowId: `bare-${tenant}` });
    expect(await attributesOfRun(client, `bare-${tenant}`)).toEqual(of());

    await applySchedules(client, tenant, tenant, [hourly], handle);
    await client.schedule.getHandle(scheduleId(tenant, 'logs')).trigger();
    const scheduled = () => client.workflow.count(`Auth0Tenant = "${tenant}" AND TemporalScheduledById IS NOT NULL`);
    await expect.poll(async () => (await scheduled()).count).toBe(1);
    for await (const { workflowId } of client.workflow.list({ query: `Auth0Tenant = "${tenant}"` }))
      if (workflowId.startsWith(scheduledWorkflowId(tenant, 'logs')))
        expect(await attributesOfRun(client, workflowId)).toEqual(of('logs'));
  });
  // A run that carries them already is not given them again.
  const events = await eventsOf(file.lab, resourceWorkflowId(tenant, 'logs'));
  expect(events.filter((event) => event.upsertWorkflowSearchAttributesEventAttributes)).toEqual([]);
});

it('are never named where the namespace does not have them, or is not to', async () => {
  for (const env of [{ TEMPORAL_NAMESPACE: BARE }, { TEMPORAL_SEARCH_ATTRIBUTES: 'off' }]) {
    const handle = await open(env);
    expect(handle.searchAttributes).toBe(false);
    const { client } = handle;
    const fake = fakeTenant();
    const { tenant } = fake;
    await withWorker(target(env), fake, async () => {
      const { end } = await startSync(client, tenant, tenant, {}, handle);
      expect(await end()).toMatchObject({ result: { status: 'completed' } });
      await client.workflow.execute('extractLogs', { taskQueue: tenant, workflowId: `free-${tenant}` });
      const ids = [tenantWorkflowId(tenant), resourceWorkflowId(tenant, 'logs'), `free-${tenant}`];
      for (const id of ids) {
        const events = await eventsOf({ client }, id);
        expect(events.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
        expect(await attributesOfRun(client, id)).toEqual({});
      }
      const apply = () => applySchedules(client, tenant, tenant, [hourly], handle);
      expect([await apply(), await apply()]).toMatchObject([[{ action: 'created' }], [{ action: 'unchanged' }]]);
    });
  }
});

it('come to a schedule with the next apply, once they are registered', async () => {
  const [off, on] = [await open({ TEMPORAL_SEARCH_ATTRIBUTES: 'off' }), await open()];
  const { tenant } = fakeTenant();
  const wanted = [{ ...hourly, schedule: 'users' } as const];
  const actions = [];
  for (const handle of [off, on, on, off])
    actions.push((await applySchedules(handle.client, 'nobody-polls', tenant, wanted, handle))[0]?.action);
  expect(actions).toEqual(['created', 'updated', 'unchanged', 'updated']);
});

it('can be demanded, which a namespace without them refuses with what to do', async () => {
  await expect(open({ TEMPORAL_NAMESPACE: BARE, TEMPORAL_SEARCH_ATTRIBUTES: 'on' })).rejects.toThrow(
    /TEMPORAL_SEARCH_ATTRIBUTES is on, .* register them with temporal operator search-attribute create/,
  );
  expect((await open({ TEMPORAL_SEARCH_ATTRIBUTES: 'on' })).searchAttributes).toBe(true);
});

it('are registered only as keywords, and both', () => {
  const both = { Auth0Tenant: 2, Auth0Resource: 2 };
  const aliases = { Keyword01: 'Auth0Tenant', Keyword07: 'Auth0Resource' };
  expect(areRegistered({ aliases: {}, types: both })).toBe(true);
  expect(areRegistered({ aliases, types: null })).toBe(true);
  expect(areRegistered({ aliases: { Keyword01: 'Auth0Tenant' }, types: { Auth0Resource: 2 } })).toBe(true);
  expect(areRegistered({ aliases: { ...aliases, Keyword07: 'Other' }, types: null })).toBe(false);
  expect(areRegistered({ aliases: { Text01: 'Auth0Tenant', Keyword07: 'Auth0Resource' }, types: null })).toBe(false);
  expect(areRegistered({ aliases: {}, types: { ...both, Auth0Tenant: 1 } })).toBe(false);
  expect(areRegistered({ aliases: {}, types: {} })).toBe(false);
});
