import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';

/** Marks a folder as ours. */
const MARKER = 'auth0-clickhouse.json';
const LOCK = 'lock.json';
const STACK = 'stack.json';

/** `emulated`: the tenant is `up`'s own emulator, whose credentials are no secret. */
const tenantSchema = z.object({ name: z.string(), origin: z.string(), emulated: z.boolean() });
export type StackTenant = z.infer<typeof tenantSchema>;

/** Where the parts of a running stack are reached. */
const stackSchema = z.object({
  pid: z.number(),
  tenants: z.array(tenantSchema).min(1),
  temporal: z.object({ address: z.string(), ui: z.string().nullable(), namespace: z.string() }),
  clickhouse: z.object({ url: z.string(), database: z.string() }),
  /** The worker's `/metrics`; `url` null: switched off. A stack of an older version has none. */
  metrics: z.object({ url: z.string().nullable() }).default({ url: null }),
});
export type StackAddresses = z.infer<typeof stackSchema>;

/** The folder of everything that the started parts keep, held by one owner at a time. */
export interface DataDir {
  /** Absolute path. */
  readonly path: string;
  file(...names: string[]): string;
  publish(stack: Omit<StackAddresses, 'pid'>): void;
  release(): void;
}

/**
 * Opens the data folder, making it when it is not there, and takes its lock. Throws ExtractError (Configuration) when
 * it cannot be written, holds somebody else's files, or is held by another process.
 */
export function openDataDir(folder: string): DataDir {
  const path = resolve(folder);
  const file = (...names: string[]) => join(path, ...names);
  refuse(folder, () => makeFolder(path));
  if (!existsSync(file(MARKER))) {
    const foreign = readdirSync(path);
    if (foreign.length > 0)
      throw problem(`${folder} is not empty and not ours (it holds ${foreign[0]}): choose another folder`);
    refuse(folder, () => writeFileSync(file(MARKER), `${JSON.stringify({ version: 1 })}\n`));
  }
  takeLock(folder, file(LOCK));
  return {
    path,
    file,
    publish: (stack) => writeFileSync(file(STACK), `${JSON.stringify({ ...stack, pid: process.pid }, null, 2)}\n`),
    release() {
      rmSync(file(STACK), { force: true });
      rmSync(file(LOCK), { force: true });
    },
  };
}

/** The stack that is running on a data folder, or null. */
export function readStack(folder: string): StackAddresses | null {
  const parsed = stackSchema.safeParse(readJson(join(resolve(folder), STACK)));
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : null;
}

/** Whether the folder is one of ours. */
export function isDataDir(folder: string): boolean {
  return existsSync(join(resolve(folder), MARKER));
}

function takeLock(folder: string, file: string): void {
  for (let tries = 0; ; tries++) {
    try {
      const descriptor = openSync(file, 'wx');
      writeFileSync(descriptor, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
      closeSync(descriptor);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw problem(`${folder} cannot be written (${codeOf(error)})`);
    }
    const holder = z.object({ pid: z.number(), since: z.string() }).safeParse(readJson(file)).data;
    if (holder && isAlive(holder.pid))
      throw problem(
        `${folder} is in use by process ${holder.pid} (since ${holder.since}): stop it first, or choose another folder with --data-dir`,
      );
    if (tries > 2) throw problem(`${folder} cannot be locked: remove ${file} if no other process uses it`);
    // Left behind by a process that was killed.
    rmSync(file, { force: true });
  }
}

/** One level at a time: `mkdir` with `recursive` tries for ever where the system answers ENOENT, as below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

function refuse(folder: string, action: () => unknown): void {
  try {
    action();
  } catch (error) {
    throw problem(`${folder} cannot be written (${codeOf(error)}): choose another folder`);
  }
}

function problem(message: string): ExtractError {
  return new ExtractError('Configuration', `DATA_DIR ${message}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
