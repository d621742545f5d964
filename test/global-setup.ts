import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { resolveTemporalCli } from '../src/embedded/temporal/cli.js';
import { startTemporalServer, type TemporalServer } from '../src/embedded/temporal/server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a Temporal dev server that lives as long as the test run. */
    temporalAddress: string;
    /** File with the bundle of src/workflows/index.ts as it is now. */
    workflowBundle: string;
  }
}

/** One server and one bundle for all test files that need them; each file brings its own workers and task queues. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'auth0-clickhouse-tests-'));
  const bundle = join(folder, 'workflow-bundle.js');
  const [server] = await Promise.all([startServer(), bundleWorkflows().then((code) => writeFile(bundle, code))]);
  project.provide('temporalAddress', server.address);
  project.provide('workflowBundle', bundle);
  return async () => {
    // Its state is in memory: nothing is lost by not waiting for an orderly end.
    await server.stop(0);
    await rm(folder, { recursive: true, force: true });
  };
}

/** A dev server on free ports with its state in memory. */
export async function startServer(): Promise<TemporalServer> {
  const cliPath = process.env['TEMPORAL_CLI_PATH'];
  const binary = await resolveTemporalCli({
    ...(cliPath === undefined ? {} : { cliPath }),
    searchPath: process.env['PATH'] ?? '',
    cacheDir: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'auth0-clickhouse'),
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const start = () => startTemporalServer({ binary, port: 0, uiPort: 0, namespace: 'default' });
  // A port that was free a moment ago may be taken by then, once in a while by the server's own inner services.
  return start().catch(start);
}

/** The code that a worker runs, made from the sources. */
export async function bundleWorkflows(): Promise<string> {
  const workflowsPath = fileURLToPath(new URL('../src/workflows/index.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  return code;
}
