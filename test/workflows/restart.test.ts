import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { atActivityEdge } from '../../src/activities/failure.js';
import { resourceWorkflowId } from '../../src/contracts/names.js';
import { fakeTenant, gate, held, onePage, pageOf } from './fake-activities.js';
import { courseOf, eventsOf, useLab } from './lab.js';

const file = useLab();

it('goes on where it was when another worker takes over in the middle of a page', async () => {
  let stuck = true;
  const fake = fakeTenant({
    // As the real one: what a shutdown aborts is a failure that is tried again, not a cancellation of the run.
    fetchPages: ({ cursor, block }) =>
      atActivityEdge(async () => {
        if (block === 2 && stuck) await held(gate());
        return onePage(cursor, block, 5);
      }),
  });
  const taskQueue = `test-${randomUUID()}`;
  const worker = () => file.lab.createWorker(fake.activities, taskQueue, { stickyQueueScheduleToStartTimeout: '1s' });
  const handle = await (
    await worker()
  ).runUntil(async () => {
    const started = await file.lab.bench(taskQueue).start('extractLogs', resourceWorkflowId(fake.tenant, 'logs'));
    await expect.poll(() => fake.inputs('fetchPages').length).toBe(3);
    return started;
  });
  expect((await handle.describe()).status.name).toBe('RUNNING');
  stuck = false;
  const result = await (await worker()).runUntil(() => handle.result());
  expect(result).toMatchObject({ status: 'completed', pages: 5, rows: 500, cursor: 'log-5' });
  // The page in flight once more, at the same cursor and block; no other page twice.
  expect(fake.inputs('fetchPages').map(({ cursor, block }) => [pageOf(cursor), block])).toEqual(
    [0, 1, 2, 2, 3, 4].map((page) => [page, page]),
  );
  expect(fake.inputs('openRun')).toHaveLength(1);
  expect(fake.inputs('closeRun')).toHaveLength(1);
  const course = courseOf(await eventsOf(file.lab, handle.workflowId));
  expect(course.filter((line) => line === 'fetchPages scheduled')).toHaveLength(5);
});
