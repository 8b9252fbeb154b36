import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The suites that need more than Node and npm have a script of their own.
    exclude: ['test/postgres/**', 'test/engines/**', 'test/kubernetes/**', 'test/cluster/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
