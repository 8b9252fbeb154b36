/** llama.cpp leaves 1 GiB of each accelerator free (--fit-target, tools/server/README.md). */
export const llamaMemory = { share: 1, overhead_mib: 1024 };
