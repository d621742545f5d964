import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataDir, readPassword } from '../../../src/embedded/data-dir.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'data-dir-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('a data folder', () => {
  it('is its owner\u2019s only, hidden from git, and has a password', () => {
    const path = join(folder, 'new', 'data');
    const dataDir = openDataDir(path);
    expect(modeOf(path)).toBe('700');
    expect(readFileSync(join(path, '.gitignore'), 'utf8')).toBe('*\n');
    for (const file of readdirSync(path)) expect(modeOf(join(path, file)), file).toBe('600');
    expect(dataDir.password).toMatch(/^[\w-]{24}$/);
    expect(readPassword(path)).toBe(dataDir.password);
    dataDir.release();
    const again = openDataDir(path);
    expect(again.password).toBe(dataDir.password);
    again.release();
  });

  it('of an older version is closed to others, and gets a password', () => {
    const path = join(folder, 'old');
    mkdirSync(join(path, 'clickhouse', 'store'), { recursive: true });
    for (const file of ['auth0-clickhouse.json', 'clickhouse/store/x.bin', 'run.sh'])
      writeFileSync(join(path, file), '{"version":1}');
    chmodSync(path, 0o755);
    chmodSync(join(path, 'run.sh'), 0o755);
    expect(readPassword(path)).toBe('');
    openDataDir(path).release();
    expect(['', 'clickhouse', 'clickhouse/store'].map((name) => modeOf(join(path, name)))).toEqual([
      '700',
      '700',
      '700',
    ]);
    expect(modeOf(join(path, 'clickhouse/store/x.bin'))).toBe('600');
    expect(modeOf(join(path, 'run.sh'))).toBe('700');
    expect(readPassword(path)).not.toBe('');
  });

  it.each([
    ['/dev/null', /DATA_DIR \/dev\/null cannot be written \(ENOTDIR\): it is a file and no folder/],
    ['/dev/null/x', /ENOTDIR.*it is a file and no folder/],
    ['/proc/no/such', /DATA_DIR \/proc\/no\/such cannot be written/],
    ['a\\b', /DATA_DIR a\\b has a backslash in its path/],
  ])('is refused by name: %s', (path, text) => {
    expect(() => openDataDir(path)).toThrow(text);
    expect(existsSync('a\\b')).toBe(false);
  });

  it('with an empty password says what to do', () => {
    const path = join(folder, 'empty');
    openDataDir(path).release();
    writeFileSync(join(path, 'clickhouse-password'), '\n');
    expect(() => openDataDir(path)).toThrow(/clickhouse-password holds no password: write one/);
  });
});
