import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { resultOfFailure, tenantResultOfFailure } from '../../src/contracts/failure-details.js';
import { errorOfFailure } from '../../src/contracts/failure.js';
import { RESOURCES, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { fakeTenant, gate, held, onePage, pagesOf } from './fake-activities.js';
import { endOf, eventsOf, useLab } from './lab.js';

const file = useLab();

it('runs the three resources side by side, each under its own id', async () => {
  const allThere = gate();
  const there = new Set<string>();
  const fake = fakeTenant({
    async fetchPages({ resource, cursor, block }) {
      // One after the other they would never all be here.
      if (there.add(resource).size === RESOURCES.length) allThere.open();
      await held(allThere);
      return onePage(cursor, block, 2);
    },
  });
  const workflowId = tenantWorkflowId(fake.tenant);
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const result = await (await start('extractTenant', workflowId)).result();
    expect(result).toEqual({
      version: 1,
      tenant: fake.tenant,
      status: 'completed',
      resources: {
        logs: expect.objectContaining({ resource: 'logs', status: 'completed', rows: 200 }),
        users: expect.objectContaining({ resource: 'users', status: 'completed', rows: 200 }),
        clients: expect.objectContaining({ resource: 'clients', status: 'completed', rows: 200 }),
      },
    });
    expect(Object.keys(result.resources)).toEqual(RESOURCES);
    const children = await Promise.all(
      RESOURCES.map((resource) => client.workflow.getHandle(resourceWorkflowId(fake.tenant, resource)).describe()),
    );
    expect(children.map(({ type, parentExecution }) => [type, parentExecution?.workflowId])).toEqual([
      ['extractLogs', workflowId],
      ['extractUsers', workflowId],
      ['extractClients', workflowId],
    ]);
  });
  expect(fake.inputs('describeTenant')).toEqual([{}]);
  expect(fake.inputs('awaitRun')).toEqual([]);
});

it('lets the others complete when resources fail, and fails with all results', async () => {
  const refused = ApplicationFailure.nonRetryable('The scope read:logs is missing', 'InsufficientScope');
  const stuck = ApplicationFailure.nonRetryable('The same page again', 'SourceStuck');
  const fake = fakeTenant({
    async fetchPages(input) {
      if (input.resource === 'logs') throw refused;
      if (input.resource === 'users' && input.block === 1) throw stuck;
      return pagesOf(3)(input);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const { cause } = await endOf(await start('extractTenant', tenantWorkflowId(fake.tenant)));
    expect(errorOfFailure(cause)).toEqual({
      kind: 'InsufficientScope',
      message: 'logs unavailable: The scope read:logs is missing\nusers failed: The same page again',
    });
    const error = (kind: string, message: string) => ({ error: { kind, message } });
    expect(tenantResultOfFailure(cause)).toMatchObject({
      status: 'failed',
      resources: {
        logs: { status: 'unavailable', rows: 0, ...error('InsufficientScope', 'The scope read:logs is missing') },
        // What was copied before the failure stays told.
        users: { status: 'failed', rows: 100, cursor: 'page 1', ...error('SourceStuck', 'The same page again') },
        clients: { status: 'completed', rows: 300 },
      },
    });
  });
  const ends = fake
    .inputs('closeRun')
    .map(({ result: { resource, status, error } }) => `${resource} ${status} ${error?.kind ?? 'well'}`);
  expect(ends.sort()).toEqual([
    'clients completed well',
    'logs unavailable InsufficientScope',
    'users failed SourceStuck',
  ]);
});

it('tells of a resource that could not even be opened', async () => {
  const fake = fakeTenant({
    openRun: async () => {
      throw ApplicationFailure.nonRetryable('--from x is neither a log id nor a date', 'Configuration');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const alone = await endOf(await start('extractLogs', resourceWorkflowId(fake.tenant, 'logs')));
    const error = { kind: 'Configuration', message: '--from x is neither a log id nor a date' };
    expect(resultOfFailure(alone.cause)).toMatchObject({ resource: 'logs', status: 'failed', mode: null, error });
    const input = { resources: ['logs' as const] };
    const { cause } = await endOf(await start('extractTenant', tenantWorkflowId(fake.tenant), input));
    expect(tenantResultOfFailure(cause)?.resources).toEqual({
      logs: expect.objectContaining({ tenant: fake.tenant, status: 'failed', rows: 0, error }),
    });
  });
  // There is no ledger row to close.
  expect(fake.inputs('closeRun')).toEqual([]);
});

it('starts no resource when the tenant is unknown', async () => {
  const fake = fakeTenant({
    describeTenant: async () => {
      throw ApplicationFailure.nonRetryable('The worker knows no tenant "x"', 'Configuration');
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const { cause } = await endOf(await start('extractTenant', tenantWorkflowId(fake.tenant), { tenant: 'x' }));
    expect(errorOfFailure(cause)).toEqual({ kind: 'Configuration', message: 'The worker knows no tenant "x"' });
    expect(tenantResultOfFailure(cause)).toBeUndefined();
  });
  expect(fake.calls.map(({ name }) => name)).toEqual(['describeTenant']);
});

it('runs only the resources that were asked for, else those that the worker has', async () => {
  const fake = fakeTenant({ describeTenant: async () => ({ tenant: fake.tenant, resources: ['clients', 'logs'] }) });
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const all = await (await start('extractTenant', `${fake.tenant}-all`)).result();
    expect(Object.keys(all.resources)).toEqual(['clients', 'logs']);
    const one = await (await start('extractTenant', `${fake.tenant}-one`, { resources: ['clients'] })).result();
    expect(Object.keys(one.resources)).toEqual(['clients']);
  });
});

it('goes on when one child is cancelled or terminated by hand', async () => {
  const done = gate();
  const fake = fakeTenant({
    async fetchPages({ resource, cursor, block }) {
      await held(resource === 'clients' ? done : gate());
      return onePage(cursor, block, 1);
    },
  });
  await file.lab.withWorker(fake.activities, async ({ start, client }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(3);
    const logs = client.workflow.getHandle(resourceWorkflowId(fake.tenant, 'logs'));
    const users = client.workflow.getHandle(resourceWorkflowId(fake.tenant, 'users'));
    await logs.cancel();
    await users.terminate('by hand');
    await endOf(logs);
    await endOf(users);
    done.open();
    const { cause } = await endOf(parent);
    expect(tenantResultOfFailure(cause)).toMatchObject({
      status: 'failed',
      resources: { logs: { status: 'cancelled' }, users: { status: 'failed' }, clients: { status: 'completed' } },
    });
    expect((await eventsOf(file.lab, parent.workflowId)).at(-1)?.workflowExecutionFailedEventAttributes).toBeTruthy();
  });
  const ends = fake.inputs('closeRun').map(({ result }) => `${result.resource} ${result.status}`);
  // A terminated run cannot say anything any more.
  expect(ends.sort()).toEqual(['clients completed', 'logs cancelled']);
});
