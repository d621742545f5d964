import { afterEach, describe, expect, it } from 'vitest';
import { createManagementApi } from '../../../src/auth0/http.js';
import { createPacer } from '../../../src/auth0/pacer.js';
import { createTokenSource } from '../../../src/auth0/token.js';
import { parseConfig } from '../../../src/config/config.js';
import type { Check } from '../../../src/doctor/check.js';
import { checkTenant } from '../../../src/doctor/tenant.js';
import { emulatorDefaults, type EmulatorOptions } from '../../../src/emulator/main.js';
import { type EmulatedTenant, startTenant } from '../../support/emulated-tenant.js';
import { startServer } from '../auth0/loopback-server.js';

const DAY = 86_400_000;
const SCOPES = ['read:users', 'read:clients', 'read:logs'];
let tenant: EmulatedTenant | undefined;
afterEach(async () => {
  await tenant?.close();
  tenant = undefined;
});

async function open(options: EmulatorOptions = {}): Promise<EmulatedTenant> {
  tenant = await startTenant({ logs: 50, users: 5, clients: 3, logSpanMs: 4.5 * DAY, scopes: SCOPES, ...options });
  return tenant;
}

/** The checks by their names. */
async function examine(origin: string, env: Record<string, string> = {}, now = Date.now): Promise<Map<string, Check>> {
  const config = parseConfig({
    AUTH0_DOMAIN: origin,
    AUTH0_CLIENT_ID: emulatorDefaults.clientId,
    AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
    AUTH0_LOG_RETENTION_DAYS: '5',
    ...env,
  });
  const [settings] = config.tenants;
  if (!settings) throw new Error('no tenant');
  const { credentials, name } = settings;
  const tokens = createTokenSource(credentials, { timeoutMs: 2_000 });
  const pacer = createPacer(settings.pacing);
  const api = createManagementApi({ origin, tokens, pacer, timeoutMs: 2_000, userAgent: 'test' });
  const asked = { tenant: name, credentials, settings, api, tokens, timeoutMs: 2_000, userAgent: 'test', now };
  const checks = await checkTenant(asked);
  for (const secret of [emulatorDefaults.clientSecret, await tokens.get().catch(() => 'no token')])
    expect(JSON.stringify(checks)).not.toContain(secret);
  return new Map(checks.map((check) => [check.name, check]));
}

describe('a tenant', () => {
  it('that is well costs one token and one request a resource', async () => {
    const { origin, requests } = await open({ rateLimit: { requestsPerSecond: 16, burst: 50 } });
    const checks = await examine(origin);
    expect([...checks.values()].filter(({ status }) => status !== 'ok')).toEqual([]);
    expect([...checks.keys()]).toEqual([
      'reachable',
      'clock',
      'token',
      'scope read:logs',
      'scope read:users',
      'scope read:clients',
      'no more scopes',
      'rate limit',
      'log retention',
    ]);
    expect(checks.get('rate limit')?.detail).toContain('Enterprise production');
    expect(requests()).toMatchObject({ token: 1, logs: 1, users: 1, clients: 1 });
  });

  it('that lacks a scope has it named, with the grant to add; the others are proven all the same', async () => {
    const { origin } = await open({ scopes: ['read:users', 'read:clients'] });
    const checks = await examine(origin);
    expect(checks.get('scope read:logs')).toMatchObject({
      status: 'fail',
      detail: 'logs cannot be read, the token lacks it',
      cure: expect.stringMatching(/Grant read:logs: .*Auth0 Management API.*emulator-client/),
    });
    expect(checks.get('scope read:users')?.status).toBe('ok');
    expect(checks.get('log retention')?.status).toBe('skipped');
  });

  it('whose application may do more than it needs is warned of', async () => {
    const { origin } = await open({ scopes: [...SCOPES, 'create:users'] });
    expect((await examine(origin)).get('no more scopes')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('create:users'),
    });
  });

  it.each([
    ['a wrong secret', { AUTH0_CLIENT_SECRET: 'not-it-at-all' }, /AUTH0_CLIENT_SECRET/],
    ['a wrong audience', { AUTH0_AUDIENCE: 'https://nope/' }, /AUTH0_AUDIENCE/],
  ])('with %s gives no token, and is asked no more', async (_what, env, cure) => {
    const { origin, requests } = await open();
    const checks = await examine(origin, env);
    expect(checks.get('token')).toMatchObject({ status: 'fail', cure: expect.stringMatching(cure) });
    expect(checks.has('scope read:logs')).toBe(false);
    expect(requests()['logs']).toBeUndefined();
  });

  it('that is somewhere else is said to be', async () => {
    expect((await examine('http://127.0.0.1:9')).get('reachable')).toMatchObject({
      status: 'fail',
      cure: expect.stringContaining('AUTH0_DOMAIN'),
    });
    const web = await startServer((_request, response) => void response.end('<html>Welcome</html>'));
    expect((await examine(web.origin)).get('reachable')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('no Auth0 tenant'),
    });
    // Some gateways refuse who does not say what they are.
    expect(web.received[0]?.headers['user-agent']).toBe('test');
    await web.close();
  });

  it('whose time differs from ours is told by the Date of its answers', async () => {
    const { origin } = await open();
    expect((await examine(origin, {}, () => Date.now() + 10 * 60_000)).get('clock')?.status).toBe('fail');
  });

  it('that keeps its logs for another time than is set is told by its oldest one', async () => {
    const { origin } = await open();
    expect((await examine(origin, { AUTH0_LOG_RETENTION_DAYS: '30' })).get('log retention')?.status).toBe('warn');
  });

  it('is asked only for what is copied', async () => {
    const { origin, requests } = await open({ scopes: ['read:users'] });
    const checks = await examine(origin, { AUTH0_RESOURCES: 'users' });
    expect([...checks.values()].some(({ status }) => status === 'fail')).toBe(false);
    expect(requests()['logs']).toBeUndefined();
  });
});
