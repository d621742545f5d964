import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { spawnChild, type ChildExit } from '../child-process.js';

/** What to start, and where. */
export interface EmbeddedClickHouseOptions {
  /** Data directory; made when missing. */
  path: string;
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  port: number;
  /** Compiled entry of the process; default: the one beside this module. Tests that run from sources name dist's. */
  entry?: string;
  /** Memory that one statement may take. Bytes. */
  maxMemoryBytes?: number;
  /** Configuration file for the engine: see EngineOptions. */
  configFile?: string;
  /** File with the password that is asked for; default: none is. */
  passwordFile?: string;
  /** File that gets the process's output. */
  logFile?: string;
  /** Told of every line that the process writes to stderr. */
  log?: (line: string) => void;
}

/** A running embedded ClickHouse process. */
export interface EmbeddedClickHouse {
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<ChildExit>;
  /** Lets the running statement finish for up to `graceMs`, then kills; acknowledged rows are kept either way. */
  stop(graceMs: number): Promise<ChildExit>;
}

const READY = z.object({ event: z.literal('ready'), url: z.string(), version: z.string() });
// Opening takes a tenth of a second; a data directory with thousands of parts on a cold disk takes longer.
const READY_MS = 60_000;

/**
 * Starts the embedded ClickHouse as a process of its own and waits until it answers.
 * @throws Error with the process's own words when it cannot start (chdb missing, directory or port in use).
 */
export async function startEmbeddedClickHouse(options: EmbeddedClickHouseOptions): Promise<EmbeddedClickHouse> {
  const entry = options.entry ?? fileURLToPath(new URL('main.js', import.meta.url));
  const memory = options.maxMemoryBytes === undefined ? [] : ['--max-memory', String(options.maxMemoryBytes)];
  const config = options.configFile === undefined ? [] : ['--config-file', options.configFile];
  const password = options.passwordFile === undefined ? [] : ['--password-file', options.passwordFile];
  const child = await spawnChild({
    name: 'ClickHouse',
    command: process.execPath,
    args: [entry, '--path', options.path, '--port', String(options.port), ...memory, ...config, ...password],
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
    onLine: (line, from) => {
      if (from === 'stderr') options.log?.(line);
    },
  });
  try {
    const { url, version } = await child.waitForLine(readyLine, READY_MS);
    return { url, version, pid: child.pid, exited: child.exited, stop: async (graceMs) => child.stop(graceMs) };
  } catch (error) {
    await child.stop(0);
    throw error;
  }
}

function readyLine(line: string, from: 'stdout' | 'stderr'): z.infer<typeof READY> | undefined {
  if (from !== 'stdout' || !line.startsWith('{')) return undefined;
  try {
    return READY.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
