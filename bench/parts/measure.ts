import type { ResourceName } from '../../src/contracts/names.js';
import type { ExtractTenantInput } from '../../src/contracts/types.js';
import type { BaselineSpec } from '../baselines/spec.js';
import type { Measurement } from '../lib/report.js';
import { type Copied, copyTenant, type Stored, storedIn } from './copy.js';
import { benchFile } from './paths.js';
import { watch } from './process-use.js';
import { runProgram } from './program.js';
import { unlessAborted } from './scope.js';
import type { Profiling, Stack } from './stack.js';
import type { Tenant } from './tenant.js';
import { startWorker } from './worker.js';

/** What is measured in one case: its servers, its tenant, and names that no other measurement uses. */
export interface Bench {
  stack: Stack;
  tenant: Tenant;
  signal: AbortSignal;
  profiling: Profiling;
}

/** Pages of 100 rows that one insert holds, in a worker that catches up (src/activities/fetch-pages.ts) and in the baselines. */
const PAGES_PER_INSERT = 50;
/** Rows that one insert of exported users holds (src/activities/users-export.ts). */
const ROWS_PER_INSERT = 10_000;

let measured = 0;

/** A name for a database, a tenant and a task queue that nothing has used yet. */
export function freshName(): string {
  measured++;
  return `bench_${measured}`;
}

/** The subject of ours in every table. */
export const OURS = 'auth0-clickhouse';

/**
 * Copies a resource into a fresh database with a fresh worker; the time counts from the start of the workflow. The
 * database is dropped unless it is to be kept.
 */
export async function measureOurs(
  { stack, tenant, signal, profiling }: Bench,
  resource: ResourceName,
  options: { env?: Record<string, string>; input?: ExtractTenantInput; keep?: string } = {},
): Promise<Measurement> {
  const name = options.keep ?? freshName();
  const plan = { name, taskQueue: name };
  const env = options.env && { env: options.env };
  const worker = await startWorker(
    stack,
    { tenants: [{ tenant, name }], taskQueue: name, database: name, ...env },
    profiling,
  );
  try {
    await tenant.resetStats();
    const used = watch([worker.watched, ...stack.watched, tenant.watched]);
    const copied = await unlessAborted(signal, copyTenant(stack, plan, resource, options.input));
    const processes = used();
    const stats = await tenant.stats();
    const stored = await storedIn(stack, name, `${resource}_raw`);
    return { subject: OURS, processes, metrics: { ...metricsOf(copied, stored), ...stats } };
  } finally {
    await worker.stop();
    if (options.keep === undefined) await dropDatabase(stack, name);
  }
}

function metricsOf({ rows, pages, seconds, history }: Copied, stored: Stored): Record<string, number> {
  return {
    rows,
    pages,
    seconds,
    rowsPerSecond: rows / seconds,
    historyEvents: history.events,
    historyBytes: history.bytes,
    storedRows: stored.rows,
    bytesPerRow: stored.bytes / stored.rows,
    parts: stored.parts,
  };
}

/** What a baseline is told, with a fresh database of its own. */
export function baselineSpec(
  { stack, tenant }: Pick<Bench, 'stack' | 'tenant'>,
  spec: Pick<BaselineSpec, 'kind' | 'resource'> & Partial<BaselineSpec>,
): BaselineSpec {
  const name = freshName();
  return {
    origin: tenant.origin,
    clickhouseUrl: stack.clickhouse.url,
    database: name,
    tenant: name,
    pagesPerInsert: PAGES_PER_INSERT,
    rowsPerInsert: ROWS_PER_INSERT,
    file: '',
    repeat: 1,
    form: 'json',
    usersBy: 'export',
    headroom: 0,
    ...spec,
  };
}

/** Runs a baseline in a process of its own, against the same servers. `rows`: how many there are, where it cannot say. */
export async function measureBaseline(
  { stack, tenant, signal }: Bench,
  subject: string,
  spec: Pick<BaselineSpec, 'kind' | 'resource'> & Partial<BaselineSpec>,
  rows?: number,
): Promise<Measurement> {
  const full = baselineSpec({ stack, tenant }, spec);
  const used = watch([...stack.watched, tenant.watched]);
  await tenant.resetStats();
  const args = [benchFile('baselines/main.js'), JSON.stringify(full)];
  const { metrics, use } = await runProgram(subject, process.execPath, args, signal);
  const processes = { baseline: use, ...used() };
  const stats = await tenant.stats();
  await dropDatabase(stack, full.database);
  const counted = rows === undefined ? {} : { rows, rowsPerSecond: rows / (metrics['seconds'] ?? Number.NaN) };
  return { subject, processes, metrics: { ...metrics, ...counted, ...stats } };
}

/** Drops a database of a measurement, so that its merges do not go on beside the next one. */
export async function dropDatabase(stack: Stack, name: string): Promise<void> {
  await stack.clickhouse.client.command({ query: `DROP DATABASE IF EXISTS ${name} SYNC` });
}
