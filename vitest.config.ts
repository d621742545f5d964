import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // chdb hangs in worker_threads: a thread that merely imports it and ends blocks the main thread's next query.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
