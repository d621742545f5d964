import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { scheduleId } from '../../src/contracts/names.js';
import { ensureBuilt, lastJson, runCli } from '../support/up.js';

// The commands as a person runs them, for two tenants of a tenants.yaml.
const [a, b] = [`cli-a-${randomUUID()}`, `cli-b-${randomUUID()}`];
let folder: string;
let env: Record<string, string>;

const tenantsFile = (names: readonly string[]) =>
  `tenants:\n${names
    .map((name) => `  - { name: ${name}, domain: x.eu.auth0.com, clientId: id, clientSecret: { env: SECRET } }\n`)
    .join('')}`;

beforeAll(() => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'auth0-schedules-'));
  env = { TEMPORAL_ADDRESS: inject('temporalAddress'), SECRET: 's3cr3t', DATA_DIR: join(folder, 'data') };
  writeFileSync(join(folder, 'tenants.yaml'), tenantsFile([a, b]));
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schedule = (args: readonly string[], more: Record<string, string> = {}) =>
  runCli(['schedule', ...args], { ...env, ...more }, folder);

const document = z.looseObject({
  tenants: z.array(z.looseObject({ tenant: z.string(), schedules: z.array(z.looseObject({ schedule: z.string() })) })),
});

async function actionsOf(args: readonly string[], more?: Record<string, string>): Promise<unknown[][]> {
  const { stdout, stderr, code } = await schedule([...args, '--json'], more);
  expect(code, stderr).toBe(0);
  const { tenants } = document.parse(lastJson(stdout));
  expect(tenants.map(({ tenant }) => tenant)).toEqual([a, b]);
  return tenants.map(({ schedules }) => schedules.map(({ action }) => action));
}

const all = (word: string) => [Array(4).fill(word), Array(4).fill(word)];

it('apply, list, pause, resume and delete act on all tenants, or on the one that is named', async () => {
  expect(await actionsOf(['apply', '--dry-run'])).toEqual(all('would-create'));
  expect(await actionsOf(['apply'])).toEqual(all('created'));
  expect(await actionsOf(['apply'])).toEqual(all('unchanged'));

  const changed = await schedule(['apply', '--dry-run', '--resources', 'logs'], { SCHEDULE_LOGS: '5m' });
  expect(changed.stdout).toMatch(
    / {2}auth0\/cli-a-\S+\/logs +would-update +every 5m\n {6}times: every 1m.* → every 5m/,
  );
  expect(changed.stdout).toContain('Nothing was changed (--dry-run).');

  const paused = await schedule(['pause', '--tenant', a, '--resources', 'users', '--note', 'until Monday', '--json']);
  expect(lastJson(paused.stdout)).toEqual({
    tenant: a,
    schedules: ['users', 'users-changed'].map((name) => ({
      schedule: name,
      resource: 'users',
      scheduleId: `auth0/${a}/${name}`,
      found: true,
      paused: true,
      note: 'until Monday',
    })),
  });
  const listed = document.parse(lastJson((await schedule(['list', '--json'])).stdout));
  const states = listed.tenants.map(({ schedules }) => schedules.map(({ paused: is }) => is));
  expect(states).toEqual([
    [false, true, true, false],
    [false, false, false, false],
  ]);
  expect(listed.tenants[0]).toMatchObject({ missing: [] });
  expect(listed.tenants[0]?.schedules[1]).toMatchObject({
    note: 'until Monday',
    lastRun: null,
    lastGoodRunAt: null,
    stale: false,
    why: null,
  });
  expect((await schedule(['list'])).stdout).toContain('paused (until Monday)');
  const resumed = await schedule(['resume', '--tenant', a, '--json']);
  expect(lastJson(resumed.stdout)).toMatchObject({ schedules: [{ paused: false }, {}, {}, {}] });

  // A resource that is switched off loses its schedules; one that is deleted by hand is missed.
  expect(await actionsOf(['apply'], { AUTH0_RESOURCES: 'logs,clients', SCHEDULE_CLIENTS: 'off' })).toEqual([
    ['unchanged', 'deleted', 'deleted', 'deleted'],
    ['unchanged', 'deleted', 'deleted', 'deleted'],
  ]);
  const missed = await schedule(['list']);
  expect(missed.stdout).toContain(`${scheduleId(b, 'clients')} is missing: its schedule does not exist`);

  // What outlives its tenant's configuration is shown, and can be deleted.
  writeFileSync(join(folder, 'tenants.yaml'), tenantsFile([a]));
  const stray = async () => (await schedule(['list'])).stdout;
  await expect.poll(stray).toContain(`${scheduleId(b, 'logs')} is not configured here, but exists (runs)`);
  const deleted = await schedule(['delete', '--tenant', b, '--json']);
  expect(lastJson(deleted.stdout)).toMatchObject({
    tenant: b,
    schedules: [{ deleted: true }, { deleted: false }, {}, {}],
  });
  expect((await schedule(['delete'])).code).toBe(0);
  const nothing = await schedule(['pause']);
  expect([nothing.code, nothing.stdout.match(/there was none/g)?.length]).toEqual([1, 4]);
}, 240_000);
