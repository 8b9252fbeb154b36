/** llama.cpp leaves 1 GiB of each accelerator free (--fit-target, tools/server/README.md). */
const memory = { share: 1, overhead_mib: 1024 };

/**
 * The command line of llama.cpp's server (github.com/ggml-org/llama.cpp, tools/server/README.md). Without `--ctx-size` it uses
 * what fits in memory (tools/fit-params/README.md). /props reports the result for each slot. `--kv-unified`: slots share
 * one cache, so each call may still have the whole context. Its web page is off: callers use EcoLink's.
 */
export const llamaServer = {
  arguments: ['--model', '{model_path}', '--alias', '{served_name}', '--host', '{host}', '--port', '{port}'],
  default_arguments: ['--metrics', '--no-webui'],
  category_arguments: { embedding: ['--embedding'], reranker: ['--reranking'] },
  context_argument: '--ctx-size',
  context_report: { path: '/props', field: 'default_generation_settings.n_ctx' },
  launch_fields: { max_sequences: ['--parallel', '{value}', '--kv-unified'] },
  projector_argument: '--mmproj',
  memory,
};
