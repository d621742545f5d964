import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Socket } from 'node:net';

/** A process to start. */
export interface ChildOptions {
  /** What it is called in messages, e.g. "Temporal". */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment; default: what any program needs, and no secret of ours: see {@link bareEnvironment}. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Every line of stdout and stderr is appended to this file; its folder is made. */
  logFile?: string;
  onLine?: (line: string, from: 'stdout' | 'stderr') => void;
}

/** How a process ended. */
export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A started process. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended and its output is read; never rejects. */
  readonly exited: Promise<ChildExit>;
  /** The end of what it wrote, at most 20 lines, stderr after stdout. */
  lastLines(): string[];
  /**
   * Resolves with what `pick` returns for the first line that it accepts.
   * @throws Error naming the process and its last lines when it ends or `timeoutMs` pass before that.
   */
  waitForLine<T>(pick: (line: string, from: 'stdout' | 'stderr') => T | undefined, timeoutMs: number): Promise<T>;
  /** SIGTERM, after `graceMs` SIGKILL; resolves when it has ended. May be called again. */
  stop(graceMs: number): Promise<ChildExit>;
}

/** Variables that programs need whatever they do: where things lie, and in which language and time zone they speak. */
const COMMON = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TMP', 'TEMP', 'LANG', 'LC_ALL', 'TZ', 'NODE_OPTIONS'],
  ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'XDG_CACHE_HOME', 'XDG_RUNTIME_DIR'],
  ...['SystemRoot', 'SYSTEMROOT', 'ComSpec', 'PATHEXT', 'APPDATA', 'LOCALAPPDATA', 'USERPROFILE', 'windir'],
];

/**
 * The environment without anything of ours: the tenant's secret is in there, and anybody who may look at a process of
 * this user can read it. Temporal and ClickHouse have no business with it.
 */
export function bareEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(
    COMMON.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

// Runs "$@" in the shell's own place (so its pid, signals and exit code are the program's) beside a watcher that reads
// a pipe held by us alone. The pipe ends when we end, however that happens, kill -9 included; then the program gets
// SIGTERM and ten seconds. The watcher replaces itself, so that whoever looks for the program by name finds one process.
// Programs that are not ours (the Temporal server) do not watch their stdin themselves.
const WATCHED = `
(
  exec /bin/sh -c '
    cat <&3
    kill -TERM "$1" || exit
    for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$1" || exit; done
    kill -KILL "$1"
  ' watcher $$
) >/dev/null 2>&1 &
exec "$@" 3<&-
`;

const KEPT_LINES = 20;

/**
 * Starts a process that does not outlive this one and has a process group of its own: Ctrl-C in the terminal reaches
 * only us, so that the parts can be stopped in order.
 * @throws Error when the program cannot be started.
 */
export async function spawnChild(options: ChildOptions): Promise<Child> {
  const { name, command, args } = options;
  const windows = process.platform === 'win32';
  const child = spawn(windows ? command : '/bin/sh', windows ? args : ['-c', WATCHED, name, command, ...args], {
    cwd: options.cwd,
    env: options.env ?? bareEnvironment(),
    detached: !windows,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new Error(`${name} cannot be started: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const lifeline = child.stdio[3];
  if (lifeline instanceof Socket) lifeline.on('error', () => undefined).unref();

  const lines = { stdout: new Array<string>(), stderr: new Array<string>() };
  const listeners = new Set<(line: string, from: 'stdout' | 'stderr') => void>();
  if (options.onLine !== undefined) listeners.add(options.onLine);
  if (options.logFile !== undefined) listeners.add(openLog(options.logFile, child));
  for (const from of ['stdout', 'stderr'] as const) {
    const source: Readable | null = child[from];
    if (source === null) continue;
    createInterface({ input: source }).on('line', (line) => {
      const kept = lines[from];
      kept.push(line);
      if (kept.length > KEPT_LINES) kept.shift();
      for (const listener of listeners) listener(line, from);
    });
  }

  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', () => {
      if (lifeline instanceof Socket) lifeline.destroy();
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const lastLines = (): string[] => [...lines.stdout, ...lines.stderr].slice(-KEPT_LINES);

  return {
    name,
    pid: child.pid ?? 0,
    exited,
    lastLines,
    async waitForLine(pick, timeoutMs) {
      return new Promise((resolve, reject) => {
        const settle = (end: () => void): void => {
          clearTimeout(timer);
          listeners.delete(listener);
          end();
        };
        const listener = (line: string, from: 'stdout' | 'stderr'): void => {
          const picked = pick(line, from);
          if (picked !== undefined) settle(() => resolve(picked));
        };
        const timer = setTimeout(
          () => settle(() => reject(failure(name, `is not ready after ${timeoutMs} ms`, lastLines()))),
          timeoutMs,
        );
        listeners.add(listener);
        void exited.then((exit) => settle(() => reject(failure(name, describeExit(exit), lastLines()))));
      });
    },
    async stop(graceMs) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** A sentence part for how a process ended, e.g. "ended with code 1" or "was killed by SIGKILL". */
export function describeExit({ code, signal }: ChildExit): string {
  return signal === null ? `ended with code ${code ?? 'unknown'}` : `was killed by ${signal}`;
}

function failure(name: string, what: string, lines: readonly string[]): Error {
  return new Error([`${name} ${what}`, ...lines.map((line) => `  ${line}`)].join('\n'));
}

function openLog(file: string, child: ChildProcess): (line: string) => void {
  mkdirSync(dirname(file), { recursive: true });
  const log = createWriteStream(file, { flags: 'a' });
  // A full disk must not take the stack down.
  log.on('error', () => undefined);
  child.once('close', () => log.end());
  return (line) => {
    if (!log.writableEnded) log.write(`${line}\n`);
  };
}
