import { Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { tenantWorkflowId } from '../../src/contracts/names.js';
import type { TemporalTarget } from '../../src/temporal/connection-options.js';
import { startSync } from '../../src/temporal/sync-run.js';
import { connectWorker, temporalWorkerOptions } from '../../src/temporal/worker-connection.js';
import { fakeTenant, gate, held, pagesOf } from './fake-activities.js';
import { useLab } from './lab.js';

const file = useLab();

function target(name: string, buildId: string): TemporalTarget {
  const address = inject('temporalAddress');
  const version = { TEMPORAL_WORKER_DEPLOYMENT_NAME: name, TEMPORAL_WORKER_BUILD_ID: buildId };
  return { ...parseConfig({ TEMPORAL_ADDRESS: address, ...version }).temporal, address };
}

async function startVersion(tenant: string, buildId: string, activities: ReturnType<typeof fakeTenant>['activities']) {
  const own = { ...target(tenant, buildId), taskQueue: tenant };
  const { connection } = await connectWorker(own, { forMs: 0, say: () => {} });
  const worker = await Worker.create({
    connection,
    ...temporalWorkerOptions(own),
    workflowBundle: { codePath: inject('workflowBundle') },
    activities,
    identity: `build ${buildId}`,
    workflowThreadPoolSize: 1,
    maxHeartbeatThrottleInterval: 50,
    stickyQueueScheduleToStartTimeout: '1s',
    shutdownGraceTime: 1,
    shutdownForceTime: 5_000,
  });
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
    await connection.close();
  };
}

/** What `temporal worker deployment set-current-version` does. */
async function makeCurrent(deploymentName: string, buildId: string): Promise<void> {
  const { client } = file.lab;
  await expect
    .poll(async () =>
      client.workflowService
        .setWorkerDeploymentCurrentVersion({ namespace: 'default', deploymentName, buildId, identity: 'test' })
        .then(() => 'current')
        // Its pollers are not known yet.
        .catch((error: unknown) => String(error)),
    )
    .toBe('current');
  // Task queues learn it a moment later.
  await expect
    .poll(async () => {
      const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment({
        namespace: 'default',
        deploymentName,
      });
      return workerDeploymentInfo?.routingConfigUpdateState;
    })
    .toBe(2);
}

it('gives a version work once it is current, and moves a run that is under way to the next one', async () => {
  const { client } = file.lab;
  const until = gate();
  const pages = pagesOf(3);
  const fake = fakeTenant({
    fetchPages: async (input) => {
      if (input.pagesBefore === 1) await held(until);
      return pages(input);
    },
  });
  const { tenant } = fake;
  const stopOld = await startVersion(tenant, '1', fake.activities);
  const run = await startSync(client, tenant, tenant, { resources: ['clients'] }, {});
  const described = () => client.workflow.getHandle(run.workflowId).describe();
  const version = async () => (await described()).raw.workflowExecutionInfo?.versioningInfo;
  // It waits: no version of this deployment is current.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(fake.calls).toEqual([]);
  await makeCurrent(tenant, '1');
  await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
  expect(await version()).toMatchObject({ behavior: 2, deploymentVersion: { buildId: '1', deploymentName: tenant } });

  const next = fakeTenant({ fetchPages: async (input) => pages(input) }, tenant);
  const stopNew = await startVersion(tenant, '2', next.activities);
  await makeCurrent(tenant, '2');
  until.open();
  expect(await run.end()).toMatchObject({ result: { status: 'completed', resources: { clients: { rows: 300 } } } });
  expect(await version()).toMatchObject({ deploymentVersion: { buildId: '2' } });
  expect(next.calls.map(({ name }) => name)).toContain('closeRun');
  expect(run.workflowId).toBe(tenantWorkflowId(tenant));
  await Promise.all([stopOld(), stopNew()]);
});
