import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { engineError } from './errors.js';

/** A private folder for the rows of inserts that wait for the engine or are read by it. */
export interface Spool {
  /**
   * Puts rows into a file, hands its path to `task`, and removes the file when that has ended, well or not.
   * @throws EngineError when the file cannot be written.
   */
  with<T>(rows: readonly Uint8Array[], task: (file: string) => Promise<T>): Promise<T>;
}

/**
 * Makes the folder `incoming` in a data directory, and removes what a killed process left in it. Only for the process that
 * holds the directory. It lies there and not under /tmp, which may be in memory and too small, and which others share.
 */
export function openSpool(dataDirectory: string): Spool {
  const folder = join(dataDirectory, 'incoming');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  return {
    async with(rows, task) {
      const file = join(folder, randomUUID());
      try {
        await write(file, rows);
        return await task(file);
      } finally {
        await rm(file, { force: true });
      }
    },
  };
}

async function write(file: string, rows: readonly Uint8Array[]): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      for (const piece of rows) await handle.writeFile(piece);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const reason: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    const text = `The rows of the insert could not be written into the data directory (${String(reason)}).`;
    throw reason === 'ENOSPC' || reason === 'EDQUOT'
      ? engineError(243, 'NOT_ENOUGH_SPACE', text)
      : engineError(1001, 'STD_EXCEPTION', text);
  }
}
