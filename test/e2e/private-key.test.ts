import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { piecesOf, rsaKeys } from '../support/keys.js';
import { ensureBuilt, FREE_PORTS, lastJson, runCli, tenantEnv } from '../support/up.js';

const KEYS = rsaKeys();
let folder: string;
let tenant: EmulatedTenant;

beforeAll(() => ensureBuilt(), 120_000);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'auth0-key-'));
  const clientKey = { publicKey: KEYS.publicKey, algorithm: 'PS256' } as const;
  tenant = await startTenant({ seed: 3, logs: 120, users: 30, clients: 5, clientKey });
});
afterEach(async () => {
  await tenant.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sync(privateKey: string) {
  const { AUTH0_CLIENT_SECRET: _, ...env } = tenantEnv(tenant.origin);
  const key = { AUTH0_PRIVATE_KEY: privateKey, AUTH0_PRIVATE_KEY_ALG: 'PS256', LOG_LEVEL: 'trace' };
  return runCli(['up', '--once', '--json', ...FREE_PORTS, '--data-dir', folder], { ...env, ...key });
}

/** What was printed, and every file that the parts left behind: logs, Temporal's histories, tables. */
function expectNoTrace(printed: string, privateKey: string): void {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(5);
  const texts = files.map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  // An assertion begins with its header: `{"alg":"PS256"`.
  const header = Buffer.from('{"alg":"PS256"').toString('base64').slice(0, -2);
  for (const piece of [header, ...piecesOf(privateKey)]) {
    expect(printed).not.toContain(piece);
    expect(texts.some((text) => text.includes(piece))).toBe(false);
  }
}

it('copies a tenant whose application has a private key in place of a secret', async () => {
  const { code, stdout, stderr } = await sync(KEYS.pkcs1.replaceAll('\n', '\\n'));
  expect(code, stderr).toBe(0);
  expect(lastJson(stdout)).toMatchObject({
    status: 'completed',
    resources: { logs: { rows: 120 }, users: { rows: 30 }, clients: { rows: 5 } },
  });
  expectNoTrace(stdout + stderr, KEYS.pkcs1);
}, 60_000);

it('ends with one message where the tenant does not know the key, which is shown nowhere', async () => {
  const other = rsaKeys();
  const { code, stdout, stderr } = await sync(other.pkcs8);
  expect(code).toBe(1);
  const message = 'The tenant refused the client id or the assertion that the private key signed';
  expect(stderr.split(message).length - 1).toBe(1);
  expect(stderr).toContain('with a private key the key, its id and algorithm (AUTH0_PRIVATE_KEY');
  expectNoTrace(stdout + stderr, other.pkcs8);
}, 60_000);
