import { defineConfig } from 'vitest/config';

const results = process.env['ECOLINK_TEST_RESULTS'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The suites that need more than Node and npm have a script of their own.
    exclude: ['test/postgres/**', 'test/kubernetes/**', 'test/cluster/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
