import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { scheduleId } from '../../src/contracts/names.js';
import { JSON_SHAPES } from '../support/json-shapes.js';
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

async function actionsOf(args: readonly string[], more?: Record<string, string>): Promise<unknown[][]> {
  const { stdout, stderr, code } = await schedule([...args, '--json'], more);
  expect(code, stderr).toBe(0);
  const { tenants } = JSON_SHAPES.scheduleApplyOfSeveral.parse(lastJson(stdout));
  expect(tenants.map(({ tenant }) => tenant)).toEqual([a, b]);
  return tenants.map(({ schedules }) => schedules.map(({ action }) => action));
}

const all = (word: string) => [Array(4).fill(word), Array(4).fill(word)];

it.each([['pause'], ['resume'], ['cancel'], ['backfill', 'logs', '--from', '2026-01-01', '--to', '2026-01-02']])(
  '%s asks for one of the tenants, and names them',
  async (...command) => {
    const { stdout, stderr, code } = await runCli([...command, '--json'], env, folder);
    expect(code).toBe(2);
    expect(stderr).toBe(`There are several tenants; name one with --tenant: ${a}, ${b}\n`);
    expect(JSON_SHAPES.failure.parse(lastJson(stdout))).toMatchObject({
      exitCode: 2,
      error: { message: stderr.trim() },
    });
  },
  30_000,
);

it('apply, list, pause, resume and delete act on all tenants, or on the one that is named', async () => {
  expect(await actionsOf(['apply', '--dry-run'])).toEqual(all('would-create'));
  expect(await actionsOf(['apply'])).toEqual(all('created'));
  expect(await actionsOf(['apply'])).toEqual(all('unchanged'));

  const changed = await schedule(['apply', '--dry-run', '--resources', 'logs', '--json'], { SCHEDULE_LOGS: '5m' });
  expect(JSON_SHAPES.scheduleApplyOfSeveral.parse(lastJson(changed.stdout)).tenants[0]?.schedules).toMatchObject([
    { changes: [{ field: 'times', to: expect.stringMatching(/^every 5m at /) }] },
  ]);
  expect(changed.stderr).toMatch(
    / {2}auth0\/cli-a-\S+\/logs +would-update +every 5m\n {6}times: every 1m.* → every 5m/,
  );
  expect(changed.stderr).toContain('Nothing was changed (--dry-run).');

  const paused = await schedule(['pause', '--tenant', a, '--resources', 'users', '--note', 'until Monday', '--json']);
  expect(JSON_SHAPES.schedulePause.parse(lastJson(paused.stdout))).toEqual({
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
  const listed = JSON_SHAPES.scheduleListOfSeveral.parse(lastJson((await schedule(['list', '--json'])).stdout));
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
  expect(JSON_SHAPES.schedulePause.parse(lastJson(resumed.stdout))).toMatchObject({
    schedules: [{ paused: false }, {}, {}, {}],
  });

  // A resource that is switched off loses its schedules; one that is deleted by hand is missed.
  expect(await actionsOf(['apply'], { AUTH0_RESOURCES: 'logs,clients', SCHEDULE_CLIENTS: 'off' })).toEqual([
    ['unchanged', 'deleted', 'deleted', 'deleted'],
    ['unchanged', 'deleted', 'deleted', 'deleted'],
  ]);
  const missed = await schedule(['list', '--json']);
  expect(JSON_SHAPES.scheduleListOfSeveral.parse(lastJson(missed.stdout)).tenants[1]).toMatchObject({
    missing: [{}, {}, { schedule: 'clients', resource: 'clients' }],
  });
  expect(missed.stderr).toContain(`${scheduleId(b, 'clients')} is missing: its schedule does not exist`);

  // What outlives its tenant's configuration is shown, and can be deleted.
  writeFileSync(join(folder, 'tenants.yaml'), tenantsFile([a]));
  const stray = async () => {
    const { stdout, stderr } = await schedule(['list', '--json']);
    return { text: stderr, notConfigured: JSON_SHAPES.scheduleList.parse(lastJson(stdout)).notConfigured };
  };
  const id = scheduleId(b, 'logs');
  await expect.poll(stray).toMatchObject({
    text: expect.stringContaining(`${id} is not configured here, but exists (runs)`),
    notConfigured: expect.arrayContaining([expect.objectContaining({ tenant: b, scheduleId: id, paused: false })]),
  });
  const deleted = await schedule(['delete', '--tenant', b, '--json']);
  expect(JSON_SHAPES.scheduleDelete.parse(lastJson(deleted.stdout))).toMatchObject({
    tenant: b,
    schedules: [{ deleted: true }, { deleted: false }, {}, {}],
  });
  expect((await schedule(['delete'])).code).toBe(0);
  const nothing = await schedule(['pause']);
  expect([nothing.code, nothing.stdout.match(/there was none/g)?.length]).toEqual([1, 4]);
}, 240_000);
