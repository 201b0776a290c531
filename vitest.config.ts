import {defineConfig} from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Ceilings, not measurements: they end what hangs, and leave time to a machine that does other things as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: {poll: {timeout: 60_000}},
    pool: 'forks',
    maxWorkers: 2,
  },
});
