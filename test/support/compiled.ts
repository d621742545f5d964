import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './up.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The compiled file of one under src/, e.g. `embedded/clickhouse/main.js`, brought up to date first: for tests that start
 * it as a process, since Node 20 does not run TypeScript.
 */
export function builtFile(name: string): string {
  ensureBuilt();
  return join(ROOT, 'dist', name);
}

/** Waits until no process has this id; false after `ms`. */
export async function gone(pid: number, ms: number): Promise<boolean> {
  for (const deadline = Date.now() + ms; Date.now() < deadline;) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  return false;
}

/**
 * Runs a script (ESM) that prints the id of a process it has started, kills it with SIGKILL, and says whether that
 * process is gone within `ms`.
 */
export async function endsWithItsParent(script: string, ms: number): Promise<boolean> {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (data: Buffer) => resolve(Number(data))),
  );
  process.kill(pid, 0);
  parent.kill('SIGKILL');
  return gone(pid, ms);
}
