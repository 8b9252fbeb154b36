import { integer, none, number, oneOf, size, trustRemoteCode, word } from './engine-list.ts';
import type { EngineList } from './engine-list.ts';

const attentionBackends =
  'triton torch_native flex_attention cutlass_mla fa3 fa4 flashinfer flashmla trtllm_mla trtllm_mha dual_chunk_flash_attn aiter wave intel_amx ascend intel_xpu';

/**
 * Left out, and why: paths (--tokenizer-path, --chat-template, --lora-paths, --download-dir), code of callers
 * (--enable-custom-logit-processor unpickles what a call sends), modules (--custom-weight-loader, --forward-hooks), JSON
 * (--json-model-override-args), formats that unpickle (--load-format), ports and keys (--nccl-port, --dist-init-addr, --api-key),
 * accelerators that the plan does not count (--dp-size, --pp-size), and logs of prompts (--log-requests).
 */
export const sglangList: EngineList = {
  source: 'docs.sglang.io/docs/advanced_features/server_arguments.md',
  version: '0.5.18',
  arguments: [
    trustRemoteCode,
    oneOf('--dtype', 'auto half float16 bfloat16 float float32'),
    oneOf(
      '--quantization',
      'awq fp8 mxfp8 gptq marlin gptq_marlin awq_marlin bitsandbytes modelopt modelopt_fp8 modelopt_fp4 w8a8_int8 w8a8_fp8 moe_wna16 w4afp8 mxfp4 compressed-tensors quark',
    ),
    oneOf('--kv-cache-dtype', 'auto fp8_e5m2 fp8_e4m3 mxfp8 bf16 bfloat16 nvfp4'),
    oneOf('--device', 'cuda xpu hpu npu cpu musa'),
    oneOf('--tokenizer-mode', 'auto slow'),
    oneOf('--model-impl', 'auto sglang transformers'),
    integer('--random-seed'),
    number('--mem-fraction-static', { maximum: 1 }),
    integer('--max-running-requests', { minimum: 1 }),
    integer('--max-queued-requests'),
    size('--max-total-tokens'),
    integer('--chunked-prefill-size', { minimum: -1 }),
    size('--max-prefill-tokens'),
    integer('--page-size', { minimum: 1, maximum: 4096 }),
    oneOf('--schedule-policy', 'lpm random fcfs dfs-weight lof priority'),
    number('--schedule-conservativeness'),
    oneOf('--radix-eviction-policy', 'lru lfu slru priority'),
    none('--disable-radix-cache'),
    none('--disable-overlap-schedule'),
    integer('--num-continuous-decode-steps', { minimum: 1 }),
    none('--enable-mixed-chunk'),
    integer('--cpu-offload-gb'),
    oneOf('--attention-backend', attentionBackends),
    oneOf('--prefill-attention-backend', attentionBackends),
    oneOf('--decode-attention-backend', attentionBackends),
    oneOf('--grammar-backend', 'xgrammar outlines llguidance none'),
    none('--triton-attention-reduce-in-fp32'),
    none('--enable-torch-compile'),
    integer('--torch-compile-max-bs', { minimum: 1 }),
    none('--disable-cuda-graph'),
    none('--disable-cuda-graph-padding'),
    none('--disable-custom-all-reduce'),
    none('--enable-deterministic-inference'),
    none('--enable-nccl-nvls'),
    none('--enable-p2p-check'),
    none('--enable-multimodal'),
    none('--language-model-only'),
    none('--enable-metrics'),
    none('--enable-cache-report'),
    none('--enable-priority-scheduling'),
    none('--allow-auto-truncate'),
    none('--skip-server-warmup'),
    none('--sleep-on-idle'),
    integer('--stream-interval', { minimum: 1 }),
    integer('--decode-log-interval', { minimum: 1 }),
    number('--watchdog-timeout', { minimum: 1 }),
    none('--weight-loader-disable-mmap'),
    oneOf('--log-level', 'error warning info'),
    // Names in tables of the engine.
    word('--reasoning-parser'),
    word('--tool-call-parser'),
  ],
};
