import { defineConfig } from 'vitest/config';

// CI sets it if nothing that the suite of real engines covers has changed (scripts/engines/covered-hash.ts).
const unchanged = process.env['ECOLINK_TEST_REAL_ENGINES'] === 'unchanged';
const left = unchanged ? ['test/engines/vllm.test.ts', 'test/engines/sglang.test.ts'] : [];
if (process.env['SGLANG_BIN'] === undefined) left.push('test/engines/sglang.test.ts');

export default defineConfig({
  test: {
    include: ['test/engines/**/*.test.ts'],
    exclude: left,
    // One real engine at a time: each takes gigabytes and all cores.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: process.env['CI'] ? 1 : 0,
  },
});
