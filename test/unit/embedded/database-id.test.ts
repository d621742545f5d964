import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readDatabaseId, rememberDatabaseId } from '../../../src/embedded/database-id.js';

let folder = '';
const dataDir = { file: (...names: string[]) => join(folder, ...names) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'database-id-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is remembered by a folder, for its owner only', () => {
  expect(readDatabaseId(dataDir)).toBeNull();
  rememberDatabaseId(dataDir, 'an-id');
  expect(readDatabaseId(dataDir)).toBe('an-id');
  expect(statSync(dataDir.file('database.json')).mode & 0o077).toBe(0);
});

it.each(['', '{', '{"id":1}', '{"id":"with blank"}'])('is unknown where the file holds %j', (text) => {
  writeFileSync(dataDir.file('database.json'), text);
  expect(readDatabaseId(dataDir)).toBeNull();
});
