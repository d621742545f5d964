import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The sources as JavaScript, for tests that start them as processes: Node 20 does not run TypeScript. */
export interface Compiled {
  /** The compiled file of one under src/, e.g. `embedded/clickhouse/main.js`. */
  file(name: string): string;
  remove(): Promise<void>;
}

/** Compiles src/ into a folder of its own, so that a stale or missing dist/ cannot decide a test. */
export async function compileSources(): Promise<Compiled> {
  const cache = join(ROOT, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'compiled-'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [
    tsc,
    '-p',
    'tsconfig.build.json',
    '--outDir',
    folder,
    '--tsBuildInfoFile',
    join(folder, '.tsbuildinfo'),
  ];
  // A type error elsewhere is the type check's business; the files are written all the same.
  await promisify(execFile)(process.execPath, args, { cwd: ROOT }).catch(() => undefined);
  await access(join(folder, 'embedded', 'clickhouse', 'main.js'));
  return {
    file: (name) => join(folder, name),
    remove: async () => rm(folder, { recursive: true, force: true }),
  };
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
