import { runtimeSchema } from '../config/schema.ts';
import type { Runtime } from './runtime.ts';
import { maxModelLen, vllmServe } from './vllm.ts';

/**
 * The engines that a Kubernetes region can run without being told. A runtime of the same name in `ecolink.yaml` takes
 * the place of one of these: another image tag, a digest, an accelerator of another make.
 */
export function builtInKubernetes(): Runtime[] {
  return definitions.map((definition) => runtimeSchema.parse(definition));
}

/**
 * User: github.com/vllm-project/vllm, docker/Dockerfile, makes 2000 with group 0; any other has no passwd entry, and
 * the import of torch fails on that.
 * End: with `--shutdown-timeout`, which came with 0.18, it finishes its calls (github.com/vllm-project/vllm/pull/34730).
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
 * Flags: huggingface.co/docs/text-embeddings-inference/cli_arguments. `--hostname` is given because the program
 * otherwise takes HOSTNAME, which is the pod's name, and `--port` because 80, the image's own, is not for users without
 * privileges. The tag holds the builds for all CUDA architectures since 1.8; older ones have a tag each
 * (huggingface.co/docs/text-embeddings-inference/supported_models). It uses one accelerator. A call may hold 32 texts
 * unless told otherwise, OpenAI's API takes 2048. /info tells `max_input_length` (its router/src/lib.rs, Info); /rerank
 * takes `texts`, which the gateway puts it in (router/src/http/types.rs, RerankRequest). It finishes its calls when told to
 * end (router/src/shutdown.rs).
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
 * Flags: docs.sglang.io/docs/advanced_features/server_arguments.md. It takes the model's own context length unless told,
 * and tells it as vLLM does (github.com/sgl-project/sglang, python/sglang/srt/entrypoints/openai/protocol.py, ModelCard).
 * It finishes its calls when told to end (python/sglang/srt/managers/tokenizer_manager.py, sigterm_watchdog).
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
  context_argument: '--context-length',
  context_report: maxModelLen,
  parallel_argument: '--tp-size',
  ends: 'after_calls',
  port: 30000,
};

/**
 * Flags: docs.vllm.ai/projects/vllm-omni, "vllm serve --omni"; the split: its docs/user_guide/diffusion/parallelism/
 * tensor_parallel.md. The image has no entry point of its own and is built on vLLM's, hence the user
 * (github.com/vllm-project/vllm-omni, docker/Dockerfile.cuda). Video jobs live in one process: one replica answers
 * for what it made.
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
 * Flags: github.com/ggml-org/llama.cpp, tools/server/README.md; images: its docs/docker.md. It spreads a model's layers
 * over all accelerators that it sees, so it takes no number of them, and runs on CPUs where it sees none. Without
 * `--ctx-size` it takes what the memory holds (its tools/fit-params/README.md); /props tells what that came to, for each
 * of its slots.
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
  port: 8080,
  tried: "with llama.cpp's server built from source (commit de3ff81), not with this image, on 2026-11-23",
};

/** In the order in which a launch that names no runtime takes the first that fits. */
const definitions = [vllm, tei, sglang, vllmOmni, llamaCpp];
