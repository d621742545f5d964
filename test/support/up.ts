import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { emulatorDefaults } from '../../src/emulator/main.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let isBuilt = false;

/** The built program, brought up to date first: the tests below run what a person would run. */
export function ensureBuilt(): void {
  if (isBuilt) return;
  isBuilt = true;
  execFileSync(process.execPath, ['scripts/ensure-built.mjs'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A command line that is running or has ended. */
export interface Cli {
  process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code. */
  ended: Promise<number | null>;
  /** Resolves when stdout or stderr holds this text. Rejects when the program ends before. */
  says(text: string | RegExp): Promise<void>;
}

/** Variables that a machine may have set and that must not reach the program under test. */
const NEUTRAL = [
  'AUTH0_',
  'CLICKHOUSE_',
  'PAYLOAD_',
  'TEMPORAL_A',
  'TEMPORAL_PROFILE',
  'TEMPORAL_TLS',
  'DATA_DIR',
  'EMULATOR_',
  'SCHEDULE_',
  'LOG_',
  'METRICS_',
  'OTEL_',
];

/** Starts the command line as a person would, with these settings and no others. */
export function startCli(args: readonly string[], env: Record<string, string> = {}, cwd: string = ROOT): Cli {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !NEUTRAL.some((prefix) => name.startsWith(prefix))),
  );
  const child = spawn(process.execPath, [`${ROOT}dist/client.js`, ...args], { cwd, env: { ...inherited, ...env } });
  let [stdout, stderr] = ['', ''];
  const listeners = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
    for (const listener of listeners) listener();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
    for (const listener of listeners) listener();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
  });
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const all = stdout + stderr;
          if (typeof text === 'string' ? all.includes(text) : text.test(all)) {
            listeners.delete(check);
            resolve();
          }
        };
        listeners.add(check);
        check();
        void ended.then((code) =>
          reject(new Error(`ended with ${code} before saying ${String(text)}:\n${stdout}${stderr}`)),
        );
      }),
  };
}

/** Runs the command line to its end. */
export async function runCli(args: readonly string[], env: Record<string, string> = {}, cwd?: string) {
  const cli = startCli(args, env, cwd);
  const code = await cli.ended;
  return { code, stdout: cli.stdout(), stderr: cli.stderr() };
}

/** The document of `--json`: the last line on stdout. */
export function lastJson(stdout: string): unknown {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

/** Flags and settings of a stack of its own. */
export const FREE_PORTS = ['--temporal-port', '0', '--ui-port', '0', '--clickhouse-port', '0'] as const;

/** Settings that point at an emulated tenant. */
export function tenantEnv(origin: string): Record<string, string> {
  return {
    AUTH0_DOMAIN: origin,
    AUTH0_CLIENT_ID: emulatorDefaults.clientId,
    AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
  };
}

/** Ids of the processes whose command line holds this text; Linux only, as /proc is. */
export function processesWith(text: string): number[] {
  const listed = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return listed
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps -eo'))
    .map((line) => Number.parseInt(line, 10));
}

/** High-water mark of a process's memory in MB; Linux only. */
export function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}
