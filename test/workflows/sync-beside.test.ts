import { expect, it } from 'vitest';
import { resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { controlChosen } from '../../src/temporal/control.js';
import { pausedRuns, startSync } from '../../src/temporal/sync-run.js';
import { fakeTenant, gate, held, pagesOf } from './fake-activities.js';
import { useLab } from './lab.js';

const file = useLab();

it('a sync of other resources runs beside a paused one, and one of the same says what it waits for', async () => {
  const go = gate();
  const fake = fakeTenant({
    async fetchPages(input) {
      if (input.resource === 'logs' && input.block === 1) await held(go);
      return pagesOf(input.resource === 'logs' ? 3 : 1)(input);
    },
  });
  const { tenant } = fake;
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    const logs = await startSync(client, taskQueue, tenant, { resources: ['logs'] });
    expect(logs.workflowId).toBe(tenantWorkflowId(tenant));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(2);
    const choice = { tenant, resources: ['logs' as const], backfillsOnly: false, everything: false };
    go.open();
    const pausing = controlChosen(client, choice, 'pause', 'maintenance');
    await pausing;
    await expect
      .poll(() => pausedRuns(client, tenant))
      .toEqual([expect.stringMatching(/^logs is paused since .* \(maintenance\)$/)]);

    const clients = await startSync(client, taskQueue, tenant, { resources: ['clients'] });
    expect(clients.joined).toBe(false);
    expect(clients.workflowId).toBe(`${tenantWorkflowId(tenant)}/clients`);
    expect(await clients.end()).toMatchObject({ kind: 'result', result: { status: 'completed' } });
    const again = await startSync(client, taskQueue, tenant, { resources: ['logs', 'clients'] });
    expect(again).toMatchObject({ joined: true, workflowId: tenantWorkflowId(tenant) });

    await controlChosen(client, choice, 'resume');
    expect(await logs.end()).toMatchObject({ kind: 'result', result: { status: 'completed' } });
    expect(await pausedRuns(client, tenant)).toEqual([]);
    expect((await client.workflow.getHandle(resourceWorkflowId(tenant, 'clients')).describe()).status.name).toBe(
      'COMPLETED',
    );
  });
});
