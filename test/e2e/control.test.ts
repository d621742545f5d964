import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { timeOfLogId } from '../../src/auth0/log-id.js';
import type { LogWindow } from '../../src/contracts/log-window.js';
import { scheduleId, TENANT_WORKFLOW } from '../../src/contracts/names.js';
import type { TenantResult } from '../../src/contracts/types.js';
import { startBackfill } from '../../src/temporal/backfill-run.js';
import { applySchedules, deleteSchedule, listSchedules } from '../../src/temporal/schedules.js';
import { startSync } from '../../src/temporal/sync-run.js';
import { emulatedTenants, startTenant } from '../support/emulated-tenant.js';
import { JSON_SHAPES } from '../support/json-shapes.js';
import { type Lab, startLab } from '../support/lab.js';
import { ensureBuilt, FREE_PORTS, lastJson, processesWith, runCli, startCli, tenantEnv } from '../support/up.js';

const DAY = 86_400_000;
const TASK_QUEUE = 'lab';
/** Midnights, as somebody would type them. */
const daysAgo = (days: number): string => new Date(Math.floor(Date.now() / DAY - days) * DAY).toISOString();

describe('backfill', () => {
  let lab: Lab;
  const tenants = emulatedTenants();

  beforeAll(async () => {
    lab = await startLab();
    await tenants.add('busy', { seed: 3, logs: 9_000, users: 0, clients: 1, liveIntervalMs: 15 });
    await tenants.add('gap', { seed: 4, logs: 300, users: 0, clients: 1 });
    await tenants.add('short', { seed: 5, logs: 3_000, users: 0, clients: 1, logRetentionMs: 5 * DAY });
    await tenants.add('slow', { seed: 6, logs: 1_500, users: 0, clients: 1 });
    await lab.startWorker(tenants.byName);
  }, 60_000);
  afterAll(async () => {
    await lab.close();
    await tenants.close();
  });

  /** Ids of the tenant's logs that were taken in within an interval. */
  const idsWithin = (ids: readonly string[], { from, to }: LogWindow): string[] =>
    ids.filter((id) => {
      const time = timeOfLogId(id) ?? 0;
      return time >= Date.parse(from) && time < Date.parse(to);
    });
  const idsOf = (tenant: string) => lab.column(`SELECT log_id FROM logs WHERE tenant = '${tenant}'`);
  const run = async (tenant: string, window: LogWindow, available = false) => {
    const outcome = await (await startBackfill(lab.client, TASK_QUEUE, tenant, { window, available })).end();
    if (outcome.kind === 'lost') throw new Error(outcome.reason);
    return outcome.result;
  };

  it('of three days beside live syncing is exact, and leaves the live position alone', async () => {
    const source = tenants.of('busy');
    const from = daysAgo(1);
    const first = await lab.sync('busy', { resources: ['logs'], from });
    expect(first.status).toBe('completed');
    const window = { from: daysAgo(20), to: daysAgo(17) };

    const filling = run('busy', window);
    const live: TenantResult[] = [];
    for (let turn = 0; turn < 3; turn++) live.push(await lab.sync('busy', { resources: ['logs'] }));
    const filled = await filling;
    const all = await source.ids('logs');
    const wanted = idsWithin(all, window);
    expect(wanted.length).toBeGreaterThan(800);
    expect(filled).toMatchObject({ status: 'completed', rows: wanted.length, held: 0, visible: wanted.length, window });
    expect(live.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);

    // Exactly these, once each: the three days, and what the live runs have read up to where they stand.
    const [checkpoint] = await lab.rows(`SELECT cursor, run_id FROM pipeline_checkpoints WHERE tenant = 'busy'`);
    expect(checkpoint).toEqual({
      cursor: live.at(-1)?.resources.logs?.cursor,
      run_id: live.findLast(({ resources }) => (resources.logs?.rows ?? 0) > 0)?.resources.logs?.runId,
    });
    const upTo = checkpoint?.['cursor'] ?? '';
    const followed = idsWithin(all, { from, to: daysAgo(-2) }).filter((id) => id <= upTo);
    expect(await idsOf('busy')).toEqual([...wanted, ...followed].sort());
    const [raw] = await lab.rows(`SELECT count() AS n FROM logs_raw WHERE tenant = 'busy'`);
    expect(raw).toEqual({ n: String(wanted.length + followed.length) });
    const written = await lab.column(`SELECT DISTINCT run_id FROM _pipeline_checkpoints WHERE tenant = 'busy'`);
    expect(written).not.toContain(filled.runId);

    // Once more, and half of it once more after it was lost: what is held is not written again.
    expect(await run('busy', window)).toMatchObject({ rows: 0, held: wanted.length });
    const middle = daysAgo(18).slice(0, 10);
    await lab.clickhouse.command({
      query: `ALTER TABLE logs_raw DELETE WHERE tenant = 'busy' AND date < '${middle}' SETTINGS mutations_sync = 1`,
    });
    const again = await run('busy', window);
    expect(again.rows).toBeGreaterThan(200);
    expect(again).toMatchObject({ held: wanted.length - again.rows, visible: wanted.length });
    expect(idsWithin(await idsOf('busy'), window)).toEqual(wanted);
    const ledger = await lab.column(
      `SELECT DISTINCT concat(status, ' ', reconciled, ' ', mode) FROM pipeline_runs WHERE tenant = 'busy'`,
    );
    expect(ledger).toEqual(['completed yes logs', 'completed yes logs-backfill']);
  });

  it('fills a gap that a start ahead of the position has left', async () => {
    const source = tenants.of('gap');
    await lab.sync('gap', { resources: ['logs'] });
    await source.admin('logs', { count: 150, spreadMs: 1_000 });
    const ahead = new Date(Date.now() + 1_000).toISOString();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await source.admin('logs', { count: 20 });
    const skipped = await lab.sync('gap', { resources: ['logs'], from: ahead });
    expect(skipped.resources.logs).toMatchObject({ status: 'completed', rows: 20, gaps: 1 });
    const gaps = () =>
      lab.rows(`SELECT from_date, to_date, toString(refilled) AS refilled FROM pipeline_gaps WHERE tenant = 'gap'`);
    const [gap] = await gaps();
    expect(gap).toMatchObject({ refilled: 'false' });
    const iso = (text = '') => `${text.replace(' ', 'T')}Z`;
    const from = iso(gap?.['from_date']);

    // A part of it does not fill it.
    const upTo = new Date(Date.parse(iso(gap?.['to_date'])) - 1_500).toISOString();
    const part = await run('gap', { from, to: upTo });
    expect(part).toMatchObject({ status: 'completed', refilled: 0 });
    expect(part.rows).toBeGreaterThan(50);
    expect(await gaps()).toMatchObject([{ refilled: 'false' }]);
    const to = new Date(Date.parse(iso(gap?.['to_date'])) + 10_000).toISOString();
    expect(await run('gap', { from, to })).toMatchObject({ status: 'completed', rows: 150 - part.rows, refilled: 1 });
    expect(await gaps()).toMatchObject([{ refilled: 'true' }]);
    expect(await idsOf('gap')).toEqual(await source.ids('logs'));
  });

  it('refuses what the tenant has dropped, says what is left, and takes that', async () => {
    const source = tenants.of('short');
    const window = { from: daysAgo(10), to: daysAgo(2) };
    const refused = await run('short', window);
    expect(refused).toMatchObject({ status: 'failed', rows: 0, error: { kind: 'RetentionPassed' } });
    const [, left = ''] = /Left is --from (\S+) --to/.exec(refused.error?.message ?? '') ?? [];
    expect(Math.abs(Date.parse(left) - (Date.now() - 5 * DAY))).toBeLessThan(DAY / 10);
    expect(await run('short', { from: daysAgo(10), to: daysAgo(7) }, true)).toMatchObject({
      status: 'failed',
      error: { kind: 'RetentionPassed', message: expect.stringContaining('nothing of') },
    });
    expect(await idsOf('short')).toEqual([]);

    const kept = idsWithin(await source.ids('logs'), { from: left, to: window.to });
    expect(kept.length).toBeGreaterThan(100);
    expect(await run('short', window, true)).toMatchObject({
      status: 'completed',
      rows: kept.length,
      warnings: [expect.stringContaining('keeps logs from')],
    });
    expect(await idsOf('short')).toEqual(kept);
    // What the refusal has named is taken as it is.
    expect(await run('short', { ...window, from: left })).toMatchObject({ status: 'completed', held: kept.length });
  });

  it('a sync by hand, a tick of a schedule and a cron at the same moment are one run', async () => {
    await tenants.of('slow').admin('faults', [{ route: 'logs', every: 1, action: { delayMs: 200 } }]);
    const schedule = scheduleId('slow', 'logs');
    await applySchedules(lab.client, TASK_QUEUE, 'slow', [
      { schedule: 'logs', spec: { kind: 'every', everyMs: 3_600_000 }, timezone: 'UTC', jitterMs: 0 },
    ]);
    const input = { tenant: 'slow', resources: ['logs' as const] };
    const cronId = `cron-${crypto.randomUUID()}`;
    const [byHand, , cronStart] = await Promise.all([
      startSync(lab.client, TASK_QUEUE, 'slow', { resources: ['logs'] }),
      lab.client.schedule.getHandle(schedule).trigger(ScheduleOverlapPolicy.SKIP),
      lab.client.workflow.start(TENANT_WORKFLOW, {
        taskQueue: TASK_QUEUE,
        workflowId: cronId,
        args: [input],
        cronSchedule: '@every 1s',
      }),
    ]);
    const second = await startSync(lab.client, TASK_QUEUE, 'slow', { resources: ['logs'] });
    expect(second).toMatchObject({ joined: true, runId: byHand.runId });
    await lab.client.schedule.getHandle(schedule).trigger(ScheduleOverlapPolicy.SKIP);
    const cron = lab.client.workflow.getHandle(cronId);
    await expect
      .poll(async () => (await cron.describe()).raw.pendingActivities?.map((one) => one.activityType?.name), {
        timeout: 10_000,
      })
      .toEqual(['awaitRun']);
    const tick = (await lab.client.schedule.getHandle(schedule).describe()).info.recentActions[0]?.action;
    const ticked = tick?.type === 'startWorkflow' ? tick.workflow.workflowId : '';

    const ended = resultOf(await byHand.end());
    const statusOf = async (id: string, runId: string) =>
      (await lab.client.workflow.getHandle(id, runId).describe()).status.name;
    const tickRun = tick?.type === 'startWorkflow' ? tick.workflow.firstExecutionRunId : '';
    await expect.poll(() => statusOf(ticked, tickRun)).toBe('COMPLETED');
    await expect.poll(() => statusOf(cronId, cronStart.firstExecutionRunId)).toBe('COMPLETED');
    const ends = [ended, await firstTurn(ticked, tickRun), await firstTurn(cronId, cronStart.firstExecutionRunId)];
    await cron.terminate();
    expect(ends.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    const logs = ends.map(({ resources }) => resources.logs);
    expect(new Set(logs.map((one) => one?.runId)).size).toBe(1);
    expect(logs.map((one) => one?.rows)).toEqual([1_500, 1_500, 1_500]);
    // One has run it, the others say that they have joined it; the schedule says what it has skipped.
    expect(logs.filter((one) => one?.joined).length).toBe(2);
    expect(await listSchedules(lab.client, 'slow')).toMatchObject([{ skipped: 1 }]);
    const runs = await lab.rows(`SELECT status, rows FROM pipeline_runs WHERE tenant = 'slow' AND rows > 0`);
    expect(runs).toEqual([{ status: 'completed', rows: '1500' }]);
    await deleteSchedule(lab.client, schedule);
  });

  /** What the first turn of a cron, or the run of a schedule, has returned: a cron itself never ends. */
  async function firstTurn(workflowId: string, runId: string): Promise<TenantResult> {
    const { events } = await lab.client.workflow.getHandle(workflowId, runId).fetchHistory();
    const [payload] = events?.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads ?? [];
    if (!payload) throw new Error(`${workflowId} has not completed`);
    return defaultPayloadConverter.fromPayload<TenantResult>(payload);
  }

  function resultOf(end: Awaited<ReturnType<Awaited<ReturnType<typeof startSync>>['end']>>): TenantResult {
    if (end.kind === 'lost') throw new Error(end.reason);
    return end.result;
  }
});

describe('pause', () => {
  it('in the middle of a copy outlives a kill of everything, and ends exact after resume', async () => {
    ensureBuilt();
    const folder = mkdtempSync(join(tmpdir(), 'auth0-pause-'));
    const dataDir = join(folder, 'data');
    const tenant = await startTenant({ seed: 8, logs: 12_000, users: 20, clients: 3 });
    const env = tenantEnv(tenant.origin);
    const up = () => startCli(['up', ...FREE_PORTS, '--data-dir', dataDir], env);
    const cli = async (...args: string[]) => {
      const answer = await runCli([...args, '--data-dir', dataDir, '--json'], env);
      expect(answer.code, answer.stderr).toBe(0);
      return lastJson(answer.stdout);
    };
    try {
      await tenant.admin('faults', [{ route: 'logs', every: 1, action: { delayMs: 50 } }]);
      const first = up();
      await first.says('Copying');
      await expect.poll(() => tenant.requests()['logs'] ?? 0, { timeout: 20_000 }).toBeGreaterThan(15);
      const paused = JSON_SHAPES.controlled.parse(await cli('pause', '--resources', 'logs', '--reason', 'upgrade'));
      expect(paused).toMatchObject({
        status: 'paused',
        schedules: [{ action: 'none' }],
        runs: [{ workflowId: expect.stringMatching(/\/logs$/), status: 'paused', rows: expect.any(Number) }],
      });
      const stored = z.number().parse(paused.runs[0]?.rows);
      expect(stored).toBeGreaterThan(500);
      expect(stored).toBeLessThan(12_000);
      const requests = tenant.requests()['logs'];
      for (const pid of processesWith(dataDir)) process.kill(pid, 'SIGKILL');
      await first.ended;
      await expect.poll(() => processesWith(dataDir), { timeout: 10_000 }).toEqual([]);

      await tenant.clearFaults();
      const second = up();
      await second.says('joining it');
      expect(await cli('status')).toMatchObject({
        resources: { logs: { state: 'paused', paused: { reason: 'upgrade', settled: true }, rows: stored } },
      });
      expect(tenant.requests()['logs']).toBe(requests);
      const resumed = JSON_SHAPES.controlled.parse(await cli('resume', '--resources', 'logs'));
      expect(resumed).toMatchObject({ runs: [{ status: 'resumed', rows: stored }] });
      await second.says('Schedules are running');
      const counts = await runCli(['query', 'SELECT count() FROM logs_raw FORMAT TSV', '--data-dir', dataDir]);
      expect(counts.stdout.trim()).toBe('12000');
      const held = await runCli(['query', 'SELECT log_id FROM logs FORMAT TSV', '--data-dir', dataDir]);
      expect(held.stdout.trimEnd().split('\n').sort()).toEqual(await tenant.ids('logs'));
      second.process.kill('SIGINT');
      await second.ended;
    } finally {
      for (const pid of processesWith(dataDir)) process.kill(pid, 'SIGKILL');
      await tenant.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 240_000);
});
