import { ScheduleOverlapPolicy } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { resourceWorkflowId, scheduledWorkflowId, scheduleId, type ScheduleName } from '../../src/contracts/names.js';
import { isCron, nextRunsOf } from '../../src/temporal/cron.js';
import { readRuns } from '../../src/temporal/schedule-runs.js';
import {
  applySchedules,
  deleteSchedule,
  listSchedules,
  listStrays,
  pauseSchedule,
  resumeSchedule,
} from '../../src/temporal/schedules.js';
import { definitionOf, phaseMs, type WantedSchedule } from '../../src/temporal/wanted.js';
import { fakeTenant } from './fake-activities.js';
import { type Lab, useLab } from './lab.js';

const file = useLab();
const HOUR = 3_600_000;

const wish = (schedule: ScheduleName, spec: WantedSchedule['spec'], more: Partial<WantedSchedule> = {}) => ({
  schedule,
  spec,
  timezone: 'UTC',
  jitterMs: 0,
  ...more,
});
const every = (schedule: ScheduleName, everyMs: number, more: Partial<WantedSchedule> = {}): WantedSchedule =>
  wish(schedule, { kind: 'every', everyMs }, more);
const cron = (schedule: ScheduleName, expression: string, more: Partial<WantedSchedule> = {}): WantedSchedule =>
  wish(schedule, { kind: 'cron', expression }, more);
const off = (schedule: ScheduleName): WantedSchedule => wish(schedule, null);

function applier({ client }: Pick<Lab, 'client'>, tenant: string, dryRun = false) {
  return async (...wanted: WantedSchedule[]) => {
    const applied = await applySchedules(client, 'nobody-polls', tenant, wanted, { dryRun });
    return applied.map(({ schedule, action, changes }) => [schedule, action, ...changes.map(({ field }) => field)]);
  };
}

async function removeAll({ client }: Pick<Lab, 'client'>, tenant: string) {
  for (const { scheduleId: id } of await listSchedules(client, tenant)) await deleteSchedule(client, id);
}

it('creates, leaves alone, updates and deletes the schedules of a tenant', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const apply = applier(file.lab, tenant);

  expect(
    await applySchedules(client, 'nobody-polls', tenant, [every('logs', HOUR), every('users', 24 * HOUR)]),
  ).toEqual([
    {
      schedule: 'logs',
      resource: 'logs',
      scheduleId: scheduleId(tenant, 'logs'),
      action: 'created',
      everyMs: HOUR,
      cron: null,
      changes: [],
    },
    expect.objectContaining({ schedule: 'users', action: 'created', everyMs: 24 * HOUR }),
  ]);
  expect(await apply(every('logs', HOUR), every('users', 24 * HOUR), off('clients'))).toEqual([
    ['logs', 'unchanged'],
    ['users', 'unchanged'],
    ['clients', 'none'],
  ]);
  expect(await apply(every('logs', 2 * HOUR), off('users'))).toEqual([
    ['logs', 'updated', 'times'],
    ['users', 'deleted'],
  ]);
  expect(await apply(every('logs', 2 * HOUR), off('users'))).toEqual([
    ['logs', 'unchanged'],
    ['users', 'none'],
  ]);
  // Another task queue is another worker's.
  expect(await applySchedules(client, 'other', tenant, [every('logs', 2 * HOUR)])).toMatchObject([
    { action: 'updated', changes: [{ field: 'task queue', from: 'nobody-polls', to: 'other' }] },
  ]);

  const listed = await listSchedules(client, tenant);
  expect(listed).toEqual([
    {
      tenant,
      schedule: 'logs',
      resource: 'logs',
      scheduleId: scheduleId(tenant, 'logs'),
      times: expect.stringMatching(/^every 2h/),
      timezone: 'UTC',
      everyMs: 2 * HOUR,
      jitterMs: 0,
      paused: false,
      note: null,
      createdAt: expect.stringMatching(/^\d{4}-/),
      next: expect.any(String),
      last: null,
      running: [],
      skipped: 0,
      missed: 0,
      buffered: 0,
      recent: [],
    },
  ]);
  expect(Date.parse(listed[0]?.next ?? '') % (2 * HOUR)).toBe(phaseMs(tenant, 'logs', 2 * HOUR));
  expect(await deleteSchedule(client, scheduleId(tenant, 'logs'))).toBe(true);
  expect(await deleteSchedule(client, scheduleId(tenant, 'logs'))).toBe(false);
  expect(await listSchedules(client, tenant)).toEqual([]);
});

it('changes nothing in a dry run, and says what it would change', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  await applier(file.lab, tenant)(every('logs', HOUR), every('users', HOUR), every('clients', HOUR));
  const before = await listSchedules(client, tenant);
  expect(
    await applier(file.lab, tenant, true)(
      every('logs', HOUR, { jitterMs: 5_000 }),
      off('users'),
      every('users-changed', HOUR),
      every('clients', HOUR),
    ),
  ).toEqual([
    ['logs', 'would-update', 'jitter'],
    ['users', 'would-delete'],
    ['users-changed', 'would-create'],
    ['clients', 'unchanged'],
  ]);
  expect(await listSchedules(client, tenant)).toEqual(before);
  await removeAll(file.lab, tenant);
});

it('gives cron expression, time zone and jitter to the server, and finds them there again', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const apply = applier(file.lab, tenant);
  const nightly = cron('clients', '30 2 * * *', { timezone: 'Europe/Berlin', jitterMs: 300_000 });
  expect(await apply(nightly)).toEqual([['clients', 'created']]);
  expect(await apply(nightly)).toEqual([['clients', 'unchanged']]);
  const { spec, policies, info } = await client.schedule.getHandle(scheduleId(tenant, 'clients')).describe();
  expect(spec).toMatchObject({ timezone: 'Europe/Berlin', jitter: 300_000, intervals: [] });
  expect(policies).toEqual({ overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: HOUR, pauseOnFailure: false });
  const berlin = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'short' });
  for (const time of info.nextActionTimes) expect(berlin.format(time)).toMatch(/^02:3[0-5]$/);
  expect(await listSchedules(client, tenant)).toMatchObject([
    { times: 'cron 30 2 * * *', timezone: 'Europe/Berlin', jitterMs: 300_000, everyMs: expect.closeTo(24 * HOUR, -7) },
  ]);
  // From cron to an interval and back: nothing of the one is left in the other.
  expect(await apply(every('clients', HOUR))).toEqual([['clients', 'updated', 'times', 'time zone', 'jitter']]);
  expect(await apply(every('clients', HOUR))).toEqual([['clients', 'unchanged']]);
  expect(await apply(nightly)).toEqual([['clients', 'updated', 'times', 'time zone', 'jitter']]);
  expect(await apply(nightly)).toEqual([['clients', 'unchanged']]);
  await removeAll(file.lab, tenant);
});

it.each([
  '30 2 * * *',
  '*/15 * * * *',
  '5,10-20/5 3-6 1,15 JAN-MAR/2 1-5',
  '0 0 * * sunday',
  '10/20 * * * *',
  '0 0 1 * 5-7',
  '@weekly',
])('reads %s as Temporal does', async (expression) => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const apply = applier(file.lab, tenant);
  expect(isCron(expression)).toBe(true);
  expect(await apply(cron('logs', expression))).toEqual([['logs', 'created']]);
  expect(await apply(cron('logs', expression))).toEqual([['logs', 'unchanged']]);
  const { info } = await client.schedule.getHandle(scheduleId(tenant, 'logs')).describe();
  const [first, ...rest] = info.nextActionTimes.map((time) => time.getTime());
  expect(rest.length).toBeGreaterThan(1);
  const ours = nextRunsOf(expression, rest.length, new Date(first ?? 0)).map((time) => time.getTime());
  expect(rest).toEqual(ours);
  expect(await listSchedules(client, tenant)).toMatchObject([{ times: `cron ${expression}` }]);
  await removeAll(file.lab, tenant);
});

it('names a calendar that somebody has set by hand, and puts ours in its place', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const apply = applier(file.lab, tenant);
  const nightly = cron('logs', '30 2 * * *');
  await apply(nightly);
  await client.schedule.getHandle(scheduleId(tenant, 'logs')).update((previous) => ({
    ...previous,
    spec: { calendars: [{ hour: 5, minute: 15 }], timezone: 'UTC' },
  }));
  const [changed] = await applySchedules(client, 'nobody-polls', tenant, [nightly]);
  expect(changed?.changes).toEqual([
    { field: 'times', from: 'a calendar that was set by hand', to: 'cron 30 2 * * *' },
  ]);
  expect(await apply(nightly)).toEqual([['logs', 'unchanged']]);
  await removeAll(file.lab, tenant);
});

it('brings back what somebody has changed in the UI', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const apply = applier(file.lab, tenant);
  await apply(every('logs', HOUR));
  await client.schedule.getHandle(scheduleId(tenant, 'logs')).update((previous) => ({
    ...previous,
    spec: { ...previous.spec, intervals: [...(previous.spec.intervals ?? []), { every: '5m' }] },
    policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1 day', pauseOnFailure: true },
  }));
  expect(await apply(every('logs', HOUR))).toEqual([
    ['logs', 'updated', 'times', 'overlap', 'catch-up window', 'pause on failure'],
  ]);
  expect(await apply(every('logs', HOUR))).toEqual([['logs', 'unchanged']]);
  await removeAll(file.lab, tenant);
});

it('is refused with a reason where the server cannot take it', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const nowhere = cron('logs', '0 0 * * *', { timezone: 'Europe/Atlantis' });
  await expect(applySchedules(client, 'nobody-polls', tenant, [nowhere])).rejects.toMatchObject({
    kind: 'Configuration',
    message: expect.stringMatching(/auth0\/tenant-.*Atlantis/),
  });
});

it('leaves a schedule paused that an operator has paused, with its note', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const id = scheduleId(tenant, 'logs');
  const apply = applier(file.lab, tenant);
  await apply(every('logs', HOUR));
  expect(await pauseSchedule(client, id, 'until Monday')).toBe(true);
  expect(await apply(every('logs', 2 * HOUR))).toEqual([['logs', 'updated', 'times']]);
  expect(await listSchedules(client, tenant)).toMatchObject([
    { paused: true, note: 'until Monday', everyMs: 2 * HOUR },
  ]);
  expect(await resumeSchedule(client, id, 'it is Monday')).toBe(true);
  expect(await listSchedules(client, tenant)).toMatchObject([{ paused: false, note: 'it is Monday' }]);
  await deleteSchedule(client, id);
  expect([await pauseSchedule(client, id, 'x'), await resumeSchedule(client, id, 'x')]).toEqual([false, false]);
});

it('finds the schedules of tenants that are no longer configured, and nobody else’s', async () => {
  const { client } = file.lab;
  const [kept, gone] = [fakeTenant().tenant, fakeTenant().tenant];
  for (const tenant of [kept, gone]) await applier(file.lab, tenant)(every('logs', HOUR));
  const { action } = definitionOf('nobody-polls', gone, every('logs', HOUR), { kind: 'every', everyMs: HOUR });
  const foreign = `${gone}/nightly`;
  await client.schedule.create({ scheduleId: foreign, spec: { intervals: [{ every: HOUR }] }, action });
  const strays = async () => (await listStrays(client, [kept])).map(({ scheduleId: id }) => id);
  await expect.poll(strays).toContain(scheduleId(gone, 'logs'));
  expect(await strays()).not.toContain(scheduleId(kept, 'logs'));
  expect(await strays()).not.toContain(foreign);
  for (const id of [foreign, scheduleId(kept, 'logs'), scheduleId(gone, 'logs')]) await deleteSchedule(client, id);
});

it.each([
  ['users', { full: true }],
  ['users-changed', {}],
] as const)('runs what it should, one at a time: %s', async (schedule, more) => {
  const fake = fakeTenant();
  const { tenant } = fake;
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    await applySchedules(client, taskQueue, tenant, [every(schedule, HOUR)]);
    const handle = client.schedule.getHandle(scheduleId(tenant, schedule));
    await handle.trigger(ScheduleOverlapPolicy.SKIP);
    await expect.poll(() => fake.inputs('closeRun').length).toBe(1);
    const { info } = await handle.describe();
    const [action] = info.recentActions;
    const workflowId = action?.action.workflow.workflowId ?? '';
    expect(workflowId.startsWith(`${scheduledWorkflowId(tenant, schedule)}-`)).toBe(true);
    const run = client.workflow.getHandle(workflowId);
    expect(await run.result()).toMatchObject({ status: 'completed', resources: { users: { rows: 200 } } });
    const summary = schedule === 'users' ? 'snapshot of users' : 'changed users';
    expect(await (await run.describe()).staticSummary()).toBe(`Scheduled: ${summary} of ${tenant}`);
    const [listed] = await listSchedules(client, tenant);
    expect(listed).toMatchObject({ last: action?.takenAt.toISOString() });
    const runs = await readRuns(client, listed ?? expect.fail('there is no schedule'));
    expect(runs).toEqual({
      last: {
        workflowId,
        startedAt: action?.takenAt.toISOString(),
        outcome: 'completed',
        endedAt: runs.lastGoodEndedAt,
        error: null,
      },
      lastGoodEndedAt: expect.stringMatching(/^\d{4}-/),
    });
    await deleteSchedule(client, scheduleId(tenant, schedule));
  });
  // Only a snapshot notices deleted users; between two of them a run finds out by itself what is due.
  const [opened] = fake.inputs('openRun');
  expect(opened).toMatchObject({ tenant, resource: 'users', ...more });
  expect(opened?.full).toBe(schedule === 'users' ? true : undefined);
  expect(fake.inputs('pauseRefusedSchedule')).toEqual([]);
});

it('asks for a pause only where a schedule’s own run was refused in all it should do', async () => {
  let kind = 'CredentialsRejected';
  const fake = fakeTenant({
    fetchPages: async () => {
      throw ApplicationFailure.nonRetryable('refused', kind);
    },
    pauseRefusedSchedule: async () => {
      throw ApplicationFailure.nonRetryable('no such table', 'DestinationRefused');
    },
  });
  const { tenant } = fake;
  const id = scheduleId(tenant, 'logs');
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue, start }) => {
    await applySchedules(client, taskQueue, tenant, [every('logs', HOUR)]);
    const runOnce = async (before: number) => {
      await client.schedule.getHandle(id).trigger(ScheduleOverlapPolicy.SKIP);
      await expect.poll(async () => (await listSchedules(client, tenant))[0]?.recent.length).toBe(before + 1);
      const lastRun = async () => {
        const [listed] = await listSchedules(client, tenant);
        return (await readRuns(client, listed ?? expect.fail('there is no schedule'))).last;
      };
      // Its own failure is told, whatever became of the pause.
      await expect.poll(lastRun).toMatchObject({ outcome: 'failed', error: 'logs failed: refused' });
    };
    await runOnce(0);
    expect(fake.inputs('pauseRefusedSchedule')).toEqual([{ tenant, resources: ['logs'], scheduleId: id }]);
    kind = 'SourceStuck';
    await runOnce(1);
    kind = 'CredentialsRejected';
    const byHand = await start('extractTenant', `${tenant}-by-hand`, { resources: ['logs'] });
    await expect(byHand.result()).rejects.toThrow();
    const alone = await start('extractLogs', resourceWorkflowId(tenant, 'logs'));
    await expect(alone.result()).rejects.toThrow();
    await deleteSchedule(client, id);
  });
  expect(fake.inputs('pauseRefusedSchedule')).toHaveLength(1);
});
