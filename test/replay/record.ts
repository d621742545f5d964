import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, it } from 'vitest';
import { awaitRun } from '../../src/activities/await-run.js';
import { atActivityEdge } from '../../src/activities/failure.js';
import { PAUSE_UPDATE, RESUME_UPDATE } from '../../src/contracts/control.js';
import { backfillWorkflowId, PROGRESS_QUERY, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { noCounts, type Progress } from '../../src/contracts/types.js';
import { programVersion } from '../../src/version.js';
import { fakeTenant, gate, held, onePage, pagesOf, soonRetried } from '../workflows/fake-activities.js';
import { endOf, useLab } from '../workflows/lab.js';

// Records what the workflows do now on a real server, for later versions to be replayed against. README.md says when.
const file = useLab();

/** Writes the history of one execution; refuses to replace one that a release may depend on. */
async function keep(name: string, workflowId: string, runId?: string): Promise<void> {
  const target = fileURLToPath(new URL(`histories/${programVersion()}-${name}.json`, import.meta.url));
  if (existsSync(target)) throw new Error(`${target} exists: recorded histories are not replaced`);
  const history = await file.lab.client.workflow.getHandle(workflowId, runId).fetchHistory();
  const json: unknown = JSON.parse(historyToJSON(history), (key, value: unknown) =>
    // The folders of the machine that recorded it.
    key === 'stackTrace' ? '' : value,
  );
  await writeFile(target, `${JSON.stringify(json, null, 1)}\n`);
}

it('a sync of three resources', async () => {
  const fake = fakeTenant({}, 'example-sync');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractTenant', tenantWorkflowId(fake.tenant))).result();
  });
  await keep('tenant', tenantWorkflowId(fake.tenant));
  await keep('clients', resourceWorkflowId(fake.tenant, 'clients'));
  await keep('users-pages', resourceWorkflowId(fake.tenant, 'users'));
});

it('a sync of which one resource fails', async () => {
  const fake = fakeTenant(
    {
      async fetchPages(input) {
        if (input.resource !== 'logs') return pagesOf(2)(input);
        throw ApplicationFailure.nonRetryable('The scope read:logs is missing', 'InsufficientScope');
      },
    },
    'example-partly-failed',
  );
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await endOf(await start('extractTenant', tenantWorkflowId(fake.tenant)));
  });
  await keep('tenant-failed', tenantWorkflowId(fake.tenant));
  await keep('logs-failed', resourceWorkflowId(fake.tenant, 'logs'));
});

it('logs, several activities, one of them retried', async () => {
  let tries = 0;
  const fake = fakeTenant(
    {
      async fetchPages(input) {
        if (input.block === 2 && tries++ === 0) throw soonRetried('TenantUnavailable', 'HTTP 503');
        return pagesOf(5)(input);
      },
    },
    'example-logs',
  );
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractLogs', workflowId, { pagesPerActivity: 2 })).result();
  });
  await keep('logs', workflowId);
});

it('logs that continue as new', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(4) }, 'example-continued');
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractLogs', workflowId, { activitiesPerRun: 2 })).result();
  });
  await keep('logs-continued', workflowId, fake.inputs('openRun')[0]?.runId);
  await keep('logs-continuation', workflowId);
});

it('users by an export of which one job is lost, one wait and one load cut short', async () => {
  const outcomes = ['gone', 'pending', 'completed'] as const;
  let waits = 0;
  let jobs = 0;
  const fake = fakeTenant(
    {
      fetchPages: async ({ cursor, block }) => ({
        ...onePage(cursor, block, 20, true),
        ...(block === 1 && { switchTo: 'users-export' }),
      }),
      startUsersExport: async () => ({ jobId: `job-${++jobs}`, requests: 1, serverTime: 1_700_000_000_000 }),
      awaitUsersExport: async () => ({ outcome: outcomes[waits++] ?? 'gone', requests: 1 }),
      loadUsersExport: async ({ block, skipLines }) => ({
        outcome: skipLines === 0 ? 'partial' : 'loaded',
        lines: skipLines + 10_000,
        block: block + 1,
        counts: { ...noCounts(), rows: 10_000, requests: 1 },
        total: null,
      }),
    },
    'example-export',
  );
  const workflowId = resourceWorkflowId(fake.tenant, 'users');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('extractUsers', workflowId)).result();
  });
  await keep('users-export', workflowId);
});

it('runs that are cancelled in the middle of a page', async () => {
  const fake = fakeTenant(
    {
      async fetchPages({ cursor, block }) {
        if (block === 1) await held(gate());
        return onePage(cursor, block, 3);
      },
    },
    'example-cancelled',
  );
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(6);
    await parent.cancel();
    await endOf(parent);
  });
  await keep('tenant-cancelled', tenantWorkflowId(fake.tenant));
  await keep('logs-cancelled', resourceWorkflowId(fake.tenant, 'logs'));
});

it('logs whose ledger is away at the end', async () => {
  const fake = fakeTenant(
    {
      closeRun: async () => {
        throw ApplicationFailure.nonRetryable('no such table', 'DestinationRefused');
      },
    },
    'example-not-closed',
  );
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await endOf(await start('extractLogs', workflowId));
  });
  await keep('logs-not-closed', workflowId);
});

it('logs under foreign workflow ids', async () => {
  const go = gate();
  const fake = fakeTenant(
    {
      awaitRun: (input) => atActivityEdge(() => awaitRun(input)),
      async fetchPages({ cursor, block }) {
        await held(go);
        return onePage(cursor, block, 2);
      },
    },
    'example-foreign',
  );
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const first = await start('extractLogs', 'example-foreign-first');
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(1);
    const second = await start('extractLogs', 'example-foreign-second');
    await expect.poll(() => fake.inputs('awaitRun').length).toBe(1);
    go.open();
    await Promise.all([first.result(), second.result()]);
  });
  await keep('logs-redirected', 'example-foreign-first');
  await keep('logs-joined', 'example-foreign-second');
});

it('runs that are paused and resumed, one of them at the end of a long history', async () => {
  const go = gate();
  const fake = fakeTenant(
    {
      async fetchPages(input) {
        if (input.block === 1) await held(go);
        return pagesOf(4)(input);
      },
    },
    'example-paused',
  );
  const input = { resources: ['logs' as const, 'clients' as const], activitiesPerRun: 2 };
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const parent = await start('extractTenant', tenantWorkflowId(fake.tenant), input);
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(4);
    const pausing = parent.executeUpdate(PAUSE_UPDATE, { args: [{ reason: 'maintenance' }] });
    await expect.poll(() => fake.inputs('controlRuns').length).toBe(1);
    const logs = file.lab.client.workflow.getHandle(resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(async () => (await logs.query<Progress>(PROGRESS_QUERY)).paused).not.toBeNull();
    go.open();
    await pausing;
    await parent.executeUpdate(RESUME_UPDATE);
    await parent.result();
  });
  await keep('tenant-paused', tenantWorkflowId(fake.tenant));
  const ids = fake.inputs('openRun').map(({ resource, runId }) => [resource, runId]);
  await keep(
    'logs-paused',
    resourceWorkflowId(fake.tenant, 'logs'),
    ids.find(([resource]) => resource === 'logs')?.[1],
  );
});

it('logs that are cancelled while they are paused', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(4) }, 'example-paused-cancelled');
  const workflowId = resourceWorkflowId(fake.tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    const handle = await start('extractLogs', workflowId);
    await handle.executeUpdate(PAUSE_UPDATE);
    await handle.cancel();
    await endOf(handle);
  });
  await keep('logs-paused-cancelled', workflowId);
});

it('backfills, one under a foreign workflow id', async () => {
  const fake = fakeTenant({ fetchPages: pagesOf(4) }, 'example-backfill');
  const window = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-05T00:00:00.000Z' };
  await file.lab.withWorker(fake.activities, async ({ start }) => {
    await (await start('backfillLogs', 'example-backfill-foreign', { ...window, available: true })).result();
  });
  await keep('backfill', backfillWorkflowId(fake.tenant, window));
  await keep('backfill-redirected', 'example-backfill-foreign');
});
