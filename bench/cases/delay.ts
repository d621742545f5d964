import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { spawnChild } from '../../src/embedded/child-process.js';
import { applySchedules } from '../../src/temporal/schedules.js';
import { baselineSpec, freshName, OURS } from '../parts/measure.js';
import { benchFile } from '../parts/paths.js';
import { readyLine, type Stack } from '../parts/stack.js';
import type { Tenant } from '../parts/tenant.js';
import { startWorker } from '../parts/worker.js';
import type { BenchCase, CaseContext } from './case.js';
import { openBench } from './logs.js';

const POLL_MS = 10;
const PATIENCE_MS = 30_000;
/** Not a multiple of the schedule's second, so that events meet every moment of it. */
const BETWEEN_MS = 730;

/** How long an event takes from the tenant to a query, with a run of logs each second. */
export const delay: BenchCase = {
  id: 'delay',
  title: 'From an event in the tenant to its row in the view, one run a second',
  runs: 20,
  async measure(context) {
    const { stack, tenant } = await openBench(context, { logs: 2_000 });
    await measureOurDelays(context, stack, tenant);
    await measurePlainDelays(context, stack, tenant);
    context.note('A run that starts each second cannot be faster than half a second on average.');
  },
};

async function measureOurDelays(context: CaseContext, stack: Stack, tenant: Tenant): Promise<void> {
  const name = freshName();
  const { client } = stack.temporal;
  const everySecond = {
    schedule: 'logs',
    spec: { kind: 'every', everyMs: 1_000 },
    timezone: 'UTC',
    jitterMs: 0,
  } as const;
  const worker = await startWorker(stack, { tenants: [{ tenant, name }], taskQueue: name, database: name });
  try {
    await applySchedules(client, name, name, [everySecond]);
    await measureDelays(context, stack, tenant, OURS, name);
    await applySchedules(client, name, name, [{ ...everySecond, spec: null }]);
  } finally {
    await worker.stop();
  }
}

async function measurePlainDelays(context: CaseContext, stack: Stack, tenant: Tenant): Promise<void> {
  const spec = baselineSpec({ stack, tenant }, { kind: 'poll', resource: 'logs' });
  const child = await spawnChild({
    name: 'plain loop',
    command: process.execPath,
    args: [benchFile('baselines/main.js'), JSON.stringify(spec)],
  });
  try {
    await readyLine(child, z.object({ event: z.literal('polling') }));
    await measureDelays(context, stack, tenant, 'plain loop, each second', spec.database);
  } finally {
    await child.stop(2_000);
  }
}

async function measureDelays(
  context: CaseContext,
  stack: Stack,
  tenant: Tenant,
  subject: string,
  database: string,
): Promise<void> {
  const countLogs = async (): Promise<number> => {
    const [row] = await stack.rows(`SELECT count() AS n FROM ${database}.logs`).catch(() => []);
    return Number(row?.['n'] ?? 0);
  };
  let held = z.object({ counts: z.object({ logs: z.number() }) }).parse(await tenant.admin('stats')).counts.logs;
  await untilHeld(context, countLogs, held);
  for (let run = 0; run < context.runs; run++) {
    await sleep(BETWEEN_MS, undefined, { signal: context.signal });
    const start = performance.now();
    await tenant.admin('logs', { count: 1 });
    held++;
    await untilHeld(context, countLogs, held);
    context.record({ subject, metrics: { milliseconds: performance.now() - start }, processes: {} });
  }
  context.say(`${subject}: ${context.runs} events`);
}

async function untilHeld({ signal }: CaseContext, count: () => Promise<number>, wanted: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await count()) < wanted) {
    if (performance.now() > deadline) throw new Error('an event did not arrive');
    await sleep(POLL_MS, undefined, { signal });
  }
}
