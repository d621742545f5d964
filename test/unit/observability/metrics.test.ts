import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../../src/observability/definitions.js';
import { endpointOf, statusLabel } from '../../../src/observability/endpoint.js';
import { createMetrics } from '../../../src/observability/metrics.js';

describe('definitions', () => {
  it('follow the naming rules of Prometheus', () => {
    for (const { name, kind, help } of METRICS) {
      expect(name).toMatch(/^auth0_clickhouse_[a-z_]+$/);
      expect(name.endsWith('_total'), `${name}: counters and only they end with _total`).toBe(kind === 'counter');
      expect(help).not.toBe('');
    }
    expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
  });

  it('are all registered, with their kinds', async () => {
    const text = await createMetrics('1.2.3').registry.metrics();
    for (const { name, kind } of METRICS) expect(text).toContain(`# TYPE ${name} ${kind}\n`);
    expect(text).toContain('auth0_clickhouse_build_info{version="1.2.3"} 1');
  });
});

describe('the meter', () => {
  it('counts requests by endpoint and status, refusals, and the time waited', async () => {
    const { meter, registry } = createMetrics('0');
    const call = { tenant: 'acme', path: '/api/v2/logs', waitedSeconds: 0.5, tookSeconds: 0.2 };
    for (const status of [200, 429, 503, null]) meter.request({ ...call, status });
    const text = await registry.metrics();
    for (const status of ['2xx', '429', '5xx', 'none'])
      expect(text).toContain(`requests_total{tenant="acme",endpoint="logs",status="${status}"} 1`);
    expect(text).toContain('rate_limited_total{tenant="acme"} 1');
    expect(text).toContain('rate_wait_seconds_total{tenant="acme"} 2');
    expect(text).toContain('request_seconds_count{tenant="acme"} 3');
  });

  it('shows failures as zero before the first one, so that increase() sees it', async () => {
    const { meter, registry } = createMetrics('0');
    meter.runClosed('acme', 'logs', 'completed');
    const text = await registry.metrics();
    expect(text).toContain('runs_total{tenant="acme",resource="logs",status="failed"} 0');
    expect(text).toContain('runs_total{tenant="acme",resource="logs",status="completed"} 1');
  });
});

describe('endpointOf', () => {
  it.each([
    ['/api/v2/logs', 'logs'],
    ['/api/v2/logs?from=90020261123164545079000000000000000001223372036854776307', 'logs'],
    ['/api/v2/jobs/users-exports', 'jobs/users-exports'],
    ['/api/v2/jobs/job_0123456789', 'jobs/:id'],
    ['/api/v2/users/auth0%7C5f7c8ec7c33c6c004bbafe82/roles', 'users/:id/roles'],
    ['/api/v2/organizations/org_x/members', 'organizations/:id/members'],
  ])('%s is %s', (path, endpoint) => {
    expect(endpointOf(path)).toBe(endpoint);
  });

  it('keeps nothing that could be an id', () => {
    assert(
      property(string({ minLength: 1, unit: 'binary-ascii' }), (id) => {
        const part = encodeURIComponent(`${id}1`);
        expect(endpointOf(`/api/v2/users/${part}`)).toBe('users/:id');
      }),
    );
  });
});

it('statusLabel tells classes apart, and 429 from the rest', () => {
  expect([200, 201, 304, 400, 429, 500, null].map(statusLabel)).toEqual([
    ...['2xx', '2xx', '3xx', '4xx', '429', '5xx', 'none'],
  ]);
});
