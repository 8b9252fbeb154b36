/** Where vLLM, and engines with its API, report their actual context length. */
export const maxModelLen = { path: '/v1/models', field: 'data.0.max_model_len' };

/**
 * The command line of vLLM. Flags: docs.vllm.ai/en/stable/cli/serve.html. The model is positional. Pooling models
 * (embeddings, scores) need `--runner pooling` (docs.vllm.ai/en/stable/models/pooling_models.html); speech-to-text models
 * need no flag. Context: `auto` is the longest that fits in memory (github.com/vllm-project/vllm/issues/41364), in every
 * category (0.32.0). Without it vLLM does not start if the model's own context length does not fit. /v1/models reports the result as `max_model_len`
 * (vllm/entrypoints/openai/models/protocol.py, ModelCard). Memory: it takes 92 % of each accelerator (--gpu-memory-utilization
 * of 0.32.0). CUDA graphs "can take additional 1~3 GiB memory per GPU" (vllm/worker/model_runner.py, 0.6).
 */
export const vllmServe = {
  arguments: ['serve', '{model_path}', '--served-model-name', '{served_name}', '--host', '{host}', '--port', '{port}'],
  category_arguments: { embedding: ['--runner', 'pooling'], reranker: ['--runner', 'pooling'] },
  context_argument: '--max-model-len',
  context_default: { chat: 'auto', embedding: 'auto', reranker: 'auto', audio: 'auto' },
  context_report: maxModelLen,
  launch_fields: {
    max_sequences: ['--max-num-seqs', '{value}'],
    memory_share: ['--gpu-memory-utilization', '{value}'],
    quantization: ['--quantization', '{value}'],
  },
  fits_model: true,
  memory: { share: 0.92, overhead_mib: 2048 },
};
