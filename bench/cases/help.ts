import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bareEnvironment } from '../parts/environment.js';
import { OURS } from '../parts/measure.js';
import { built } from '../parts/paths.js';
import { alternate, type BenchCase } from './case.js';

const run = promisify(execFile);

/** The shortest thing that a person can ask for. */
export const help: BenchCase = {
  id: 'help',
  title: 'auth0-clickhouse --help, and Node itself',
  runs: 11,
  async measure(context) {
    const time = async (subject: string, args: string[]) => {
      const start = performance.now();
      await run(process.execPath, args, { env: bareEnvironment() });
      return { subject, metrics: { milliseconds: performance.now() - start }, processes: {} };
    };
    await alternate(context, [
      () => time(OURS, [built('client.js'), '--help']),
      () => time('node alone', ['--eval', '0']),
    ]);
  },
};
