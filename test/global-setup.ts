import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { resolveTemporalCli } from '../src/embedded/temporal/cli.js';
import { startTemporalServer, type TemporalServer } from '../src/embedded/temporal/server.js';
import { ensureBuilt } from './support/up.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a Temporal dev server that lives as long as the test run. */
    temporalAddress: string;
    /** File with the bundle of the workflows as they are now. */
    workflowBundle: string;
  }
}

/** The bundle that the build makes. */
export const WORKFLOW_BUNDLE = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));

/** One build and one server for all test files; each file brings its own namespace, or its own task queues. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  ensureBuilt();
  const server = await startServer();
  project.provide('temporalAddress', server.address);
  project.provide('workflowBundle', WORKFLOW_BUNDLE);
  return async () => {
    // Its state is in memory: nothing is lost by not waiting for an orderly end.
    await server.stop(0);
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
