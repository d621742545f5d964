import { statfs } from 'node:fs/promises';
import { saysDiskFull } from '../system-failure.js';

/** Below this ClickHouse and Temporal soon cannot write. */
const LOW_BYTES = 32 * 1024 * 1024;
const LOOK_MS = 2_000;
/** How often the same is said again while it lasts. */
const REPEAT_MS = 60_000;

/** Says when the disk of the data folder is full, and when it no longer is. */
export interface DiskWatch {
  /** A line that one of the parts has written: it may be the first to find out, as where a quota is used up. */
  heard(line: string): void;
  /** The sentence for an end of the stack; undefined while there is space. */
  problem(): string | undefined;
  stop(): void;
}

/** Watches the disk of a folder. `say` gets a line for people. */
export function watchDisk(
  folder: string,
  say: (line: string) => void,
  freeBytes: (folder: string) => Promise<number> = freeBytesOf,
): DiskWatch {
  const full = `The disk of ${folder} is full: free some space`;
  const sentence = `${full}. Nothing is lost; copying goes on by itself.`;
  const atTheEnd = `${full}, then start again. Nothing that was stored is lost.`;
  let saidAt = -Infinity;
  let low = false;
  let heardAt = -Infinity;
  const sayFull = (): void => {
    if (Date.now() - saidAt < REPEAT_MS) return;
    saidAt = Date.now();
    say(sentence);
  };
  const look = async (): Promise<void> => {
    const free = await freeBytes(folder).catch(() => Infinity);
    const was = low;
    low = free < LOW_BYTES;
    if (low) return sayFull();
    if (!was) return;
    saidAt = -Infinity;
    say(`There is space again on the disk of ${folder}.`);
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  timer.unref();
  void look();
  return {
    heard(line) {
      if (!saysDiskFull(line)) return;
      heardAt = Date.now();
      sayFull();
    },
    problem: () => (low || Date.now() - heardAt < REPEAT_MS ? atTheEnd : undefined),
    stop: () => clearInterval(timer),
  };
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
