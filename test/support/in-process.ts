import { vi } from 'vitest';
import { describeFailure } from '../../src/commands/failure.js';
import { buildProgram } from '../../src/commands/program.js';

/**
 * Runs the command line in the test's own process, a hundred times as fast as one of its own. For what is no matter of
 * processes; one at a time, since it is `process.stdout` that is listened to.
 */
export async function runHere(args: readonly string[], env: Record<string, string> = {}) {
  let code: number | null = null;
  let [stdout, stderr] = ['', ''];
  const listening = [
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      stdout += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      stderr += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      return true;
    }),
  ];
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    await buildProgram('0.0.0', (exitCode) => {
      code = exitCode;
    }).parseAsync(['node', 'auth0-clickhouse', ...args]);
  } catch (error) {
    const failure = describeFailure(error);
    code = failure.exitCode;
    stderr += `${failure.message}\n`;
    if (args.includes('--json'))
      stdout += JSON.stringify({ status: 'failed', error: { message: failure.message }, exitCode: code });
  } finally {
    vi.unstubAllEnvs();
    for (const spy of listening) spy.mockRestore();
  }
  return { code, stdout, stderr };
}
