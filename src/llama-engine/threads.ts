import { availableParallelism } from 'node:os';

/**
 * Bytes of weights that justify one more thread. The threads of llama.cpp wait for each other at every layer: on two
 * virtual cores that costs about 13 ms per token. That is too much for a model of 0.5 MB (0.4 ms per token). For a model
 * of 500 MB it does not matter: 28 ms either way, and prompts take half the time. Measured with float32 weights.
 */
const bytesPerThread = 64 * 2 ** 20;

/**
 * Never more threads than usable cores: otherwise a token can take minutes. On Linux `availableParallelism` respects the
 * affinity mask and the CPU quota of the cgroup (libuv 1.49 and later).
 */
export function usefulThreads(modelBytes: number, cores: number = availableParallelism()): number {
  return Math.max(1, Math.min(cores, Math.ceil(modelBytes / bytesPerThread)));
}
