import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import { connectTemporal, type TemporalHandle } from '../../src/temporal/connect.js';
import type { TemporalTarget } from '../../src/temporal/connection-options.js';
import { readProgress, startSync } from '../../src/temporal/sync-run.js';
import { connectWorker } from '../../src/temporal/worker-connection.js';
import { ensureBuilt, lastJson, runCli } from '../support/up.js';
import { fakeTenant } from './fake-activities.js';
import { eventsOf, useLab } from './lab.js';
import { createOwnWorker } from './own-worker.js';

const file = useLab();
const [OLD, NEW] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));

// The command line below is the built one.
beforeAll(() => ensureBuilt(), 300_000);

const handles: TemporalHandle[] = [];
afterAll(() => Promise.all(handles.map((handle) => handle.close())));

function target(keys: string | undefined): TemporalTarget {
  const address = inject('temporalAddress');
  return { ...parseConfig({ TEMPORAL_ADDRESS: address, PAYLOAD_CODEC_KEYS: keys }).temporal, address };
}

async function open(keys?: string): Promise<TemporalHandle> {
  const handle = await connectTemporal(target(keys));
  handles.push(handle);
  return handle;
}

/** All payloads in a value of the API, wherever they are. */
function payloadsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('metadata' in value && 'data' in value) return [{ ...value }];
  return Object.values(value).flatMap((inner) => payloadsIn(inner));
}

it('hides what Temporal stores, and shows it to those who have the key, over a change of keys', async () => {
  const fake = fakeTenant();
  const { tenant } = fake;
  const own = { ...target(`new:${NEW},old:${OLD}`), taskQueue: tenant };
  const { connection } = await connectWorker(own, { forMs: 0, say: () => {} });
  const worker = await createOwnWorker(connection, own, fake.activities);
  try {
    await worker.runUntil(async () => {
      // One who has not been given the new key yet, and one who has.
      const [before, after] = [await open(`old:${OLD}`), await open(`new:${NEW},old:${OLD}`)];
      const run = await startSync(before.client, tenant, tenant, {}, before);
      const seen = await after.client.workflow.getHandle(run.workflowId).result();
      expect(seen).toMatchObject({ tenant, status: 'completed' });
      expect((await readProgress(after.client, tenant, 'logs'))?.progress).toMatchObject({ rows: 200, phase: 'done' });
      await expect(run.end()).rejects.toThrow(/PAYLOAD_CODEC_KEYS has no key "new"; it has: old/);
      const none = await open();
      await expect((await startSync(none.client, tenant, `${tenant}-2`, {})).end()).rejects.toThrow(
        /PAYLOAD_CODEC_KEYS is not set here; the key "new" is needed/,
      );

      for (const id of [tenantWorkflowId(tenant), resourceWorkflowId(tenant, 'logs')]) {
        const events = await eventsOf(file.lab, id);
        const values = events.flatMap((event) => {
          // Search attributes are what they are for: seen by the server.
          const { searchAttributes: _, ...started } = event.workflowExecutionStartedEventAttributes ?? {};
          return payloadsIn({ ...event, workflowExecutionStartedEventAttributes: started, searchAttributes: null });
        });
        expect(values.length).toBeGreaterThan(5);
        const text = values.map(({ data }) => (data instanceof Uint8Array ? Buffer.from(data).toString() : '')).join();
        expect(text).not.toContain('"cursor"');
        expect(text).not.toContain('completed');
      }

      const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_TASK_QUEUE: tenant, AUTH0_TENANT: tenant };
      const keys = { PAYLOAD_CODEC_KEYS: `new:${NEW}` };
      const cli = await runCli(['sync', '--json', '--resources', 'clients'], { ...env, ...keys });
      expect([cli.code, lastJson(cli.stdout)]).toMatchObject([0, { tenant, resources: { clients: { rows: 200 } } }]);
      const blind = await runCli(['sync', '--json', '--resources', 'clients'], env);
      expect([blind.code, blind.stderr]).toEqual([2, expect.stringMatching(/the key "new" is needed/)]);
    });
  } finally {
    await connection.close();
  }
});
