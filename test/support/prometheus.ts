import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { freePort } from '../../src/embedded/ports.js';

const run = promisify(execFile);
const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

/** The alerts as Prometheus reads them. */
const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
        }),
      ),
    }),
  ),
});

/** The rules of deploy/prometheus/alerts.yml. */
export function readAlerts() {
  const text = readFileSync(join(DEPLOY, 'prometheus', 'alerts.yml'), 'utf8');
  return rulesSchema.parse(parse(text)).groups.flatMap(({ rules }) => rules);
}

const target = z.object({
  datasource: z.object({ type: z.string(), uid: z.string() }),
  expr: z.string().optional(),
  rawSql: z.string().optional(),
});
const dashboardSchema = z.object({
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.object({ rawSql: z.string() }) })) }),
  panels: z.array(
    z.object({ id: z.number(), title: z.string(), type: z.string(), targets: z.array(target).default([]) }),
  ),
});

/** The dashboard of deploy/grafana. */
export function readDashboard() {
  return dashboardSchema.parse(
    JSON.parse(readFileSync(join(DEPLOY, 'grafana', 'dashboards', 'auth0-clickhouse.json'), 'utf8')),
  );
}

/** The programs of Prometheus. */
export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

/**
 * Looks for Prometheus in the folder that PROMETHEUS_BIN names, on PATH, and in our cache, into which it is unpacked
 * from Debian's package where apt-get can fetch it; nothing is installed. Null where there is none: those who ask print
 * that they check less.
 */
export async function findPrometheus(): Promise<PrometheusPrograms | null> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'auth0-clickhouse', 'prometheus');
  const folders = [process.env['PROMETHEUS_BIN'], ...(process.env['PATH'] ?? '').split(delimiter)];
  const look = () =>
    [...folders, join(cache, 'usr', 'bin')]
      .filter((folder) => folder !== undefined)
      .map((folder) => ({ prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') }))
      .find(({ prometheus, promtool }) => existsSync(prometheus) && existsSync(promtool)) ?? null;
  const found = look();
  if (found !== null || process.platform !== 'linux') return found;
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  try {
    await run('apt-get', ['download', 'prometheus'], { cwd: folder, timeout: 60_000 });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) return null;
    await run('dpkg-deb', ['-x', join(folder, archive), join(folder, 'unpacked')]);
    await mkdir(join(cache, '..'), { recursive: true });
    await rename(join(folder, 'unpacked'), cache);
  } catch {
    return look();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return look();
}

/** Says why a test checks less than it could. */
export function sayWithoutPrometheus(what: string): void {
  process.stderr.write(
    `SKIPPED ${what}: no Prometheus here (put prometheus and promtool on PATH, or name their folder in PROMETHEUS_BIN)\n`,
  );
}

/** A Prometheus that scrapes one worker with our rules. */
export interface Prometheus {
  /** The instant query's series. Throws what Prometheus says about a query that it refuses. */
  query(expr: string): Promise<{ labels: Record<string, string>; value: number }[]>;
  /** State of every alert rule, and the error of its last evaluation. */
  rules(): Promise<{ name: string; health: string; lastError: string }[]>;
  stop(): Promise<void>;
}

const answerSchema = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z
    .object({
      result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
    })
    .optional(),
});

/** Starts Prometheus with the rules of deploy/ and with the worker at `url` as the only target, under our job's name. */
export async function startPrometheus({ prometheus }: PrometheusPrograms, url: string): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-data-'));
  const config = readFileSync(join(DEPLOY, 'prometheus', 'prometheus.yml'), 'utf8')
    .replace('worker:9464', new URL(url).host)
    .replaceAll('15s', '1s')
    .replace('alerts.yml', join(DEPLOY, 'prometheus', 'alerts.yml'));
  await writeFile(join(folder, 'prometheus.yml'), config);
  const address = `127.0.0.1:${await freePort()}`;
  const child: ChildProcess = spawn(
    prometheus,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  );
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://${address}${path}`);
    return answer.json();
  };
  for (let tries = 0; tries < 100; tries++) {
    const isReady = await fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  return {
    async query(expr) {
      const answer = answerSchema.parse(await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`));
      if (answer.data === undefined) throw new Error(`${expr}: ${answer.error}`);
      return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async rules() {
      const rule = z.object({ name: z.string(), health: z.string(), lastError: z.string().default('') });
      const answer = z
        .object({ data: z.object({ groups: z.array(z.object({ rules: z.array(rule) })) }) })
        .parse(await ask('/api/v1/rules'));
      return answer.data.groups.flatMap(({ rules }) => rules);
    },
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Names of metrics in an expression: what is neither a function, a keyword, a label nor a text. */
export function metricNames(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, '')
    .replaceAll(/\[[^\]]*\]/g, '');
  const words = [...bare.matchAll(/[a-z_][a-z0-9_]*(?!\w*\s*\()/gi)].map(([word]) => word);
  const keywords = new Set(['and', 'or', 'unless', 'by', 'on', 'offset', 'bool']);
  return [...new Set(words.filter((word) => !keywords.has(word)))];
}

/** Labels of a matcher or of a grouping in an expression. */
export function labelNames(expr: string): string[] {
  const matchers = [...expr.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, name = '']) => name);
  const groupings = [...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/\s*,\s*/));
  return [...new Set([...matchers, ...groupings])];
}
