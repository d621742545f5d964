import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { RESOURCES, resourceWorkflowId, tenantWorkflowId } from '../../src/contracts/names.js';
import type { TenantResult } from '../../src/contracts/types.js';
import type { RunEnd } from '../../src/temporal/start-or-join.js';
import { startSync } from '../../src/temporal/sync-run.js';
import { checkCopy, type CopiesMade, digestOf } from './check.js';
import type { LanePlan, StepKill, VictimName } from './plan.js';
import type { Program } from './program.js';
import type { Report } from './report.js';
import { type ChaosTenant, type Stack, startTenant, startWorker } from './stack.js';
import type { Victim } from './victim.js';
import { until } from './wait.js';

/** A copy that takes longer is stuck. */
const COPY_MS = 8 * 60_000;
const ANSWER_MS = 60_000;
/** Copies of one tenant, before the next is made. */
const COPIES_PER_ROUND = 3;
/** Kills that are meant for one copy. */
const KILLS_PER_COPY = 4;
/** Each costs an activity one of its eight attempts, and a wait that doubles. */
const STEP_KILLS_PER_COPY = 2;
/** A copy that fails honestly is started again; one that keeps failing is a finding. */
const MAX_FAILED_IN_A_ROW = 4;

/** What a lane works with. */
export interface LaneOptions {
  name: string;
  seed: number;
  program: Program;
  folder: string;
  stack: Stack;
  plan: LanePlan;
  report: Report;
  /** Smallest and largest number of logs that a tenant begins with. */
  logs: [number, number];
  /** Requests that the tenant answers between two kills, at most. */
  apart: number;
}

/** Runs rounds until the lane's plan is done: each is a new tenant, copied and checked under fire. */
export async function runLane(options: LaneOptions): Promise<void> {
  const { plan } = options;
  const most = 3 + Math.ceil((plan.kills.length + plan.steps.length) / 2);
  for (let round = 1; plan.kills.length + plan.steps.length > 0; round++) {
    if (round > most) throw new Error(`${options.name}: the plan is not done after ${most} rounds`);
    await runRound(options, round);
  }
}

async function runRound(options: LaneOptions, round: number): Promise<void> {
  const { program, folder, stack, plan, report, logs } = options;
  const { random } = plan;
  const name = `${options.name}-${round}`;
  report.say(`${name}: begins`);
  const size = { seed: options.seed * 1000 + round, logs: random.between(...logs), users: 1_200, clients: 110 };
  const tenant = await startTenant(program, folder, name, size, report);
  const copies: CopiesMade = { completed: 0, failed: 0 };
  try {
    for (let copy = 1; copy <= COPIES_PER_ROUND && (copy === 1 || plan.kills.length + plan.steps.length > 0); copy++) {
      if (copy > 1) await changeTenant(tenant, random.between(300, 1_200));
      const before = await digestOf(tenant);
      await copyUntilDone(options, tenant, copies);
      await tenant.victim.up();
      if ((await digestOf(tenant)) !== before) report.problem(`${name}: the tenant is not the same after its restarts`);
    }
    const findings = await checkCopy(stack, tenant, copies);
    report.round(name, findings, copies);

    // In peace: nothing is left to be copied, so nothing is.
    await tenant.admin('DELETE', 'faults');
    const calm = await copyOnce(options, tenant, [], 0);
    const { logs: ofLogs, users, clients } = calm.kind === 'result' ? calm.result.resources : {};
    if (ofLogs?.status !== 'completed' || ofLogs.rows > 0 || ofLogs.gaps > 0)
      report.problem(`${name}: a further copy of logs ${ofLogs?.status} with ${ofLogs?.rows} rows`);
    for (const result of [users, clients])
      if (result?.status !== 'completed' || result.deleted > 0)
        report.problem(`${name}: a further copy of ${result?.resource} ${result?.status}, ${result?.deleted} deleted`);
    for (const resource of RESOURCES) await expectClosed(stack, resourceWorkflowId(name, resource), report);
    await expectClosed(stack, tenantWorkflowId(name), report);
  } finally {
    await tenant.stop();
  }
}

/** Events happen, users and clients come, change and go. */
async function changeTenant(tenant: ChaosTenant, logs: number): Promise<void> {
  await tenant.victim.up();
  await tenant.admin('POST', 'logs', { count: logs, spreadMs: 5_000 });
  await tenant.admin('POST', 'users', { add: 30, touch: 40, remove: 20 });
  await tenant.admin('POST', 'clients', { add: 5, touch: 4, remove: 3 });
}

type Victims = Record<VictimName, Victim>;

/** Copies under fire until a copy has completed. */
async function copyUntilDone(options: LaneOptions, tenant: ChaosTenant, copies: CopiesMade): Promise<void> {
  const { plan, report } = options;
  for (let failed = 0; ; failed++) {
    const kills = plan.kills.splice(0, KILLS_PER_COPY);
    const end = await copyOnce(options, tenant, kills, STEP_KILLS_PER_COPY);
    if (end.kind === 'result' && end.result.status === 'completed') {
      copies.completed++;
      return;
    }
    copies.failed++;
    report.failedCopy(`${tenant.name}: ${end.kind === 'result' ? reasonsOf(end.result) : end.reason}`);
    if (failed >= MAX_FAILED_IN_A_ROW) throw new Error(`${tenant.name}: ${failed + 1} copies in a row have failed`);
  }
}

function reasonsOf({ resources }: TenantResult): string {
  const bad = Object.values(resources).filter(({ status }) => status !== 'completed');
  return bad.map(({ resource, status, error }) => `${resource} ${status}: ${error?.message ?? ''}`).join('; ');
}

/**
 * One copy by a worker of its own, with these kills while it runs, and with the worker killing itself up to
 * `stepKills` times. Kills that came too late go back to the plan.
 */
async function copyOnce(
  options: LaneOptions,
  tenant: ChaosTenant,
  kills: VictimName[],
  stepKills: number,
): Promise<RunEnd<TenantResult>> {
  const { program, folder, stack, plan, report } = options;
  await Promise.all([stack.temporal.up(), stack.clickhouse.up()]);
  let stepsLeft = stepKills;
  const reached = (step: StepKill): void => {
    stepsLeft--;
    plan.steps.splice(plan.steps.indexOf(step), 1);
    report.stepKill(step.step);
  };
  const { back, diedByItself } = report;
  const worker = await startWorker(program, folder, stack, tenant, { back, diedByItself, reached }, () =>
    stepsLeft > 0 ? plan.steps[0] : undefined,
  );
  try {
    const victims = { worker, tenant: tenant.victim, temporal: stack.temporal, clickhouse: stack.clickhouse };
    return await copyWith(options, tenant, victims, kills);
  } finally {
    await worker.stop();
  }
}

async function copyWith(
  { stack, plan, report, name, apart }: LaneOptions,
  tenant: ChaosTenant,
  victims: Victims,
  kills: VictimName[],
): Promise<RunEnd<TenantResult>> {
  const started = Date.now();
  const run = await until(
    'the start of a copy',
    async () => {
      await Promise.all(Object.values(victims).map((victim) => victim.up()));
      return startSync(stack.client, tenant.name, tenant.name, { full: true });
    },
    2 * ANSWER_MS,
  );
  const handle = stack.client.workflow.getHandle(run.workflowId, run.runId);
  const over = new AbortController();
  const firing = fire(kills, { plan, tenant, victims, report, lane: name, apart, over: over.signal });
  let closedAt: number;
  try {
    closedAt = await untilClosed(handle);
  } finally {
    over.abort();
  }
  const fired = await firing;
  for (const { victim, at } of fired.shots) {
    if (at < closedAt) report.kill(victim);
    else fired.left.push(victim);
  }
  plan.kills.push(...fired.left);
  const end = await until('the end of a copy', () => run.end(), ANSWER_MS);
  report.copy(tenant.name, closedAt - started);
  return end;
}

/** Waits for the end of a run, over restarts of the server; returns when it was, ms since 1970. */
function untilClosed(handle: WorkflowHandle): Promise<number> {
  return until(
    `the end of ${handle.workflowId}`,
    async () => {
      const { status, closeTime } = await handle.describe();
      return status.name === 'RUNNING' ? undefined : closeTime?.getTime();
    },
    COPY_MS,
  );
}

interface Fire {
  plan: LanePlan;
  tenant: ChaosTenant;
  victims: Victims;
  report: Report;
  lane: string;
  apart: number;
  over: AbortSignal;
}

/** Kills one after the other at moments that nobody chose, until all are done or the copy is over. */
async function fire(kills: VictimName[], { plan, tenant, victims, report, lane, apart, over }: Fire) {
  const shots: { victim: VictimName; at: number }[] = [];
  const left = [...kills];
  const answered = answersOf(tenant);
  for (const victim of kills) {
    const pages = plan.random.between(1, apart);
    const delay = plan.random.between(0, 600);
    // Two of three wait until the copy has moved on; the third comes while others are still down.
    if (!plan.random.chance(1 / 3)) await untilMoved(answered, pages, over);
    await sleep(delay, undefined, { signal: over }).catch(() => {});
    await victims[victim].up();
    if (over.aborted) break;
    const at = Date.now();
    if (!(await victims[victim].kill())) continue;
    report.say(`${lane}: killed ${victim}`);
    shots.push({ victim, at });
    left.splice(left.indexOf(victim), 1);
  }
  return { shots, left };
}

/** A copy that stands still, for instance until a worker is given up, is hit after so long all the same. */
const STILL_MS = 15_000;

async function untilMoved(answered: () => Promise<number>, pages: number, over: AbortSignal): Promise<void> {
  const before = await answered();
  const moved = async (): Promise<true | undefined> =>
    over.aborted || (await answered()) - before >= pages ? true : undefined;
  await until('a copy that moves', moved, STILL_MS).catch(() => {});
}

/** Counts what a tenant has answered, over its restarts; asking one that is down counts as no answer. */
function answersOf(tenant: ChaosTenant): () => Promise<number> {
  let sum = 0;
  let last = 0;
  return async () => {
    const stats = await tenant.admin('GET', 'stats').catch(() => undefined);
    const requests = typeof stats === 'object' && stats !== null && 'requests' in stats ? stats.requests : {};
    const now = Object.values(requests ?? {})
      .flatMap((byStatus: object) => Object.values(byStatus))
      .reduce((total: number, n) => total + Number(n), 0);
    if (now < last) last = 0;
    sum += now - last;
    last = now;
    return sum;
  };
}

async function expectClosed(stack: Stack, workflowId: string, report: Report): Promise<void> {
  const handle = stack.client.workflow.getHandle(workflowId);
  const state = await until(`the state of ${workflowId}`, async () => (await handle.describe()).status.name, ANSWER_MS);
  if (state === 'RUNNING') report.problem(`${workflowId} still runs after the copy has ended`);
}
