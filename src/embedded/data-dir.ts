import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { systemFailure } from '../system-failure.js';

/** Marks a folder as ours. */
const MARKER = 'auth0-clickhouse.json';
const LOCK = 'lock.json';
const STACK = 'stack.json';
/** The password of the folder's ClickHouse. */
const PASSWORD = 'clickhouse-password';

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

/**
 * The folder of everything that the started parts keep, held by one owner at a time. It is its owner's only: folders
 * 0700, files 0600, and git does not see it.
 */
export interface DataDir {
  /** Absolute path. */
  readonly path: string;
  file(...names: string[]): string;
  /** The file with the password of its ClickHouse. */
  readonly passwordFile: string;
  /** The password itself. */
  readonly password: string;
  publish(stack: Omit<StackAddresses, 'pid'>): void;
  release(): void;
}

/**
 * Opens the data folder, making it when it is not there, and takes its lock. Throws ExtractError (Configuration) when
 * it cannot be written, holds somebody else's files, or is held by another process. From then on everything that this
 * process and its children make is the owner's only.
 */
export function openDataDir(folder: string): DataDir {
  const path = resolve(folder);
  const file = (...names: string[]) => join(path, ...names);
  refuseName(folder, path);
  process.umask(0o077);
  refuse(folder, () => makeFolder(path));
  if (!existsSync(file(MARKER))) {
    const foreign = refuse(folder, () => readdirSync(path));
    if (foreign.length > 0)
      throw problem(`${folder} is not empty and not ours (it holds ${foreign[0]}): choose another folder`);
    refuse(folder, () => writeFileSync(file(MARKER), `${JSON.stringify({ version: 1 })}\n`));
  }
  takeLock(folder, file(LOCK));
  refuse(folder, () => makePrivate(path));
  const password = refuse(folder, () => ensurePassword(file(PASSWORD)));
  return {
    path,
    file,
    passwordFile: file(PASSWORD),
    password,
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

/** The password of a folder's ClickHouse; '' where it has none, as in a folder of an older version. */
export function readPassword(folder: string): string {
  try {
    return readFileSync(join(resolve(folder), PASSWORD), 'utf8').trim();
  } catch {
    return '';
  }
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
      if (codeOf(error) !== 'EEXIST')
        refuse(folder, () => {
          throw error;
        });
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

/** ClickHouse takes a backslash in a path for the beginning of an escape; nothing else is known to be in its way. */
function refuseName(folder: string, path: string): void {
  if (process.platform !== 'win32' && path.includes('\\'))
    throw problem(`${folder} has a backslash in its path, which ClickHouse cannot open: choose another folder`);
}

/** Hides the folder from git, and takes what an older version has made away from everybody else. */
function makePrivate(path: string): void {
  const ignored = join(path, '.gitignore');
  if (!existsSync(ignored)) writeFileSync(ignored, '*\n');
  if (process.platform === 'win32' || (statSync(path).mode & 0o077) === 0) return;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isDirectory() && !entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    chmodSync(file, entry.isDirectory() ? 0o700 : statSync(file).mode & 0o700);
  }
  // The last: it says that all the others are done.
  chmodSync(path, 0o700);
}

function ensurePassword(file: string): string {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 });
  const password = readFileSync(file, 'utf8').trim();
  if (password === '') throw problem(`${file} holds no password: write one into it, or remove it to get a new one`);
  return password;
}

/** One level at a time: `mkdir` with `recursive` tries for ever where the system answers ENOENT, as below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

function refuse<T>(folder: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ExtractError) throw error;
    const what = systemFailure(error);
    throw problem(`${folder} cannot be written (${codeOf(error)}): ${what ?? 'choose another folder'}`);
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
