import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { ExtractError } from '../../../src/contracts/errors.js';
import { type ObservabilityServer, type Readiness, serveObservability } from '../../../src/observability/server.js';

let server: ObservabilityServer | undefined;
afterEach(() => server?.close());

let parts: Readiness = {};
const open = async (options: Partial<Parameters<typeof serveObservability>[1]> = {}) => {
  server = await serveObservability(
    {
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
      readiness: async () => parts,
    },
    { host: '127.0.0.1', port: 0, orFreePort: false, allowedHosts: [], ...options },
  );
  return server;
};
const get = async (path: string, method = 'GET') => {
  const answer = await fetch(`${server?.url}${path}`, { method });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
};

describe('the server of metrics and probes', () => {
  it('serves metrics in their own type, and health', async () => {
    await open();
    expect(await get('/metrics')).toEqual({ status: 200, type: 'text/plain; version=0.0.4', text: 'up 1\n' });
    expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}\n' });
  });

  it('answers only to hosts that it knows', async () => {
    const { url } = await open({ allowedHosts: ['metrics.acme.example'] });
    const statusFor = async (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        request(`${url}/metrics`, { headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    expect(await statusFor('evil.example')).toBe(403);
    for (const host of ['metrics.acme.example:9464', '10.1.2.3:9464', 'worker:9464'])
      expect(await statusFor(host), host).toBe(200);
  });

  it('is ready when every part is, and names the one that is not', async () => {
    await open();
    parts = { worker: 'ok', clickhouse: 'ok' };
    expect(await get('/readyz')).toMatchObject({ status: 200 });
    parts = { worker: 'ok', clickhouse: 'away' };
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"not ready","worker":"ok","clickhouse":"away"}\n',
    });
  });

  it.each([
    ['/', 'GET', 404],
    ['/metrics', 'POST', 405],
  ])('answers %s %s with %s', async (path, method, status) => {
    await open();
    expect(await get(path, method)).toMatchObject({ status });
  });

  it('takes another port than one in use only where none was asked for', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(open({ port })).rejects.toThrow(ExtractError);
    await expect(open({ port })).rejects.toThrow(`METRICS_PORT ${port} cannot be listened on (EADDRINUSE)`);
    const { url } = await open({ port, orFreePort: true });
    expect(url).not.toBe(`http://127.0.0.1:${port}`);
    expect(await get('/healthz')).toMatchObject({ status: 200 });
    other.close();
  });
});
