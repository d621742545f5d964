import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { DataDir } from './data-dir.js';

const FILE = 'database.json';
const schema = z.object({ id: z.string().regex(/^[\w-]{1,100}$/) });

/** Id of the database that a data folder's copies lie in; null where none is remembered yet. */
export function readDatabaseId(dataDir: Pick<DataDir, 'file'>): string | null {
  try {
    return schema.parse(JSON.parse(readFileSync(dataDir.file(FILE), 'utf8'))).id;
  } catch {
    // A folder of an older version has none: the database that is there now is believed.
    return null;
  }
}

/** Remembers it: a worker is from then on refused any other database. */
export function rememberDatabaseId(dataDir: Pick<DataDir, 'file'>, id: string): void {
  if (readDatabaseId(dataDir) !== id) writeFileSync(dataDir.file(FILE), `${JSON.stringify({ id })}\n`, { mode: 0o600 });
}
