import { defineConfig } from 'vitest/config';

const url = process.env['DATABASE_URL'];
const words =
  'test:postgres needs a PostgreSQL server: set DATABASE_URL to postgres://<user>@<host>:<port>/<database>.';
if (url === undefined && process.env['CI']) throw new Error(words);
if (url === undefined) process.stderr.write(`\nSKIPPED, nothing was tested: ${words}\n\n`);

export default defineConfig({
  test: {
    include: url === undefined ? [] : ['test/postgres/**/*.test.ts', 'test/core/store/stores.test.ts'],
    passWithNoTests: url === undefined,
    // A name of its own: with DATABASE_URL set for other reasons, `npm test` still runs on SQLite and PGlite.
    env: url === undefined ? {} : { TEST_POSTGRES_URL: url },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: process.env['CI'] ? 1 : 0,
  },
});
