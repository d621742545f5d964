import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** Opaque native objects. */
type Handle = object;

/** The entries of chdb's native addon that are used here. */
export interface Native {
  CreateConnection(path: string, args: readonly string[]): Handle;
  CloseConnection(connection: Handle): void;
  QueryAsyncConnection(connection: Handle, sql: string, format: string): Promise<unknown>;
  InsertRawAsyncConnection(connection: Handle, head: string, data: Buffer, countLines: boolean): Promise<unknown>;
  StreamQuery(connection: Handle, sql: string, format: string): Handle;
  StreamFetch(stream: Handle): Promise<unknown>;
  StreamCancel(stream: Handle): void;
}

const ENTRIES = [
  'CreateConnection',
  'CloseConnection',
  'QueryAsyncConnection',
  'InsertRawAsyncConnection',
  'StreamQuery',
  'StreamFetch',
  'StreamCancel',
] as const;

/** The engine cannot be loaded or opened; the message is meant for the operator. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

const MISSING = 'embedded ClickHouse needs the optional package chdb; install it or set CLICKHOUSE_URL';

/**
 * Loads the native addon of the `chdb` package.
 *
 * The package's public API cannot carry what the HTTP interface needs: its raw insert takes a table name and eight
 * formats instead of a statement, and its parameter binding escapes values that arrive escaped already. The addon
 * below it takes both as they are. The version is pinned, and every entry is checked before use.
 *
 * @throws EngineUnavailableError when chdb is not installed, does not run on this platform, or has changed.
 */
export function loadNative(): Native {
  // A worker thread that loads chdb and ends blocks the next query of the main thread for ever.
  if (!isMainThread) throw new EngineUnavailableError('embedded ClickHouse cannot run in a worker thread');
  const require = createRequire(import.meta.url);
  let manifest: string;
  try {
    manifest = require.resolve('chdb/package.json');
  } catch (cause) {
    throw new EngineUnavailableError(MISSING, { cause });
  }
  try {
    const loader: unknown = require(join(dirname(manifest), 'dist', 'loader.js'));
    const native: unknown = hasFunction(loader, 'loadNative') ? loader.loadNative() : undefined;
    if (isNative(native)) return native;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineUnavailableError(`${MISSING} (chdb does not load: ${reason})`, { cause });
  }
  throw new EngineUnavailableError('this version of chdb is not supported; install the one named in package.json');
}

function hasFunction<K extends string>(value: unknown, key: K): value is Record<K, () => unknown> {
  return typeof value === 'object' && value !== null && key in value && typeof Reflect.get(value, key) === 'function';
}

function isNative(value: unknown): value is Native {
  return ENTRIES.every((entry) => hasFunction(value, entry));
}

/** A number that a native result carries, 0 when it is absent. */
export function numberOf(result: unknown, key: string): number {
  const value: unknown = typeof result === 'object' && result !== null ? Reflect.get(result, key) : undefined;
  return typeof value === 'number' ? value : 0;
}

/** The bytes that a native result carries, without a copy. */
export function bytesOf(result: unknown): Buffer {
  const bytes: unknown = typeof result === 'object' && result !== null ? Reflect.get(result, 'bytes') : undefined;
  if (!(bytes instanceof Uint8Array)) return Buffer.alloc(0);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** True once a native stream has delivered its last chunk. */
export function isDone(result: unknown): boolean {
  return typeof result === 'object' && result !== null && Reflect.get(result, 'done') === true;
}
