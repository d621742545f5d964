import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import type { ErrorKind } from '../../src/contracts/errors.js';
import { type ConnectFailure, connectTemporal, TemporalConnectError } from '../../src/temporal/connect.js';
import type { TemporalTarget } from '../../src/temporal/connection-options.js';
import { startSync } from '../../src/temporal/sync-run.js';
import { connectWorker } from '../../src/temporal/worker-connection.js';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.js';
import { type Front, startHttpServer, startKeyFront, startTlsFront } from '../support/temporal-proxy.js';
import { fakeTenant } from './fake-activities.js';
import { createOwnWorker } from './own-worker.js';

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});

const KEY = 'ns-key-0123456789';
let folder = '';
let ca: Authority;
let stranger: Certificate;
let client: Certificate;
let mtls: Front;
let misnamed: Front;
let keyed: Front;
let http: Front;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secured-'));
  const server = inject('temporalAddress');
  const [own, foreign] = await Promise.all([createAuthority(folder, 'own'), createAuthority(folder, 'foreign')]);
  ca = own;
  const [front, elsewhere] = await Promise.all([ca.sign('server'), ca.sign('named', { dnsName: 'temporal.acme' })]);
  [client, stranger] = await Promise.all([ca.sign('client'), foreign.sign('stranger')]);
  [mtls, misnamed, keyed, http] = await Promise.all([
    startTlsFront(server, front, ca.cert),
    startTlsFront(server, elsewhere, ca.cert),
    startKeyFront(server, front, KEY),
    startHttpServer(),
  ]);
});
afterAll(async () => {
  await Promise.all([mtls, misnamed, keyed, http].map((front) => front.close()));
  await rm(folder, { recursive: true, force: true });
});

/** The target that these settings make, as the worker and every command have it. */
function target(address: string, env: Record<string, string> = {}): TemporalTarget {
  return { ...parseConfig({ TEMPORAL_ADDRESS: address, ...env }).temporal, address };
}

const caOnly = () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca.certPath });
const certOf = ({ certPath, keyPath }: Certificate) => ({
  TEMPORAL_TLS_CLIENT_CERT_PATH: certPath,
  TEMPORAL_TLS_CLIENT_KEY_PATH: keyPath,
});

/** Runs a whole sync: a worker and a client, both over this target. */
async function syncOver(at: TemporalTarget, waits: string[] = []): Promise<string> {
  const fake = fakeTenant();
  const own = { ...at, taskQueue: fake.tenant };
  const handle = await connectTemporal(own);
  const { connection } = await connectWorker(own, { forMs: 0, say: ({ reason }) => waits.push(reason) });
  try {
    const worker = await createOwnWorker(connection, own, fake.activities);
    return await worker.runUntil(async () => {
      const run = await startSync(handle.client, own.taskQueue, fake.tenant, { resources: ['clients'] }, handle);
      const end = await run.end();
      return end.kind === 'result' ? end.result.status : end.reason;
    });
  } finally {
    await Promise.all([connection.close(), handle.close()]);
  }
}

async function failureOf(at: TemporalTarget): Promise<TemporalConnectError & { ms: number }> {
  const began = Date.now();
  const error: unknown = await connectTemporal(at, 1_000).then(
    async ({ close }) => close(),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TemporalConnectError))
    throw new Error('the connection was expected to fail', { cause: error });
  return Object.assign(error, { ms: Date.now() - began });
}

it('runs client and worker over mTLS', async () => {
  expect(await syncOver(target(mtls.address, { ...caOnly(), ...certOf(client) }))).toBe('completed');
});

it('takes the name of the certificate from a setting where the address has another', async () => {
  const named = { ...caOnly(), ...certOf(client), TEMPORAL_TLS_SERVER_NAME: 'temporal.acme' };
  expect(await syncOver(target(misnamed.address, named))).toBe('completed');
});

describe('a connection that cannot work fails at once, and names what to set', () => {
  const cases: [string, () => TemporalTarget, ConnectFailure, RegExp][] = [
    [
      'a CA that has not signed the server',
      () => target(mtls.address, { ...certOf(client), TEMPORAL_TLS_SERVER_CA_CERT_DATA: stranger.cert }),
      'tls',
      /not signed by the CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH/,
    ],
    ['no CA', () => target(mtls.address, certOf(client)), 'tls', /name its CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH/],
    ['no client certificate', () => target(mtls.address, caOnly()), 'tls', /set TEMPORAL_TLS_CLIENT_CERT_PATH and/],
    [
      'a certificate for another name',
      () => target(misnamed.address, { ...caOnly(), ...certOf(client) }),
      'tls',
      /TEMPORAL_TLS_SERVER_NAME/,
    ],
    ['no TLS where the server wants it', () => target(mtls.address), 'tls', /set TEMPORAL_TLS=true/],
    [
      'TLS where the server has none',
      () => target(inject('temporalAddress'), { TEMPORAL_TLS: 'true' }),
      'tls',
      /TEMPORAL_TLS=false/,
    ],
    ['a server of another kind', () => target(http.address), 'tls', /is no Temporal server/],
  ];
  it.each(cases)('%s', async (_, at, failure, message) => {
    const error = await failureOf(at());
    expect([error.failure, error.kind]).toEqual([failure, 'Configuration' satisfies ErrorKind]);
    expect(error.message).toMatch(message);
    expect(error.ms).toBeLessThan(900);
  });
});

it('says that a client certificate of somebody else may be why the server hangs up', async () => {
  const error = await failureOf(target(mtls.address, { ...caOnly(), ...certOf(stranger) }));
  expect(error.failure).toBe('away');
  expect(error.message).toMatch(/or refuse the client certificate in TEMPORAL_TLS_CLIENT_CERT_PATH/);
});

it('tells a namespace that is not there from a server that is not', async () => {
  const missing = await failureOf(target(inject('temporalAddress'), { TEMPORAL_NAMESPACE: 'elsewhere' }));
  expect([missing.failure, missing.message]).toEqual([
    'namespace',
    expect.stringContaining('no namespace "elsewhere"'),
  ]);
  const away = await failureOf(target('127.0.0.1:1'));
  expect([away.failure, away.kind]).toEqual(['away', 'TemporalUnavailable']);
  expect(away.message).toContain('nothing listens there');
});

describe('an API key', () => {
  const withKey = (key: string) => target(keyed.address, { ...caOnly(), TEMPORAL_API_KEY: key });

  it('goes with every call of client and worker', async () => {
    const before = keyed.authorizations.length;
    expect(await syncOver(withKey(KEY))).toBe('completed');
    const seen = keyed.authorizations.slice(before);
    expect(seen.length).toBeGreaterThan(10);
    expect(new Set(seen)).toEqual(new Set([`Bearer ${KEY}`]));
  });

  it('that is refused, or missing, is said once, without the key', async () => {
    const refused = await failureOf(withKey('s3cr3t'));
    expect([refused.failure, refused.kind]).toEqual(['credentials', 'Configuration']);
    expect(refused.message).toMatch(/refuses the API key for namespace "default": check TEMPORAL_API_KEY/);
    expect(refused.message + String(refused.stack)).not.toContain('s3cr3t');
    const missing = await failureOf(target(keyed.address, caOnly()));
    expect(missing.message).toMatch(/wants credentials for namespace "default": set TEMPORAL_API_KEY/);
  });

  it('that is refused ends a worker’s patience at once', async () => {
    const tries: number[] = [];
    const began = Date.now();
    const connecting = connectWorker(withKey('s3cr3t'), { forMs: 60_000, say: (failed) => tries.push(failed.tries) });
    await expect(connecting).rejects.toMatchObject({ failure: 'credentials' });
    expect([tries, Date.now() - began < 5_000]).toEqual([[], true]);
  });
});

it('waits for a server that is not up yet, with one line a try', async () => {
  const place = await startHttpServer();
  const { address } = place;
  await place.close();
  const said: { tries: number; reason: string; leftMs: number }[] = [];
  const waiting = connectWorker(target(address), { forMs: 3_000, tryMs: 300, say: (failed) => said.push(failed) });
  await expect(waiting).rejects.toMatchObject({ failure: 'away' });
  expect(said.map(({ tries }) => tries)).toEqual(said.map((_, i) => i + 1));
  expect(said.length).toBeGreaterThan(0);
  for (const { reason, leftMs } of said) {
    expect(reason).toMatch(new RegExp(`^Temporal at ${address} does not answer \\(the connection was refused`));
    expect(leftMs).toBeLessThan(3_000);
  }
});
