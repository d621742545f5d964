import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RESOURCES } from '../../src/contracts/names.js';
import { METRICS } from '../../src/observability/definitions.js';
import { type EmulatedTenant, startTenant } from '../support/emulated-tenant.js';
import { type Lab, startLab } from '../support/lab.js';
import {
  findPrometheus,
  labelNames,
  metricNames,
  readAlerts,
  readDashboard,
  sayWithoutPrometheus,
  startPrometheus,
} from '../support/prometheus.js';
import { ensureBuilt, tenantEnv } from '../support/up.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Refused requests and failed pages below come from these faults. */
const TENANT = 'acme';

interface RunningWorker {
  process: ChildProcess;
  url: string;
  /** Its log so far, parsed. */
  log: Record<string, unknown>[];
  stop(): Promise<void>;
}

let lab: Lab;
let tenant: EmulatedTenant;
let worker: RunningWorker;
let collector: Server;
/** Bodies that the collector was sent. */
const traces: string[] = [];

/** The built worker as a process of its own, configured by its environment as in production. */
async function startWorker(env: Record<string, string>): Promise<RunningWorker> {
  const child = spawn(process.execPath, [`${ROOT}dist/worker.js`], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      resolve(z.object({ event: z.literal('ready'), metrics: z.string() }).parse(JSON.parse(line)).metrics);
    });
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}: ${JSON.stringify(log)}`)));
  });
  return {
    process: child,
    url,
    log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Samples of `/metrics`: name and labels as they are written there. */
async function scrape(url: string): Promise<Map<string, number>> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const sumOf = (samples: Map<string, number>, start: string, holds = '') =>
  [...samples]
    .filter(([key]) => key.startsWith(start) && key.includes(holds))
    .reduce((sum, [, value]) => sum + value, 0);

beforeAll(async () => {
  ensureBuilt();
  lab = await startLab();
  tenant = await startTenant({ seed: 5, logs: 950, users: 1_100, clients: 60 });
  collector = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      traces.push(`${request.url} ${String(request.headers['x-key'])} ${body}`);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const address = collector.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  worker = await startWorker({
    ...tenantEnv(tenant.origin),
    AUTH0_TENANT: TENANT,
    AUTH0_LOG_RETENTION_DAYS: '2',
    ...lab.temporalEnv,
    TEMPORAL_TASK_QUEUE: 'lab',
    CLICKHOUSE_URL: lab.clickhouseUrl,
    METRICS_PORT: '0',
    SHUTDOWN_GRACE: '1',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=s3cr3t',
  });
}, 180_000);

afterAll(async () => {
  await worker?.stop();
  await lab?.close();
  await tenant?.close();
  collector?.close();
});

describe('a real worker', () => {
  it('counts what the ledger and the tenant count', async () => {
    await tenant.admin('faults', { route: 'logs', action: { status: 503 }, times: 1 });
    await tenant.admin('faults', {
      route: 'clients',
      action: { status: 429, headers: { 'retry-after': '1' } },
      times: 1,
    });
    const result = await lab.sync(TENANT);
    expect(result.status).toBe('completed');
    const samples = await scrape(worker.url);

    const ledger = await lab.rows(
      `SELECT resource, rows, pages, requests FROM pipeline_runs WHERE tenant = '${TENANT}'`,
    );
    expect(ledger).toHaveLength(RESOURCES.length);
    for (const { resource, rows, pages } of ledger) {
      const labels = `{tenant="${TENANT}",resource="${resource}"}`;
      expect(samples.get(`auth0_clickhouse_rows_total${labels}`), `rows of ${resource}`).toBe(Number(rows));
      if (Number(pages) > 0)
        expect(samples.get(`auth0_clickhouse_pages_total${labels}`), `pages of ${resource}`).toBe(Number(pages));
      expect(
        samples.get(`auth0_clickhouse_runs_total{tenant="${TENANT}",resource="${resource}",status="completed"}`),
      ).toBe(1);
      expect(samples.get(`auth0_clickhouse_insert_seconds_count${labels}`)).toBeGreaterThan(0);
    }
    const { requests, tokensMinted } = tenant.emulator.stats();
    const answered = (holds: (route: string, status: string) => boolean) =>
      Object.entries(requests)
        .filter(([route]) => !/token|admin|_emulator|download|file/.test(route))
        .flatMap(([route, statuses]) =>
          Object.entries(statuses).map(([status, n]) => ({ n: holds(route, status) ? n : 0 })),
        )
        .reduce((sum, { n }) => sum + n, 0);
    expect(sumOf(samples, 'auth0_clickhouse_requests_total')).toBe(answered(() => true));
    expect(sumOf(samples, 'auth0_clickhouse_requests_total', 'status="5xx"')).toBe(
      answered((_, status) => status.startsWith('5')),
    );
    expect(sumOf(samples, 'auth0_clickhouse_requests_total', 'endpoint="logs"')).toBe(
      answered((route) => route === 'logs'),
    );
    expect(sumOf(samples, 'auth0_clickhouse_rate_limited_total')).toBe(answered((_, status) => status === '429'));
    expect(sumOf(samples, 'auth0_clickhouse_rate_limited_total')).toBeGreaterThan(0);
    expect(sumOf(samples, 'auth0_clickhouse_token_mints_total')).toBe(tokensMinted);
    expect(sumOf(samples, 'auth0_clickhouse_activity_failures_total', 'kind="TenantUnavailable"')).toBe(1);
    expect(sumOf(samples, 'auth0_clickhouse_activity_failures_total', 'kind="RateLimited"')).toBe(1);
  }, 90_000);

  it('shows the state of the copy, with what is expected of it', async () => {
    await expect
      .poll(async () => sumOf(await scrape(worker.url), 'auth0_clickhouse_rows_stored'), {
        timeout: 30_000,
        interval: 1_000,
      })
      .toBeGreaterThan(2_000);
    const samples = await scrape(worker.url);
    for (const resource of RESOURCES) {
      const labels = `{tenant="${TENANT}",resource="${resource}"}`;
      const [row] = await lab.rows(`SELECT count() AS n FROM ${resource}_raw`);
      expect(samples.get(`auth0_clickhouse_rows_stored${labels}`)).toBe(Number(row?.['n']));
      expect(samples.get(`auth0_clickhouse_lag_seconds${labels}`)).toBeLessThan(120);
      expect(samples.get(`auth0_clickhouse_stale${labels}`)).toBe(0);
      expect(samples.get(`auth0_clickhouse_gaps${labels}`)).toBe(0);
    }
    expect(samples.get(`auth0_clickhouse_retention_seconds{tenant="${TENANT}"}`)).toBe(2 * 86_400);
    expect(samples.get(`auth0_clickhouse_cursor_age_seconds{tenant="${TENANT}"}`)).toBeLessThan(120);
  }, 60_000);

  it('has every metric that the documentation names, and Temporal’s own, without any id in a label', async () => {
    const text = await (await fetch(`${worker.url}/metrics`)).text();
    expect(METRICS.map(({ name, kind }) => `# TYPE ${name} ${kind}`).filter((line) => !text.includes(line))).toEqual(
      [],
    );
    expect(text).toContain('temporal_activity_execution_latency_seconds_bucket{');
    for (const resource of RESOURCES) for (const id of await tenant.ids(resource)) expect(text).not.toContain(id);
  });

  it('has every metric and label that a panel or an alert asks for', async () => {
    const samples = [...(await scrape(worker.url)).keys()];
    const exprs = [
      ...readAlerts().map(({ expr }) => expr),
      ...readDashboard().panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr = '' }) => (expr === '' ? [] : [expr])),
      ),
    ];
    // Prometheus adds these itself; of failures that have not happened there are no samples yet.
    const added = new Set(['up', 'job', 'instance']);
    const eventual = new Set(['auth0_clickhouse_insert_failures_total']);
    for (const expr of exprs) {
      const names = metricNames(expr).filter((name) => !added.has(name) && !eventual.has(name));
      const found = names.map((name) => samples.filter((key) => key.startsWith(`${name}{`) || key === name));
      for (const [i, keys] of found.entries()) expect(keys.length, `${names[i]} of ${expr}`).toBeGreaterThan(0);
      for (const label of labelNames(expr).filter((name) => !added.has(name)))
        if (names.some((name) => !added.has(name)))
          expect(found.flat().join(), `label ${label} of ${expr}`).toContain(`${label}="`);
    }
  });

  it('answers every expression of the dashboard and of the alerts, asked by Prometheus itself', async ({ skip }) => {
    const programs = await findPrometheus();
    if (programs === null) {
      sayWithoutPrometheus('expressions against a real worker (names and labels were checked)');
      return skip();
    }
    const prometheus = await startPrometheus(programs, worker.url);
    try {
      await expect
        .poll(async () => (await prometheus.query('count_over_time(up{job="auth0-clickhouse"}[1m])'))[0]?.value ?? 0, {
          timeout: 30_000,
        })
        .toBeGreaterThan(4);
      expect((await prometheus.query('up'))[0]).toMatchObject({ value: 1, labels: { job: 'auth0-clickhouse' } });
      const silent: string[] = [];
      for (const { title, targets } of readDashboard().panels)
        for (const { expr } of targets) {
          if (expr === undefined) continue;
          const asked = expr.replaceAll('$__rate_interval', '1m').replaceAll('$tenant', '.*');
          if ((await prometheus.query(asked)).length === 0) silent.push(title);
        }
      expect(silent, 'panels without any series').toEqual([]);
      const rules = await prometheus.rules();
      expect(rules.map(({ name }) => name)).toEqual(readAlerts().map(({ alert }) => alert));
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
      expect(await prometheus.query('ALERTS{alertstate="firing", alertname!="Auth0TokensMintedOften"}')).toEqual([]);
    } finally {
      await prometheus.stop();
    }
  }, 120_000);

  it('answers every query of the dashboard to ClickHouse', async () => {
    await lab.clickhouse.insert({
      table: '_pipeline_gaps',
      format: 'JSONEachRow',
      values: [
        { tenant: TENANT, resource: 'logs', gap_from: 'a', gap_to: 'b', reason: 'test', run_id: 'r', version: 1 },
      ],
    });
    const { panels, templating } = readDashboard();
    expect(await lab.column(asGrafana(templating.list[0]?.query.rawSql ?? ''))).toEqual([TENANT]);
    let queries = 0;
    for (const { title, targets } of panels)
      for (const { rawSql } of targets) {
        if (rawSql === undefined) continue;
        queries++;
        const rows = await lab.rows(asGrafana(rawSql));
        // Nothing has gone wrong in this copy, so that what lists failures is empty.
        if (title !== 'Runs that ended badly' && title !== 'Warnings of runs')
          expect(rows.length, title).toBeGreaterThan(0);
      }
    expect(queries).toBe(6);
  });

  it('logs the open and the close of each run and every failure once, with the place and without data', async () => {
    const { log } = worker;
    for (const resource of RESOURCES)
      for (const msg of ['run opened', 'run closed']) {
        const lines = log.filter((line) => line['msg'] === msg && line['resource'] === resource);
        expect(lines, `${msg} of ${resource}`).toHaveLength(1);
        expect(lines[0]).toMatchObject({
          tenant: TENANT,
          workflowId: `auth0/${TENANT}/${resource}`,
          runId: expect.stringMatching(/^[0-9a-f-]{36}$/),
          attempt: 1,
        });
      }
    const failed = log.filter(({ kind }) => kind === 'TenantUnavailable');
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({
      level: 40,
      resource: 'logs',
      activity: 'fetchPages',
      attempt: 1,
      willRetry: true,
    });
    expect(String(failed[0]?.['msg'])).toMatch(/HTTP 503.*it is tried again.*\[attempt 1 of 8\]/);
    expect(log.filter(({ msg }) => String(msg).includes('Activity failed'))).toEqual([]);
    expect(log.filter(({ kind }) => kind === 'RateLimited')).toMatchObject([{ level: 30, resource: 'clients' }]);
    const all = JSON.stringify(log);
    expect(all).not.toMatch(/s3cr3t|Bearer|@example/);
    for (const id of await tenant.ids('users')) expect(all).not.toContain(id);
  });

  it('sends spans of workflows and activities of one sync as one trace, without personal data', async () => {
    await expect.poll(() => traces.join(), { timeout: 15_000 }).toContain('RunWorkflow:extractTenant');
    await expect.poll(() => traces.join(), { timeout: 15_000 }).toContain('RunActivity:closeRun');
    expect(traces.every((body) => body.startsWith('/v1/traces s3cr3t '))).toBe(true);
    const spans = spansOf(traces);
    const byName = (name: string) => spans.filter((span) => span.name === name);
    expect(new Set(byName('RunWorkflow:extractTenant').map(({ traceId }) => traceId)).size).toBe(1);
    const [root] = byName('RunWorkflow:extractTenant');
    for (const name of ['RunWorkflow:extractLogs', 'RunActivity:fetchPages', 'RunActivity:closeRun']) {
      expect(byName(name).length, name).toBeGreaterThan(0);
      expect(
        byName(name).every(({ traceId }) => traceId === root?.traceId),
        name,
      ).toBe(true);
    }
    expect(traces.join()).toContain('"stringValue":"auth0-clickhouse"');
    for (const id of await tenant.ids('users')) expect(traces.join()).not.toContain(id);
  }, 60_000);

  it('is ready, and is not when ClickHouse is away; then the gauges of the copy are gone', async () => {
    const ready = async () => {
      const answer = await fetch(`${worker.url}/readyz`);
      return { status: answer.status, body: z.record(z.string(), z.string()).parse(await answer.json()) };
    };
    expect(await ready()).toEqual({
      status: 200,
      body: { status: 'ok', worker: 'ok', clickhouse: 'ok', temporal: 'ok' },
    });
    await lab.stopClickHouse();
    const { status, body } = await ready();
    expect(status).toBe(503);
    expect(body).toMatchObject({ worker: 'ok', temporal: 'ok' });
    expect(body['clickhouse']).not.toBe('ok');
    expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
    await expect
      .poll(async () => [...(await scrape(worker.url)).keys()].filter((key) => key.includes('rows_stored')), {
        timeout: 40_000,
        interval: 2_000,
      })
      .toEqual([]);
    const samples = await scrape(worker.url);
    expect(sumOf(samples, 'auth0_clickhouse_state_read_errors_total', 'clickhouse')).toBeGreaterThan(0);
    expect([...samples.keys()].filter((key) => /_(stale|lag_seconds|gaps)\{/.test(key))).toEqual([]);
  }, 90_000);

  it('stops serving when it stops, and leaves spans behind', async () => {
    await worker.stop();
    expect(worker.process.exitCode).toBe(0);
    await expect(fetch(`${worker.url}/healthz`)).rejects.toThrow();
  }, 30_000);
});

/** SQL as the plugin sends it: its macros and the dashboard's variable replaced. */
function asGrafana(sql: string): string {
  const ms = (at: number) => `fromUnixTimestamp64Milli(${at})`;
  const [from, to] = [Date.now() - 400 * 86_400_000, Date.now() + 60_000];
  const out = sql
    .replaceAll(
      /\$__timeFilter\((\w+)\)/g,
      (_, column: string) => `${column} >= ${ms(from)} AND ${column} <= ${ms(to)}`,
    )
    .replaceAll(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)')
    .replaceAll('${tenant:singlequote}', `'${TENANT}'`);
  expect(out).not.toContain('$');
  return out;
}

function spansOf(bodies: readonly string[]) {
  const schema = z.object({
    resourceSpans: z.array(
      z.object({
        scopeSpans: z.array(z.object({ spans: z.array(z.object({ name: z.string(), traceId: z.string() })) })),
      }),
    ),
  });
  return bodies
    .map((body) => schema.parse(JSON.parse(body.slice(body.indexOf('{')))))
    .flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
}
