import { integer, none, number, oneOf, size, trustRemoteCode, word } from './engine-list.ts';
import type { EngineList } from './engine-list.ts';

/**
 * Left out, and why: paths and templates (--chat-template, --download-dir, --lora-modules, --allowed-local-media-path), modules
 * (--middleware, --worker-cls, --distributed-executor-backend), JSON with plugins in it (--structured-outputs-config,
 * --speculative-config, every dotted flag), formats that unpickle (--load-format), ports and keys (--data-parallel-size,
 * --ssl-keyfile, --api-key), other accelerators than the plan counts (--pipeline-parallel-size), and what removes a protection
 * (--enable-prompt-embeds, --trust-request-chat-template, --enable-log-requests).
 */
export const vllmList: EngineList = {
  source: 'docs.vllm.ai/en/stable/cli/serve.html',
  version: '0.32.0',
  arguments: [
    trustRemoteCode,
    oneOf('--dtype', 'auto half float16 bfloat16 float float32'),
    oneOf(
      '--quantization',
      'awq awq_marlin auto_awq gptq gptq_marlin auto_gptq fp8 fp8_per_tensor fp8_per_block modelopt modelopt_fp4 compressed-tensors experts_int8 moe_wna16 mxfp4 mxfp8 quark torchao',
      ['-q'],
    ),
    oneOf('--kv-cache-dtype', 'auto float16 bfloat16 fp8 fp8_e4m3 fp8_e5m2'),
    integer('--seed'),
    none('--enforce-eager', { negatable: true }),
    integer('--optimization-level', { maximum: 3 }),
    oneOf('--performance-mode', 'balanced interactivity throughput'),
    oneOf('--tokenizer-mode', 'auto hf mistral'),
    oneOf('--config-format', 'auto hf mistral'),
    oneOf('--model-impl', 'auto vllm transformers'),
    oneOf('--convert', 'auto none embed classify'),
    oneOf('--generation-config', 'auto vllm'),
    oneOf(
      '--attention-backend',
      'FLASH_ATTN FLASHINFER TRITON_ATTN ROCM_ATTN FLASHMLA CUTLASS_MLA TRITON_MLA FLASH_ATTN_MLA FLEX_ATTENTION CPU_ATTN',
    ),
    none('--disable-sliding-window', { negatable: true }),
    none('--disable-cascade-attn', { negatable: true }),
    number('--gpu-memory-utilization', { maximum: 1 }),
    size('--kv-cache-memory-bytes'),
    integer('--block-size', { minimum: 1, maximum: 4096 }),
    integer('--num-gpu-blocks-override', { minimum: 1 }),
    number('--cpu-offload-gb'),
    none('--enable-prefix-caching', { negatable: true }),
    oneOf('--prefix-caching-hash-algo', 'sha256 sha256_cbor xxhash xxhash_cbor'),
    oneOf('--mamba-cache-dtype', 'auto float32 float16 bfloat16'),
    oneOf('--mamba-ssm-cache-dtype', 'auto float32 float16 bfloat16'),
    integer('--max-num-seqs', { minimum: 1 }),
    integer('--max-num-batched-tokens', { minimum: 1 }),
    integer('--long-prefill-token-threshold'),
    none('--enable-chunked-prefill', { negatable: true }),
    none('--async-scheduling', { negatable: true }),
    oneOf('--scheduling-policy', 'fcfs priority'),
    integer('--stream-interval', { minimum: 1 }),
    none('--disable-hybrid-kv-cache-manager', { negatable: true }),
    none('--disable-chunked-mm-input', { negatable: true }),
    integer('--max-cudagraph-capture-size'),
    none('--enable-expert-parallel', { negatable: true }),
    none('--disable-custom-all-reduce', { negatable: true }),
    integer('--max-parallel-loading-workers', { minimum: 1, maximum: 256 }),
    oneOf('--safetensors-load-strategy', 'lazy eager prefetch'),
    none('--language-model-only', { negatable: true }),
    number('--mm-processor-cache-gb'),
    none('--skip-mm-profiling', { negatable: true }),
    none('--interleave-mm-strings', { negatable: true }),
    oneOf('--mm-encoder-tp-mode', 'weights data'),
    number('--video-pruning-rate', { maximum: 1 }),
    integer('--max-logprobs', { minimum: -1 }),
    oneOf('--logprobs-mode', 'raw_logits raw_logprobs processed_logits processed_logprobs'),
    none('--enable-auto-tool-choice', { negatable: true }),
    // Names in registries of the engine. Plugins, which add names, are left out.
    word('--tool-call-parser'),
    word('--reasoning-parser'),
    none('--exclude-tools-when-tool-choice-none', { negatable: true }),
    oneOf('--chat-template-content-format', 'auto string openai'),
    none('--return-tokens-as-token-ids', { negatable: true }),
    none('--enable-prompt-tokens-details', { negatable: true }),
    none('--enable-force-include-usage', { negatable: true }),
    none('--disable-log-stats', { negatable: true }),
    none('--disable-uvicorn-access-log', { negatable: true }),
    none('--disable-fastapi-docs', { negatable: true }),
  ],
};

/** `vllm serve --omni` takes the flags of vLLM too. */
export const vllmOmniList: EngineList = {
  source: 'docs.vllm.ai/projects/vllm-omni, "vllm serve --omni", and docs.vllm.ai/en/stable/cli/serve.html',
  version: '0.30.0',
  arguments: vllmList.arguments,
};
