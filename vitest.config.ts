import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The suites that need more than Node and npm have a script of their own.
    exclude: ['test/postgres/**', 'test/engines/**', 'test/olah/**', 'test/kubernetes/**', 'test/cluster/**'],
    // Most tests wait for processes. On two cores, vitest's own choice is one worker.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for is an event, not a speed: the usual second is the speed of one machine.
    expect: { poll: { timeout: 30_000 } },
    // Real processes on a shared machine: a stall of the machine is told apart from a fault by a second look, which CI's log shows.
    retry: process.env['CI'] ? 1 : 0,
  },
});
