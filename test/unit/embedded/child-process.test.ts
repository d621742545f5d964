import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnChild, type Child } from '../../../src/embedded/child-process.js';

const node = async (script: string, rest: { logFile?: string } = {}): Promise<Child> =>
  spawnChild({ name: 'probe', command: process.execPath, args: ['-e', script], ...rest });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'child-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('spawnChild', () => {
  it('has the program itself under its pid, with arguments, signals and exit code untouched', async () => {
    const child = await spawnChild({
      name: 'probe',
      command: process.execPath,
      args: [
        '-e',
        'console.log(JSON.stringify([process.pid, ...process.argv.slice(1)])); setInterval(() => {}, 1000)',
        `a b"'$x`,
      ],
    });
    const line = await child.waitForLine((text) => text, 5_000);
    expect(JSON.parse(line)).toEqual([child.pid, `a b"'$x`]);
    expect(await child.stop(5_000)).toEqual({ code: null, signal: 'SIGTERM' });
    const failed = await node('process.exit(7)');
    expect(await failed.exited).toEqual({ code: 7, signal: null });
  });

  it('writes every line to the log file and keeps the last ones', async () => {
    const logFile = join(folder, 'deep', 'probe.log');
    const child = await node('for (let i = 0; i < 50; i++) console.log("line", i); console.error("last words")', {
      logFile,
    });
    await child.exited;
    expect(child.lastLines().at(-1)).toBe('last words');
    expect(child.lastLines()).toHaveLength(20);
    await expect.poll(async () => (await readFile(logFile, 'utf8')).split('\n').length).toBe(52);
  });

  it('says what a process wrote when it ends instead of getting ready', async () => {
    const child = await node('console.error("no such port"); process.exit(1)');
    await expect(child.waitForLine(() => undefined, 5_000)).rejects.toThrow(
      /probe ended with code 1\n {2}no such port/,
    );
    await expect(child.waitForLine(() => undefined, 5_000)).rejects.toThrow(/ended with code 1/);
  });

  it('gives up waiting after the time it was given', async () => {
    const child = await node('setInterval(() => {}, 1000)');
    await expect(child.waitForLine(() => undefined, 100)).rejects.toThrow(/probe is not ready after 100 ms/);
    await child.stop(1_000);
  });

  it('kills what does not stop, and may be asked twice', async () => {
    const child = await node('process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)');
    await child.waitForLine((line) => line, 5_000);
    const [first, second] = await Promise.all([child.stop(200), child.stop(200)]);
    expect(first).toEqual({ code: null, signal: 'SIGKILL' });
    expect(second).toEqual(first);
    expect(await child.stop(200)).toEqual(first);
  });

  it('is not reached by Ctrl-C in the terminal: it has a process group of its own', async () => {
    const child = await node('console.log("up"); setInterval(() => {}, 1000)');
    await child.waitForLine((line) => line, 5_000);
    // A negative pid addresses the group that the child leads; it would not exist if the child were in ours.
    expect(process.kill(-child.pid, 0)).toBe(true);
    await child.stop(1_000);
  });

  it('names the program that is not there', async () => {
    const child = await spawnChild({ name: 'probe', command: '/no/such/program', args: [] });
    await expect(child.waitForLine(() => undefined, 5_000)).rejects.toThrow(
      /probe ended with code 127[\s\S]*no\/such\/program/,
    );
  });
});
