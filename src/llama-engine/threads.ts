import { availableParallelism } from 'node:os';

/**
 * How many bytes of weights make one more thread worth it. llama.cpp's threads meet at spinning barriers for every
 * layer: on two virtual cores that costs about 13 ms per token, which a model of 0.5 MB (0.4 ms) should not pay and a
 * model of 500 MB (28 ms either way, half the time for prompts) does not notice. Measured with float32 weights.
 */
const bytesPerThread = 64 * 2 ** 20;

/**
 * Never more threads than the cores that this process may really use, because then no token comes for minutes.
 * On Linux `availableParallelism` heeds both the affinity mask and the cgroup's CPU quota (libuv 1.49 and later).
 */
export function usefulThreads(modelBytes: number, cores: number = availableParallelism()): number {
  return Math.max(1, Math.min(cores, Math.ceil(modelBytes / bytesPerThread)));
}
