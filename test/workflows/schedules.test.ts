import { ScheduleOverlapPolicy } from '@temporalio/client';
import { expect, it } from 'vitest';
import { scheduledWorkflowId, scheduleId } from '../../src/contracts/names.js';
import { applySchedules, deleteSchedule, listSchedules, type WantedSchedule } from '../../src/temporal/schedules.js';
import { fakeTenant } from './fake-activities.js';
import { useLab } from './lab.js';

const file = useLab();
const HOUR = 3_600_000;

it('creates, leaves alone, updates and deletes the schedules of a tenant', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  const apply = async (...wanted: WantedSchedule[]) =>
    (await applySchedules(client, 'nobody-polls', tenant, wanted)).map(({ resource, action }) => [resource, action]);
  const logs = (everyMs: number): WantedSchedule => ({ resource: 'logs', everyMs });
  const users = (everyMs: number): WantedSchedule => ({ resource: 'users', everyMs });

  expect(await applySchedules(client, 'nobody-polls', tenant, [logs(HOUR), users(24 * HOUR)])).toEqual([
    { resource: 'logs', scheduleId: scheduleId(tenant, 'logs'), action: 'created', everyMs: HOUR },
    { resource: 'users', scheduleId: scheduleId(tenant, 'users'), action: 'created', everyMs: 24 * HOUR },
  ]);
  expect(await apply(logs(HOUR), users(24 * HOUR), { resource: 'clients', everyMs: 0 })).toEqual([
    ['logs', 'unchanged'],
    ['users', 'unchanged'],
    ['clients', 'none'],
  ]);
  expect(await apply(logs(2 * HOUR), users(0))).toEqual([
    ['logs', 'updated'],
    ['users', 'deleted'],
  ]);
  expect(await apply(logs(2 * HOUR), users(0))).toEqual([
    ['logs', 'unchanged'],
    ['users', 'none'],
  ]);
  // Another task queue is another worker's.
  expect(await applySchedules(client, 'other', tenant, [logs(2 * HOUR)])).toMatchObject([{ action: 'updated' }]);

  const listed = await listSchedules(client, tenant);
  expect(listed).toEqual([
    {
      resource: 'logs',
      scheduleId: scheduleId(tenant, 'logs'),
      everyMs: 2 * HOUR,
      paused: false,
      note: null,
      next: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/),
      last: null,
      skipped: 0,
      missed: 0,
    },
  ]);
  expect(await deleteSchedule(client, scheduleId(tenant, 'logs'))).toBe(true);
  expect(await deleteSchedule(client, scheduleId(tenant, 'logs'))).toBe(false);
  expect(await listSchedules(client, tenant)).toEqual([]);
});

it('leaves a schedule paused that an operator has paused', async () => {
  const { client } = file.lab;
  const { tenant } = fakeTenant();
  await applySchedules(client, 'nobody-polls', tenant, [{ resource: 'logs', everyMs: HOUR }]);
  await client.schedule.getHandle(scheduleId(tenant, 'logs')).pause('until Monday');
  expect(await applySchedules(client, 'nobody-polls', tenant, [{ resource: 'logs', everyMs: 2 * HOUR }])).toMatchObject(
    [{ action: 'updated' }],
  );
  expect(await listSchedules(client, tenant)).toMatchObject([
    { paused: true, note: 'until Monday', everyMs: 2 * HOUR },
  ]);
  await deleteSchedule(client, scheduleId(tenant, 'logs'));
});

it('runs what it should, one at a time', async () => {
  const fake = fakeTenant();
  const { tenant } = fake;
  await file.lab.withWorker(fake.activities, async ({ client, taskQueue }) => {
    await applySchedules(client, taskQueue, tenant, [{ resource: 'users', everyMs: HOUR }]);
    const handle = client.schedule.getHandle(scheduleId(tenant, 'users'));
    expect((await handle.describe()).policies).toMatchObject({
      overlap: ScheduleOverlapPolicy.SKIP,
      catchupWindow: HOUR,
    });
    await handle.trigger(ScheduleOverlapPolicy.SKIP);
    await expect.poll(() => fake.inputs('closeRun').length).toBe(1);
    const { info } = await handle.describe();
    const [action] = info.recentActions;
    const workflowId = action?.action.type === 'startWorkflow' ? action.action.workflow.workflowId : '';
    expect(workflowId.startsWith(`${scheduledWorkflowId(tenant, 'users')}-`)).toBe(true);
    const run = client.workflow.getHandle(workflowId);
    expect(await run.result()).toMatchObject({ status: 'completed', resources: { users: { rows: 200 } } });
    expect(await (await run.describe()).staticSummary()).toBe(`Scheduled: users of ${tenant}`);
    expect(await listSchedules(client, tenant)).toMatchObject([{ last: action?.takenAt.toISOString() }]);
    await deleteSchedule(client, scheduleId(tenant, 'users'));
  });
  // A scheduled run of users is a snapshot: only that notices deleted ones.
  expect(fake.inputs('openRun')).toEqual([expect.objectContaining({ tenant, resource: 'users', full: true })]);
});
