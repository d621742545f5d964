import { existsSync, mkdtempSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openClickHouse } from '../../src/clickhouse/client.js';
import { spawnChild } from '../../src/embedded/child-process.js';
import { USER } from '../../src/embedded/clickhouse/access.js';
import { readPassword, readStack, type StackAddresses } from '../../src/embedded/data-dir.js';
import type { Measurement } from '../lib/report.js';
import { bareEnvironment } from '../parts/environment.js';
import { OURS } from '../parts/measure.js';
import { ROOT } from '../parts/paths.js';
import { openFolder } from '../parts/stack.js';
import { alternate, type BenchCase, type CaseContext } from './case.js';

const PATIENCE_MS = 120_000;
const POLL_MS = 15;
const PORTS = ['--temporal-port', '0', '--ui-port', '0', '--clickhouse-port', '0'];

/** `npm start` on an empty data folder until a row can be queried; dependencies are installed and built. */
export const coldStart: BenchCase = {
  id: 'cold-start',
  title: 'npm start on an empty folder to the first row that can be queried',
  runs: 3,
  async measure(context) {
    const folder = await openFolder(context.scope);
    const fetching = (): Record<string, string> => ({
      XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')),
      PATH: pathWithoutTemporal(bareEnvironment()['PATH'] ?? ''),
    });
    const subjects = [() => startOnce(context, OURS, folder, {})];
    if (!context.quick) subjects.push(() => startOnce(context, 'Temporal still to fetch', folder, fetching()));
    await alternate(context, subjects);
  },
};

async function startOnce(
  context: CaseContext,
  subject: string,
  folder: string,
  env: Record<string, string>,
): Promise<Measurement> {
  const dataDir = mkdtempSync(join(folder, 'data-'));
  const start = performance.now();
  const npm = await spawnChild({
    name: 'npm start',
    command: 'npm',
    args: ['start', '--silent', '--', '--data-dir', dataDir, ...PORTS],
    env: { ...bareEnvironment(), EMULATOR_PORT: '0', ...env },
    cwd: ROOT,
  });
  let stack: StackAddresses | null = null;
  try {
    for (;;) {
      context.signal.throwIfAborted();
      stack ??= readStack(dataDir);
      if (stack !== null && (await hasRows(stack.clickhouse.url, readPassword(dataDir)))) break;
      if (performance.now() - start > PATIENCE_MS) throw new Error(['no row came', ...npm.lastLines()].join('\n'));
      await sleep(POLL_MS);
    }
    const seconds = (performance.now() - start) / 1000;
    return { subject, metrics: { seconds }, processes: {} };
  } finally {
    // npm would end at once and leave the program to itself.
    if (stack !== null) process.kill(stack.pid, 'SIGTERM');
    else await npm.stop(15_000);
    await npm.exited;
  }
}

async function hasRows(url: string, password: string): Promise<boolean> {
  const client = openClickHouse({ url, database: 'auth0', username: USER, password, cluster: null });
  try {
    const answer = await client.query({ query: 'SELECT count() FROM auth0.logs', format: 'TabSeparated' });
    return Number(await answer.text()) > 0;
  } catch {
    // The tables are made by the worker, a moment later.
    return false;
  } finally {
    await client.close();
  }
}

function pathWithoutTemporal(path: string): string {
  return path
    .split(delimiter)
    .filter((part) => !existsSync(join(part, 'temporal')))
    .join(delimiter);
}
