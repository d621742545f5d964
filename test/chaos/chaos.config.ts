import { defineConfig } from 'vitest/config';

/** For `npm run chaos` only: docs/reliability.md says what it does. */
export default defineConfig({
  test: {
    include: ['test/chaos/matrix.ts'],
    pool: 'forks',
    testTimeout: 3 * 3_600_000,
    // What happens is shown while it happens.
    disableConsoleIntercept: true,
  },
});
