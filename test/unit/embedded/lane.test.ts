import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createLane } from '../../../src/embedded/clickhouse/lane.js';

it('keeps order and width, and goes on after a failure', async () => {
  const lane = createLane(1);
  const seen: number[] = [];
  let running = 0;
  let most = 0;
  const results = await Promise.allSettled(
    [30, 1, 10, 1].map((ms, index) =>
      lane.run(async () => {
        most = Math.max(most, (running += 1));
        await sleep(ms);
        running -= 1;
        seen.push(index);
        if (index === 1) throw new Error('one fails');
        return index;
      }),
    ),
  );
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(most).toBe(1);
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
});

it('is idle only when nothing runs or waits', async () => {
  const lane = createLane(2);
  let done = 0;
  const tasks = [1, 2, 3, 4, 5].map(() =>
    lane.run(async () => {
      await sleep(5);
      done += 1;
    }),
  );
  await lane.idle();
  expect(done).toBe(5);
  await Promise.all(tasks);
  await lane.idle();
});
