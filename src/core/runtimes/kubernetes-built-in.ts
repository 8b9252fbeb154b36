import { runtimeSchema } from '../config/schema.ts';
import type { Runtime } from './runtime.ts';
import { llamaMemory } from './llama-memory.ts';
import { maxModelLen, vllmServe } from './vllm.ts';

/**
 * Runtimes of Kubernetes regions that need no configuration. A runtime of the same name in `ecolink.yaml` replaces one,
 * for example to use another image tag, a digest, or an image for other accelerators.
 */
export function builtInKubernetes(): Runtime[] {
  return definitions.map((definition) => runtimeSchema.parse(definition));
}

/**
 * User: the image creates user 2000 with group 0 (github.com/vllm-project/vllm, docker/Dockerfile). Any other user has no
 * passwd entry, and then the import of torch fails.
 * End: with `--shutdown-timeout` (since 0.18) it finishes its calls (github.com/vllm-project/vllm/pull/34730).
 */
const vllm = {
  name: 'vllm',
  kind: 'kubernetes',
  categories: ['chat', 'embedding', 'reranker', 'audio'],
  category_tasks: { audio: ['automatic-speech-recognition'] },
  formats: ['safetensors', 'pytorch'],
  image: 'vllm/vllm-openai:v0.30.0',
  command: ['vllm'],
  ...vllmServe,
  arguments: [...vllmServe.arguments, '--shutdown-timeout', '{drain_seconds}'],
  ends: 'after_calls',
  parallel_argument: '--tensor-parallel-size',
  port: 8000,
  user: 2000,
};

/**
 * Flags: huggingface.co/docs/text-embeddings-inference/cli_arguments. Without `--hostname` it uses HOSTNAME, the name of
 * the pod. Its default port, 80, needs privileges. Since 1.8 one tag holds the builds for all CUDA architectures; older
 * versions have a tag for each (huggingface.co/docs/text-embeddings-inference/supported_models). It uses one accelerator.
 * A call may hold 32 texts by default; OpenAI's API takes 2048. /info reports `max_input_length` (router/src/lib.rs,
 * Info). /rerank takes `texts`; the gateway converts calls (router/src/http/types.rs, RerankRequest). After SIGTERM it
 * finishes its calls (router/src/shutdown.rs).
 */
const tei = {
  name: 'tei',
  kind: 'kubernetes',
  categories: ['embedding', 'reranker'],
  formats: ['safetensors'],
  image: 'ghcr.io/huggingface/text-embeddings-inference:cuda-1.9',
  arguments: [
    '--model-id',
    '{model_path}',
    '--served-model-name',
    '{served_name}',
    '--hostname',
    '{host}',
    '--port',
    '{port}',
    '--max-client-batch-size',
    '2048',
  ],
  rerank: 'tei',
  ends: 'after_calls',
  context_report: { path: '/info', field: 'max_input_length' },
  maximum_accelerators: 1,
  port: 8080,
};

/**
 * Flags: docs.sglang.io/docs/advanced_features/server_arguments.md. By default it uses the model's own context length. It
 * reports the length as vLLM does (github.com/sgl-project/sglang, python/sglang/srt/entrypoints/openai/protocol.py,
 * ModelCard). Weights and cache share --mem-fraction-static, about 0.87 of an accelerator with 80 GB. After SIGTERM it finishes its calls (python/sglang/srt/managers/tokenizer_manager.py, sigterm_watchdog).
 */
const sglang = {
  name: 'sglang',
  kind: 'kubernetes',
  categories: ['chat'],
  formats: ['safetensors'],
  image: 'lmsysorg/sglang:v0.5.18',
  command: ['python3', '-m', 'sglang.launch_server'],
  arguments: [
    '--model-path',
    '{model_path}',
    '--served-model-name',
    '{served_name}',
    '--host',
    '{host}',
    '--port',
    '{port}',
  ],
  served_name: '{model}-{instance}',
  context_argument: '--context-length',
  context_report: maxModelLen,
  parallel_argument: '--tp-size',
  memory: { share: 0.87, overhead_mib: 0 },
  ends: 'after_calls',
  port: 30000,
};

/**
 * Flags: docs.vllm.ai/projects/vllm-omni, "vllm serve --omni". Tensor parallelism: docs/user_guide/diffusion/parallelism/
 * tensor_parallel.md there. The image has no entry point and is built on the image of vLLM, so it has the same user
 * (github.com/vllm-project/vllm-omni, docker/Dockerfile.cuda). A video job lives in one process: only the replica that
 * made it can answer for it.
 */
const vllmOmni = {
  name: 'vllm-omni',
  kind: 'kubernetes',
  categories: ['image', 'video', 'audio'],
  category_tasks: { audio: ['text-to-speech', 'text-to-audio'] },
  formats: ['safetensors'],
  image: 'vllm/vllm-omni:v0.30.0',
  command: ['vllm'],
  arguments: [...vllmServe.arguments, '--omni'],
  parallel_argument: '--tensor-parallel-size',
  port: 8091,
  user: 2000,
};

/**
 * Flags: github.com/ggml-org/llama.cpp, tools/server/README.md. Images: docs/docker.md there. It spreads the layers over
 * all accelerators that it finds, so it needs no flag for their number. Without accelerators it runs on the CPU. Without
 * `--ctx-size` it uses what fits in memory (tools/fit-params/README.md). /props reports the result for each slot.
 */
const llamaCpp = {
  name: 'llama.cpp',
  kind: 'kubernetes',
  categories: ['chat', 'embedding', 'reranker'],
  formats: ['gguf'],
  image: 'ghcr.io/ggml-org/llama.cpp:server-cuda-b11151',
  arguments: ['--model', '{model_path}', '--alias', '{served_name}', '--host', '{host}', '--port', '{port}'],
  category_arguments: { embedding: ['--embedding'], reranker: ['--reranking'] },
  context_argument: '--ctx-size',
  context_report: { path: '/props', field: 'default_generation_settings.n_ctx' },
  memory: llamaMemory,
  port: 8080,
  tried: "with llama.cpp's server built from source (commit de3ff81), not with this image, on 2026-11-23",
};

/** In order of preference: a launch without a named runtime uses the first one that fits. */
const definitions = [vllm, tei, sglang, vllmOmni, llamaCpp];
