import { defineConfig } from 'vitest/config';

/** Folders whose tests need a Temporal dev server or the workflow bundle: only they pay for the set-up. */
const NEED_TEMPORAL = ['test/workflows/**/*.test.ts', 'test/replay/**/*.test.ts'];

export default defineConfig({
  test: {
    // chdb hangs in worker_threads: a thread that merely imports it and ends blocks the main thread's next query.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most tests wait for processes more than they compute: one worker a core would leave the cores idle.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: 'plain', include: ['test/**/*.test.ts'], exclude: NEED_TEMPORAL } },
      {
        extends: true,
        test: {
          name: 'temporal',
          include: NEED_TEMPORAL,
          globalSetup: ['test/global-setup.ts'],
          // They wait for the server most of the time: it lets at least a second pass before every retry.
          maxWorkers: 3,
          expect: { poll: { timeout: 15_000 } },
          // Files of projects with different numbers of workers cannot run in one group.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
