import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { METRICS } from '../../../src/observability/definitions.js';
import {
  findPrometheus,
  labelNames,
  metricNames,
  type PrometheusPrograms,
  readAlerts,
  readDashboard,
  sayWithoutPrometheus,
} from '../../support/prometheus.js';

const root = new URL('../../../', import.meta.url);
const path = (name: string) => fileURLToPath(new URL(name, root));
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const alerts = readAlerts();
const dashboard = readDashboard();
const targets = dashboard.panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })));

/** Metrics that are not ours: of Prometheus itself, of the Node process, of Temporal. The latter are checked live. */
const FOREIGN = /^(up|process_\w+|temporal_\w+)$/;
const ours = new Map(METRICS.map((metric) => [metric.name as string, metric]));

function problemsOf(expr: string): string[] {
  const names = metricNames(expr).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  if (names.length === 0) return [`${expr}: names no metric`];
  const unknown = names.filter((name) => !ours.has(name) && !FOREIGN.test(name));
  const known = new Set(['job', 'instance', 'le', 'activity_type']);
  for (const name of names) for (const label of ours.get(name)?.labels ?? []) known.add(label);
  const labels = labelNames(expr).filter((label) => !known.has(label) && !(label === 'tenant' && names.includes('up')));
  return [...unknown.map((name) => `no metric ${name}`), ...labels.map((label) => `${expr}: no label ${label}`)];
}

describe('alerts and panels', () => {
  it('name metrics and labels that exist', () => {
    const exprs = [
      ...alerts.map(({ expr }) => expr),
      ...targets.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
    ];
    expect(exprs.length).toBeGreaterThan(25);
    expect(exprs.flatMap((expr) => problemsOf(expr))).toEqual([]);
  });

  it.each([
    ['sum(auth0_clickhouse_row_total)', 'no metric auth0_clickhouse_row_total'],
    ['rate(auth0_clickhouse_rows_total{tenat="a"}[5m])', 'no label tenat'],
    ['sum by (tenant, kind) (auth0_clickhouse_stale)', 'no label kind'],
  ])('would not pass with %s', (expr, problem) => {
    expect(problemsOf(expr).join()).toContain(problem);
  });

  it('show every metric of the state of the copy somewhere, or alert by it', () => {
    const used = [...alerts.map(({ expr }) => expr), ...targets.map(({ expr = '' }) => expr)].join(' ');
    for (const name of [
      'stale',
      'lag_seconds',
      'cursor_age_seconds',
      'retention_seconds',
      'gaps',
      'state_read_errors_total',
    ])
      expect(used).toContain(`auth0_clickhouse_${name}`);
  });
});

describe('the dashboard', () => {
  it('has a title and a source for every query, and no panel twice', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, type, targets: own } of panels) expect(own.length > 0 || type === 'row', title).toBe(true);
    for (const { title, datasource, expr, rawSql } of targets) {
      const wanted = { prometheus: expr, clickhouse: rawSql }[datasource.uid];
      expect(wanted, `${title} asks ${datasource.uid}`).toBeDefined();
    }
  });

  it('asks the data sources that are provisioned', () => {
    const sources = read('deploy/grafana/provisioning/datasources/auth0-clickhouse.yml');
    for (const { datasource } of targets) {
      expect(sources).toContain(`uid: ${datasource.uid}\n    type: ${datasource.type}\n`);
    }
  });

  it('narrows everything about a copy to the tenant that was chosen', () => {
    for (const { title, rawSql, expr } of targets) {
      if (rawSql !== undefined) expect(rawSql, title).toContain('tenant IN (${tenant:singlequote})');
      if (expr?.includes('auth0_clickhouse_')) expect(expr, title).toContain('tenant=~"$tenant"');
    }
  });
});

describe('docs/runbook.md', () => {
  const text = read('docs/runbook.md');

  it('has a section for every alert, in their order, and no other', () => {
    const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(alerts.map(({ alert }) => alert));
  });

  it('is where every alert leads, and where docs/monitoring.md sends its readers', () => {
    const monitoring = read('docs/monitoring.md');
    for (const { alert, annotations, labels } of alerts) {
      expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
      expect(monitoring).toMatch(
        new RegExp(`\\[${alert}\\]\\(runbook.md#${alert.toLowerCase()}\\)\\s*\\| ${labels.severity}\\s`),
      );
    }
  });

  it('says of each what it means, where to look and what to do', () => {
    for (const part of text.split(/^## /m).slice(1))
      for (const word of ['**Means:**', '**Look:**', '**Do:**']) expect(part, part.split('\n')[0]).toContain(word);
  });
});

describe('docs/monitoring.md', () => {
  it('lists every metric with kind, labels and meaning, and no other', () => {
    const rows = read('docs/monitoring.md')
      .split('\n')
      .filter((line) => /^\| `auth0_clickhouse_\w+`\s*\|/.test(line))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    const wanted = METRICS.map(({ name, kind, labels, help }) => [
      `\`${name}\``,
      kind,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
    expect(rows).toEqual(wanted);
  });
});

describe('Prometheus itself', () => {
  let programs: PrometheusPrograms | null = null;
  beforeAll(async () => {
    programs = await findPrometheus();
    if (programs === null) sayWithoutPrometheus('promtool on deploy/prometheus');
  }, 90_000);
  const promtool = (...args: string[]) => promisify(execFile)(programs?.promtool ?? '', args);

  it('accepts the configuration and the rules', async ({ skip }) => {
    if (programs === null) return skip();
    const { stdout } = await promtool('check', 'config', path('deploy/prometheus/prometheus.yml'));
    expect(stdout).toContain(`SUCCESS: ${alerts.length} rules found`);
  });

  it('fires every alert where it should, and not before', async ({ skip }) => {
    const file = 'test/unit/deploy/alerts.rules-test.yml';
    const text = read(file);
    expect(alerts.map(({ alert }) => alert).filter((alert) => !text.includes(`alertname: ${alert}\n`))).toEqual([]);
    if (programs === null) return skip();
    const { stdout } = await promtool('test', 'rules', path(file));
    expect(stdout).toContain('SUCCESS');
  });
});

it('every file that docker-compose mounts for them exists', () => {
  const mounted = [...read('docker-compose.yml').matchAll(/\.\/(deploy\/(?:grafana|prometheus)[^:]*):/g)];
  expect(mounted.length).toBe(5);
  for (const [, file = ''] of mounted) expect(existsSync(path(file)), file).toBe(true);
});
