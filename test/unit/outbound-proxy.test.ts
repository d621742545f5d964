import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { classifyNetworkError } from '../../src/auth0/classify.js';
import { downloadLines } from '../../src/auth0/export-download.js';
import { createTokenSource } from '../../src/auth0/token.js';
import { exchange } from '../../src/auth0/wire.js';
import { checkIsClickHouse, openClickHouse } from '../../src/clickhouse/client.js';
import { ProxyError, proxyFor } from '../../src/outbound-proxy.js';
import { createAuthority } from '../support/certificates.js';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.js';
import { json, portOf, startServer } from './auth0/loopback-server.js';

const TIMEOUT_MS = 20_000;
let leave: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  for (const name of ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'no_proxy', 'NO_PROXY'])
    vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const end of leave.reverse()) await end();
  leave = [];
});

describe('the proxy of', () => {
  const P = 'http://proxy.example:3128';
  it.each<[string, Record<string, string>, string | null]>([
    ['https://acme.eu.auth0.com/x', {}, null],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P }, P],
    ['https://acme.eu.auth0.com/x', { https_proxy: P }, P],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: 'proxy.example:3128' }, P],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: 'https://u:p@proxy.example' }, 'https://u:p@proxy.example'],
    ['https://acme.eu.auth0.com/x', { HTTP_PROXY: P }, null],
    ['http://clickhouse.example:8123', { HTTPS_PROXY: P }, null],
    ['http://clickhouse.example:8123', { HTTP_PROXY: P }, P],
    // An empty one in lower case switches the other off, as with curl.
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, https_proxy: '' }, null],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, NO_PROXY: 'eu.auth0.com' }, null],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, no_proxy: 'a, .auth0.com' }, null],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, NO_PROXY: '*.AUTH0.com' }, null],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, NO_PROXY: 'acme.eu.auth0.com:443' }, null],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, NO_PROXY: 'acme.eu.auth0.com:8443' }, P],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, NO_PROXY: 'h0.com' }, P],
    ['https://acme.eu.auth0.com/x', { HTTPS_PROXY: P, NO_PROXY: '*' }, null],
    ['https://10.1.2.3/x', { HTTPS_PROXY: P, NO_PROXY: '10.0.0.0/8' }, null],
    ['https://11.1.2.3/x', { HTTPS_PROXY: P, NO_PROXY: '10.0.0.0/8' }, P],
    ['https://[fd00::1]/x', { HTTPS_PROXY: P, NO_PROXY: 'fd00::/8' }, null],
    ['https://[fd00::1]/x', { HTTPS_PROXY: P, NO_PROXY: 'fd00::1' }, null],
    ['http://127.0.0.1:1', { HTTP_PROXY: P }, null],
    ['http://localhost:1', { HTTP_PROXY: P }, null],
    ['http://[::1]:1', { HTTP_PROXY: P }, null],
    ['https://localhost', { HTTPS_PROXY: P }, null],
  ])('%s with %j is %s', (url, env, proxy) => {
    expect(proxyFor(new URL(url), env)?.href ?? null).toBe(proxy === null ? null : new URL(proxy).href);
  });

  it.each(['socks5://u:top-s3cr3t@proxy', 'http://', 'http://u:top-s3cr3t@ x', '::'])('%s is refused', (text) => {
    const ask = () => proxyFor(new URL('https://acme.eu.auth0.com'), { HTTPS_PROXY: text });
    expect(ask).toThrow(ProxyError);
    expect(ask).toThrow(/^HTTPS_PROXY must be/);
  });
});

/** A tenant behind TLS that answers with its path, and a proxy to it. */
async function openTenant(options: Parameters<typeof startForwardProxy>[1] = {}): Promise<ForwardProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'proxy-'));
  const { cert, key } = await (await createAuthority(folder, 'ca')).sign('server', { dnsName: 'acme.test' });
  await rm(folder, { recursive: true });
  const server = createServer({ cert, key }, ({ url }, response) =>
    json(response, 200, url === '/oauth/token' ? { access_token: 'a-token' } : { url }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  leave.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  // The name and its certificate are made up here.
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  return openProxy(portOf(server.address()), options);
}

async function openProxy(port: number, options: Parameters<typeof startForwardProxy>[1] = {}): Promise<ForwardProxy> {
  const proxy = await startForwardProxy(port, options);
  leave.push(() => proxy.close());
  return proxy;
}

const ask = async (path: string) =>
  (await exchange(new URL(path, 'https://acme.test'), {}, { timeoutMs: TIMEOUT_MS })).body.toString();

const failureOf = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (error) {
    const { kind, message } = classifyNetworkError(error, 'acme.test');
    return { kind, message };
  }
  throw new Error('did not throw');
};

describe('through a proxy', () => {
  it('the API, the token and the download of an export are reached, over one tunnel that is kept', async () => {
    const proxy = await openTenant({ login: 'me@corp:p%/w' });
    vi.stubEnv('HTTPS_PROXY', `http://me%40corp:p%25%2Fw@127.0.0.1:${proxy.port}`);
    expect(await ask('/api/v2/logs')).toBe('{"url":"/api/v2/logs"}');
    expect(await ask('/api/v2/users')).toBe('{"url":"/api/v2/users"}');
    const auth = { method: 'client_secret', clientSecret: 's' } as const;
    const tokens = createTokenSource({ origin: 'https://acme.test', audience: 'a', clientId: 'c', auth });
    expect(await tokens.get()).toBe('a-token');
    const { signal } = new AbortController();
    const lines: string[] = [];
    for await (const batch of downloadLines(new URL('https://acme.test/file'), signal, TIMEOUT_MS))
      lines.push(...batch);
    expect(lines).toEqual(['{"url":"/file"}']);
    expect(new Set(proxy.seen.map(({ line }) => line))).toEqual(new Set(['CONNECT acme.test:443']));
    expect(proxy.seen.length).toBeLessThan(4);
  });

  it.each<[number, RegExp]>([
    [407, /^acme\.test: the proxy 127\.0\.0\.1:\d+ refused the connection \(HTTP 407\): it wants another user/],
    [403, /^acme\.test: the proxy 127\.0\.0\.1:\d+ refused the connection \(HTTP 403\)/],
    [502, /refused the connection \(HTTP 502\)/],
  ])('that refuses with %i, its answer is not taken for the tenant’s', async (refusal, message) => {
    const proxy = await openTenant({ refusal });
    vi.stubEnv('HTTPS_PROXY', `http://me:top-s3cr3t@127.0.0.1:${proxy.port}`);
    const failure = await failureOf(ask('/api/v2/logs'));
    expect(failure).toMatchObject({ kind: 'TenantUnreachable', message: expect.stringMatching(message) });
    expect(failure.message).not.toContain('s3cr3t');
  });

  it('that is not there, the error names it', async () => {
    const proxy = await openTenant();
    await proxy.close();
    vi.stubEnv('HTTPS_PROXY', `http://me:top-s3cr3t@127.0.0.1:${proxy.port}`);
    expect(await failureOf(ask('/x'))).toMatchObject({
      message: expect.stringMatching(/the proxy 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/),
    });
  });

  it('ClickHouse over plain http is reached, many statements over', async () => {
    const clickhouse = await startServer((_request, response) => json(response, 200, '{"version":"26.1.2.3"}\n'));
    leave.push(() => clickhouse.close());
    const proxy = await openProxy(Number(new URL(clickhouse.origin).port), { login: 'me:p' });
    vi.stubEnv('http_proxy', `http://me:p@127.0.0.1:${proxy.port}`);
    const url = 'http://clickhouse.test:8123';
    const client = openClickHouse({ url, database: 'd', username: 'u', password: 'p', cluster: null });
    leave.push(() => client.close());
    for (let i = 0; i < 3; i++) expect(await checkIsClickHouse(client, url)).toBe('26.1.2.3');
    expect(proxy.seen).toHaveLength(3);
    expect(proxy.seen[0]?.line).toMatch(/^POST http:\/\/clickhouse\.test:8123\/\?/);
    expect(clickhouse.received[2]?.headers['authorization']).toMatch(/^Basic/);
  });

  it('ClickHouse over https is reached, and a refusal is named', async () => {
    const proxy = await openTenant({ refusal: 403 });
    vi.stubEnv('HTTPS_PROXY', `http://me:top-s3cr3t@127.0.0.1:${proxy.port}`);
    const url = 'https://clickhouse.test:8443';
    const client = openClickHouse({ url, database: 'd', username: 'u', password: 'p', cluster: null });
    leave.push(() => client.close());
    await expect(checkIsClickHouse(client, url)).rejects.toMatchObject({
      kind: 'DestinationUnavailable',
      message: expect.stringMatching(/^ClickHouse cannot be reached: the proxy .* \(HTTP 403\)/),
    });
  });

  it('nothing on this machine is reached', async () => {
    const tenant = await startServer((_request, response) => json(response, 200, '[]'));
    leave.push(() => tenant.close());
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1');
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1');
    const { body } = await exchange(new URL(tenant.origin), {}, { timeoutMs: TIMEOUT_MS });
    expect(body.toString()).toBe('[]');
  });
});
