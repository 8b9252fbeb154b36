/** Where vLLM, and what answers as it does, tells the context length that it came to. */
export const maxModelLen = { path: '/v1/models', field: 'data.0.max_model_len' };

/**
 * How vLLM is told what to serve, wherever it runs. Flags: docs.vllm.ai/en/stable/cli/serve.html. The model is positional;
 * pooling models (embeddings, scores) are served with `--runner pooling` (docs.vllm.ai/en/stable/models/
 * pooling_models.html); a speech-to-text model needs no flag. Context: `auto` is the longest that the memory holds
 * (github.com/vllm-project/vllm/issues/41364); without it a model whose own length does not fit ends the start. What it
 * came to is `max_model_len` of /v1/models (vllm/entrypoints/openai/models/protocol.py, ModelCard).
 */
export const vllmServe = {
  arguments: ['serve', '{model_path}', '--served-model-name', '{served_name}', '--host', '{host}', '--port', '{port}'],
  category_arguments: { embedding: ['--runner', 'pooling'], reranker: ['--runner', 'pooling'] },
  context_argument: '--max-model-len',
  context_default: { chat: 'auto' },
  context_report: maxModelLen,
};
