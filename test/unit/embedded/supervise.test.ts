import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { spawnChild } from '../../../src/embedded/child-process.js';
import { type Part, supervise } from '../../../src/embedded/supervise.js';

/** A part that lives until it is killed; while it starts it may be killed, too. */
async function startPart(killWhileStarting: boolean): Promise<Part> {
  const child = await spawnChild({
    name: 'part',
    command: process.execPath,
    args: ['-e', "setTimeout(() => console.log('ready'), 50); setInterval(() => {}, 1000)"],
  });
  if (killWhileStarting) process.kill(child.pid, 'SIGKILL');
  try {
    await child.waitForLine((line) => (line === 'ready' ? line : undefined), 20_000);
  } catch (error) {
    await child.stop(0);
    throw error;
  }
  return child;
}

it('starts a part again that is killed while it is being started again', async () => {
  const said: string[] = [];
  const parts: Part[] = [];
  let starts = 0;
  const supervised = await supervise(
    'Part',
    async () => {
      starts += 1;
      const part = await startPart(starts === 2 || starts === 3);
      parts.push(part);
      return part;
    },
    { say: (line) => said.push(line), giveUp: (reason) => said.push(`gave up: ${reason}`) },
  );
  process.kill(supervised.first.pid, 'SIGKILL');
  await expect.poll(() => parts.length, { timeout: 20_000 }).toBe(2);
  expect(starts).toBe(4);
  expect(said[0]).toBe('Part was killed by SIGKILL; starting it again');
  expect(said[1]).toMatch(/^Part could not be started again: part was killed by SIGKILL/);
  expect(said.join()).not.toContain('gave up');
  await supervised.stop(5_000);
  await sleep(0);
  expect(await parts[1]?.exited).toMatchObject({ signal: 'SIGTERM' });
}, 60_000);

it('gives up on a part that cannot be started again, and says why', async () => {
  let starts = 0;
  const reason = await new Promise<string>((resolve, reject) => {
    supervise(
      'Part',
      async () => {
        starts += 1;
        if (starts > 1) throw new Error('its disk is full');
        return startPart(false);
      },
      { say: () => undefined, giveUp: resolve },
    ).then(({ first }) => process.kill(first.pid, 'SIGKILL'), reject);
  });
  expect(reason).toMatch(/^Part could not be started again: its disk is full, \d+ times in a row$/);
}, 60_000);
