import { defineConfig } from 'vitest/config';

const found = process.env['ECOLINK_TEST_OLAH'] !== undefined;
const words =
  'test:olah needs a Hub that others wrote: set ECOLINK_TEST_OLAH to the program olah-cli (pip install -r test/olah/requirements.txt, in a venv).';
if (!found && process.env['CI']) throw new Error(words);
if (!found) process.stderr.write(`\nSKIPPED, nothing was tested: ${words}\n\n`);

export default defineConfig({
  test: {
    include: found ? ['test/olah/**/*.test.ts'] : [],
    passWithNoTests: !found,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: process.env['CI'] ? 1 : 0,
  },
});
