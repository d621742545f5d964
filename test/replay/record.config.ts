import { defineConfig } from 'vitest/config';

/** For `npx vitest run --config test/replay/record.config.ts` only: see README.md beside this file. */
export default defineConfig({
  test: {
    include: ['test/replay/record.ts'],
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    expect: { poll: { timeout: 15_000 } },
  },
});
