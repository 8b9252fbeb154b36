import { runtimeSchema } from '../config/schema.ts';
import type { Runtime } from './runtime.ts';
import { llamaServer } from './llama-server.ts';
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
  image: 'vllm/vllm-openai:v0.32.0',
  command: ['vllm'],
  ...vllmServe,
  arguments: [...vllmServe.arguments, '--shutdown-timeout', '{drain_seconds}'],
  // The image lacks av, soundfile, scipy and soxr, so every upload of audio gets status 400 (0.32.0).
  reads_audio: false,
  ends: 'after_calls',
  parallel_argument: '--tensor-parallel-size',
  port: 8000,
  user: 2000,
};

/**
 * Flags: router/src/main.rs (github.com/huggingface/text-embeddings-inference, 1.9.3). Without `--hostname` it uses HOSTNAME,
 * the name of the pod. Its default port, 80, needs privileges. One image holds the builds for all CUDA architectures, and
 * ends at once where there is no GPU (cuda-all-entrypoint.sh). It uses one accelerator. Limits: a call may hold 32 texts by
 * default, OpenAI's API takes 2048. Each text takes one of 512 permits, and a call that gets too few is refused: there are
 * permits for eight full calls. A body may have 2 MB by default. /info reports `max_input_length` (router/src/lib.rs,
 * Info). /rerank takes `texts`; the gateway converts calls (router/src/http/types.rs, RerankRequest). After SIGTERM it
 * finishes its calls (router/src/shutdown.rs).
 */
const tei = {
  name: 'tei',
  kind: 'kubernetes',
  categories: ['embedding', 'reranker'],
  formats: ['safetensors'],
  image: 'ghcr.io/huggingface/text-embeddings-inference:cuda-1.9.3',
  cpu_image: 'ghcr.io/huggingface/text-embeddings-inference:cpu-1.9.3',
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
  default_arguments: ['--max-concurrent-requests', '16384', '--payload-limit', '64000000'],
  fits_model: true,
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
  launch_fields: {
    max_sequences: ['--max-running-requests', '{value}'],
    memory_share: ['--mem-fraction-static', '{value}'],
    quantization: ['--quantization', '{value}'],
  },
  fits_model: true,
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
 * all accelerators that it finds, so it needs no flag for their number. The CUDA image runs on the CPU too, if there is no GPU.
 */
const llamaCpp = {
  name: 'llama.cpp',
  kind: 'kubernetes',
  categories: ['chat', 'embedding', 'reranker'],
  formats: ['gguf'],
  image: 'ghcr.io/ggml-org/llama.cpp:server-cuda-b11151',
  ...llamaServer,
  port: 8080,
  tried: "with llama.cpp's server built from source (commit de3ff81), not with this image, on 2026-11-23",
};

/** In order of preference: a launch without a named runtime uses the first one that fits. */
const definitions = [vllm, tei, sglang, vllmOmni, llamaCpp];
