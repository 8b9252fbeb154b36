/** Figures that a config may leave out, because they are the defaults of its family. */
export interface FamilyDefaults {
  layers?: number;
  heads?: number;
  hidden?: number;
  /** As many as `heads` unless given. */
  kvHeads?: number;
  /** `hidden / heads` unless given. */
  headDim?: number;
  context?: number;
  /** Tokens of the sliding window. */
  window?: number;
  /** Every so many layers attends to all tokens, the others to the window. */
  pattern?: number;
  /** Other figures, under the names that the config uses. */
  figures?: Readonly<Record<string, number>>;
}

const qwenLinear = {
  full_attention_interval: 4,
  linear_conv_kernel_dim: 4,
  linear_key_head_dim: 128,
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
  linear_value_head_dim: 128,
};
const latent = { kv_lora_rank: 512, qk_rope_head_dim: 64 };
const mamba2 = {
  mamba_d_conv: 4,
  mamba_d_head: 64,
  mamba_d_state: 256,
  mamba_expand: 2,
  mamba_n_groups: 1,
  mamba_n_heads: 128,
};

/**
 * By `model_type`, the defaults of the configuration classes in transformers 5.24.0. Families that it does not have
 * (chatglm, dbrx, kimi_k2, mimo, step3_text and others without figures here) name all their figures in their configs.
 */
const defaults = {
  afmoe: { layers: 32, heads: 16, hidden: 2048, headDim: 128, context: 16384, window: 1024, pattern: 4 },
  apertus: { layers: 32, heads: 32, hidden: 4096, context: 65536 },
  arcee: { layers: 32, heads: 32, hidden: 2560, context: 4096 },
  axk1: { layers: 61, heads: 64, hidden: 7168, context: 32768, figures: latent },
  baichuan: {},
  bailing_moe: {},
  bamba: { layers: 32, heads: 32, hidden: 4096, kvHeads: 8, context: 262144, figures: mamba2 },
  bart: { layers: 12, heads: 16, hidden: 1024, context: 1024 },
  bitnet: { layers: 30, heads: 20, hidden: 2560, kvHeads: 5, context: 2048 },
  bloom: { layers: 2, heads: 8, hidden: 64, context: 2048 },
  chatglm: {},
  codegen: { layers: 28, heads: 16, hidden: 4096, context: 2048 },
  cohere: { layers: 40, heads: 64, hidden: 8192, context: 8192 },
  cohere2: { layers: 40, heads: 64, hidden: 8192, context: 8192, window: 4096, pattern: 4 },
  cohere2_moe: { layers: 40, heads: 64, hidden: 8192, headDim: 128, context: 8192, window: 4096, pattern: 4 },
  dbrx: {},
  deepseek: {},
  deepseek_v2: { layers: 32, heads: 32, hidden: 4096, context: 2048, figures: latent },
  deepseek_v3: { layers: 61, heads: 128, hidden: 7168, context: 4096, figures: latent },
  deepseek_v32: { layers: 61, heads: 128, hidden: 7168, context: 163840, figures: { ...latent, index_head_dim: 128 } },
  diffllama: { layers: 16, heads: 32, hidden: 2048, context: 2048 },
  dots1: { layers: 62, heads: 32, hidden: 4608, kvHeads: 32, context: 2048 },
  ernie4_5: { layers: 18, heads: 16, hidden: 1024, kvHeads: 2, headDim: 128, context: 131072 },
  ernie4_5_moe: { layers: 28, heads: 20, hidden: 2560, kvHeads: 4, context: 131072 },
  exaone: {},
  exaone4: { layers: 32, heads: 32, hidden: 4096, kvHeads: 32, context: 2048, window: 4096, pattern: 4 },
  exaone_moe: { layers: 32, heads: 32, hidden: 4096, kvHeads: 32, context: 2048, window: 4096, pattern: 4 },
  falcon: { layers: 32, heads: 71, hidden: 4544, context: 2048 },
  falcon_h1: {
    layers: 32,
    heads: 32,
    hidden: 4096,
    kvHeads: 8,
    context: 8192,
    figures: { ...mamba2, mamba_d_head: 8, mamba_d_ssm: 1024 },
  },
  falcon_mamba: { layers: 32, hidden: 768, figures: { state_size: 16, conv_kernel: 4, expand: 2 } },
  flex_olmo: { layers: 32, heads: 32, hidden: 4096, context: 4096 },
  gemma: { layers: 28, heads: 16, hidden: 3072, kvHeads: 16, headDim: 256, context: 8192 },
  gemma2: { layers: 26, heads: 8, hidden: 2304, kvHeads: 4, headDim: 256, context: 8192, window: 4096, pattern: 2 },
  gemma3_text: {
    layers: 26,
    heads: 8,
    hidden: 2304,
    kvHeads: 4,
    headDim: 256,
    context: 131072,
    window: 4096,
    pattern: 6,
  },
  gemma3n_text: {
    layers: 35,
    heads: 8,
    hidden: 2048,
    kvHeads: 2,
    headDim: 256,
    context: 32768,
    window: 512,
    pattern: 5,
    figures: { num_kv_shared_layers: 15 },
  },
  gemma4_text: {
    layers: 30,
    heads: 8,
    hidden: 2304,
    kvHeads: 4,
    headDim: 256,
    context: 131072,
    window: 512,
    pattern: 6,
    figures: { global_head_dim: 512 },
  },
  glm: { layers: 40, heads: 32, hidden: 4096, kvHeads: 2, headDim: 128, context: 131072 },
  glm4: { layers: 40, heads: 32, hidden: 4096, kvHeads: 2, headDim: 128, context: 131072 },
  glm4_moe: { layers: 46, heads: 96, hidden: 4096, kvHeads: 8, context: 131072 },
  glm4_moe_lite: { layers: 47, heads: 20, hidden: 2048, context: 202752, figures: latent },
  glm4v_moe_text: { layers: 46, heads: 96, hidden: 4096, kvHeads: 8, context: 65536 },
  glm4v_text: { layers: 40, heads: 32, hidden: 4096, kvHeads: 2, context: 32768 },
  glm_moe_dsa: { layers: 78, heads: 64, hidden: 6144, context: 202752, figures: { ...latent, index_head_dim: 128 } },
  gpt2: { layers: 12, heads: 12, hidden: 768, context: 1024 },
  gpt_bigcode: { layers: 12, heads: 12, hidden: 768, context: 1024 },
  gpt_neox: { layers: 44, heads: 64, hidden: 6144, context: 2048 },
  gpt_oss: { layers: 36, heads: 64, hidden: 2880, kvHeads: 8, headDim: 64, context: 131072, window: 128, pattern: 2 },
  gptj: { layers: 28, heads: 16, hidden: 4096, context: 2048 },
  granite: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  granitemoe: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  granitemoehybrid: { layers: 32, heads: 32, hidden: 4096, context: 2048, figures: mamba2 },
  granitemoeshared: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  helium: { layers: 24, heads: 20, hidden: 2560, kvHeads: 20, headDim: 128, context: 4096 },
  hunyuan_v1_dense: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  hunyuan_v1_moe: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  hy_v3: { layers: 80, heads: 64, hidden: 4096, kvHeads: 8, headDim: 128, context: 131072 },
  internlm2: {},
  internlm3: {},
  jamba: {
    layers: 32,
    heads: 32,
    hidden: 4096,
    kvHeads: 8,
    context: 262144,
    figures: { attn_layer_offset: 4, attn_layer_period: 8, mamba_d_conv: 4, mamba_d_state: 16, mamba_expand: 2 },
  },
  kimi_k2: { figures: latent },
  kimi_linear: { layers: 27, heads: 32, hidden: 2304, context: 1048576, figures: latent },
  laguna: { layers: 40, heads: 48, hidden: 2048, kvHeads: 8, headDim: 128, context: 131072, window: 512, pattern: 1 },
  lfm2: { layers: 32, heads: 32, hidden: 2560, kvHeads: 8, context: 128000, figures: { conv_L_cache: 3 } },
  lfm2_moe: { layers: 32, heads: 32, hidden: 2048, kvHeads: 8, context: 128000, figures: { conv_L_cache: 3 } },
  llama: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  llama4_text: {
    layers: 48,
    heads: 40,
    hidden: 5120,
    kvHeads: 8,
    headDim: 128,
    context: 131072,
    figures: { attention_chunk_size: 8192, no_rope_layer_interval: 4 },
  },
  longcat_flash: { layers: 56, heads: 64, hidden: 6144, context: 131072, figures: latent },
  m2m_100: { layers: 12, heads: 16, hidden: 1024, context: 1024 },
  mamba: { layers: 32, hidden: 768, figures: { state_size: 16, conv_kernel: 4, expand: 2 } },
  mamba2: {
    layers: 64,
    hidden: 4096,
    figures: { state_size: 128, conv_kernel: 4, expand: 2, n_groups: 8, num_heads: 128, head_dim: 64 },
  },
  marian: { layers: 12, heads: 16, hidden: 1024, context: 1024 },
  mbart: { layers: 12, heads: 16, hidden: 1024, context: 1024 },
  mimo: {},
  mimo_v2: {},
  minicpm: {},
  minicpm3: {},
  minimax: { layers: 32, heads: 32, hidden: 4096, kvHeads: 8, context: 131072 },
  minimax_m2: { layers: 62, heads: 48, hidden: 3072, kvHeads: 8, headDim: 128, context: 196608 },
  ministral: { layers: 32, heads: 32, hidden: 4096, kvHeads: 8, context: 131072, window: 4096 },
  ministral3: { layers: 34, heads: 32, hidden: 4096, kvHeads: 8, headDim: 128, context: 262144 },
  mistral: { layers: 32, heads: 32, hidden: 4096, kvHeads: 8, context: 131072, window: 4096 },
  mixtral: { layers: 32, heads: 32, hidden: 4096, kvHeads: 8, context: 131072 },
  mpt: { layers: 24, heads: 16, hidden: 2048, context: 2048 },
  mt5: { layers: 8, heads: 6, hidden: 512, headDim: 64 },
  nanochat: { layers: 12, heads: 6, hidden: 768, context: 2048 },
  nemotron: { layers: 32, heads: 48, hidden: 6144, context: 4096 },
  'nemotron-nas': {},
  nemotron_h: {
    heads: 32,
    hidden: 4096,
    kvHeads: 8,
    headDim: 128,
    context: 4096,
    figures: { conv_kernel: 4, mamba_head_dim: 64, mamba_num_heads: 128, n_groups: 8, ssm_state_size: 128 },
  },
  olmo: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  olmo2: { layers: 32, heads: 32, hidden: 4096, context: 2048 },
  olmo3: { layers: 32, heads: 32, hidden: 4096, context: 2048, window: 4096, pattern: 4 },
  olmo_hybrid: {
    layers: 32,
    heads: 30,
    hidden: 3840,
    context: 65536,
    figures: {
      full_attention_interval: 4,
      linear_conv_kernel_dim: 4,
      linear_key_head_dim: 96,
      linear_num_key_heads: 30,
      linear_num_value_heads: 30,
      linear_value_head_dim: 192,
    },
  },
  olmoe: { layers: 16, heads: 16, hidden: 2048, context: 4096 },
  opt: { layers: 12, heads: 12, hidden: 768, context: 2048 },
  pegasus: { layers: 12, heads: 16, hidden: 1024, context: 1024 },
  persimmon: { layers: 36, heads: 64, hidden: 4096, context: 16384 },
  phi: { layers: 24, heads: 32, hidden: 2048, context: 2048 },
  phi3: { layers: 32, heads: 32, hidden: 3072, context: 4096 },
  phi4_multimodal: { layers: 32, heads: 32, hidden: 3072, kvHeads: 8, context: 131072 },
  phimoe: { layers: 32, heads: 32, hidden: 4096, kvHeads: 8, context: 131072 },
  qwen2: { layers: 32, heads: 32, hidden: 4096, kvHeads: 32, context: 32768 },
  qwen2_5_omni_text: { layers: 28, heads: 28, hidden: 3584, kvHeads: 4, context: 32768 },
  qwen2_5_vl_text: { layers: 80, heads: 64, hidden: 8192, kvHeads: 8, context: 32768 },
  qwen2_moe: { layers: 24, heads: 16, hidden: 2048, kvHeads: 16, context: 32768 },
  qwen2_vl_text: { layers: 80, heads: 64, hidden: 8192, kvHeads: 8, context: 32768 },
  qwen3: { layers: 32, heads: 32, hidden: 4096, kvHeads: 32, headDim: 128, context: 32768 },
  qwen3_5_moe_text: {
    layers: 40,
    heads: 16,
    hidden: 2048,
    kvHeads: 2,
    headDim: 256,
    context: 32768,
    figures: qwenLinear,
  },
  qwen3_5_text: { layers: 32, heads: 16, hidden: 4096, kvHeads: 4, headDim: 256, context: 32768, figures: qwenLinear },
  qwen3_moe: { layers: 24, heads: 32, hidden: 2048, kvHeads: 4, context: 32768 },
  qwen3_next: { layers: 48, heads: 16, hidden: 2048, kvHeads: 2, headDim: 256, context: 32768, figures: qwenLinear },
  qwen3_omni_moe_text: { layers: 28, heads: 28, hidden: 2048, kvHeads: 4, context: 32768 },
  qwen3_vl_moe_text: { layers: 24, heads: 16, hidden: 2048, kvHeads: 16, context: 128000 },
  qwen3_vl_text: { layers: 32, heads: 32, hidden: 4096, kvHeads: 32, headDim: 128, context: 128000 },
  seed_oss: { layers: 64, heads: 80, hidden: 4096, kvHeads: 8, headDim: 128, context: 524288 },
  smollm3: { layers: 36, heads: 16, hidden: 2048, kvHeads: 4, context: 32768 },
  solar_open: { layers: 48, heads: 64, hidden: 4096, kvHeads: 8, headDim: 128, context: 131072 },
  stablelm: { layers: 32, heads: 32, hidden: 2560, kvHeads: 32, context: 4096 },
  starcoder2: { layers: 30, heads: 24, hidden: 3072, kvHeads: 2, context: 4096 },
  step3_text: {},
  step3p5: { layers: 45, heads: 64, hidden: 4096, kvHeads: 8, headDim: 128, context: 128000, pattern: 2 },
  t5: { layers: 6, heads: 8, hidden: 512, headDim: 64 },
  vaultgemma: { layers: 26, heads: 8, hidden: 2304, kvHeads: 4, headDim: 256, context: 8192, window: 4096, pattern: 2 },
  whisper: { layers: 4, heads: 6, hidden: 384, context: 448 },
  youtu: { layers: 32, heads: 16, hidden: 2048, context: 131072, figures: latent },
  zamba2: {
    layers: 54,
    heads: 32,
    hidden: 2560,
    context: 4096,
    figures: {
      mamba_d_conv: 4,
      mamba_d_state: 64,
      mamba_expand: 2,
      mamba_headdim: 640,
      mamba_ngroups: 1,
      n_mamba_heads: 8,
    },
  },
} satisfies Record<string, FamilyDefaults>;

const byType = new Map<string, FamilyDefaults>(Object.entries(defaults));

/** Other names of the same family. */
const alias = new Map(
  Object.entries({
    RefinedWeb: 'falcon',
    RefinedWebModel: 'falcon',
    bailing_moe_v2: 'bailing_moe',
    deci: 'nemotron-nas',
    llava: 'llama',
    mimo_v2_flash: 'mimo_v2',
    minimax_m1: 'minimax',
    minimax_text_01: 'minimax',
    mistral3: 'mistral',
    phi3_v: 'phi3',
    phi4mm: 'phi3',
    nemotron_nas: 'nemotron-nas',
    qwen2_audio: 'qwen2',
    voxtral: 'llama',
  }),
);

/** The name under which a family's defaults are kept; undefined if the family is unknown. */
export function familyName(modelType: string): string | undefined {
  const names = [modelType, alias.get(modelType), `${modelType}_text`];
  return names.find((name) => name !== undefined && byType.has(name));
}

export function familyDefaults(name: string | undefined): FamilyDefaults {
  return (name === undefined ? undefined : byType.get(name)) ?? {};
}
