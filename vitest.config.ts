import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // chdb hangs in worker_threads: a thread that merely imports it and ends blocks the main thread's next query.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most tests wait for processes more than they compute: one worker a core would leave the cores idle.
    maxWorkers: 3,
    // A server lets at least a second pass before every retry.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'stack',
          include: ['test/**/*.test.ts'],
          exclude: ['test/unit/**'],
          globalSetup: ['test/global-setup.ts'],
        },
      },
    ],
  },
});
