import type { Fields } from './fields.ts';
import type { ModelFacts } from './model-facts.ts';

/** Encoders compute everything in one step and keep nothing. */
const encoders = new Set([
  'albert',
  'bert',
  'big_bird',
  'camembert',
  'clip',
  'convbert',
  'deberta',
  'deberta-v2',
  'distilbert',
  'electra',
  'ernie',
  'esm',
  'eurobert',
  'flaubert',
  'funnel',
  'gte',
  'hubert',
  'layoutlm',
  'layoutlmv3',
  'luke',
  'modernbert',
  'mpnet',
  'new',
  'nomic_bert',
  'roberta',
  'roberta-prelayernorm',
  'siglip',
  'siglip2',
  'squeezebert',
  'vit',
  'wav2vec2',
  'wav2vec2-bert',
  'wavlm',
  'xlm',
  'xlm-roberta',
  'xlm-roberta-xl',
  'xmod',
]);

/** Decoders whose cache has parts that nothing here computes. */
const opaque = new Set([
  'bailing_hybrid',
  'bailing_moe_linear',
  'deepseek_v4',
  'deepseek_v41',
  'dots3_note',
  'glm5_next',
  'hgrn',
  'hy_v4',
  'inkling',
  'iquest_loopcoder',
  'kimi_k3',
  'minimax_m3',
  'phi4flash',
  'plamo2',
  'qwen4_exp',
  'recurrent_gemma',
  'rwkv',
  'rwkv5',
  'rwkv6',
  'rwkv7',
  'xlstm',
  'zamba',
  'zaya',
]);

/** Multi-head latent attention: vllm/transformers_utils/model_arch_config_convertor.py. MiniCPM 3 expands its vectors. */
const latent = new Set([
  'axk1',
  'deepseek_v2',
  'deepseek_v3',
  'deepseek_v32',
  'glm4_moe_lite',
  'glm_moe_dsa',
  'kimi_k2',
  'kimi_linear',
  'longcat_flash',
  'youtu',
]);

export function isEncoder({ type, wholeType, fields }: ModelFacts): boolean {
  if (fields.flag('is_causal') === false) return true;
  if (encoders.has(type ?? '') || encoders.has(wholeType ?? '')) return fields.flag('is_decoder') !== true;
  // Gemma's embedding models; Gemma 4 writes a word here, which is about pictures.
  return !fields.isText('use_bidirectional_attention') && fields.flag('use_bidirectional_attention') === true;
}

export function isOpaque({ type, wholeType }: ModelFacts): boolean {
  return [type, wholeType].some((name) => name !== undefined && opaque.has(name.replace(/_text$/, '')));
}

/** A latent rank of null switches latent attention off, as in small DeepSeek-VL2 models. */
export function isLatent({ family, fields, figure }: ModelFacts): boolean {
  if (!latent.has(family ?? '')) return false;
  return fields.has('kv_lora_rank') ? fields.count('kv_lora_rank') !== undefined : figure('kv_lora_rank') !== undefined;
}

const unusual =
  /lora_rank|mamba|ssm|state_size|recurren|retention|rwkv|compress|^index_|^cla_|use_cla|kv_shar|share_kv|kv_reuse|conv_|lru_|latent|^linear_|lightning|block_type|attn_type|attention_type|hybrid|delta|^swa_|sparse_attention|no_rope_layers|chunk_size|^d_conv|cross_attention|hyper_|loop_/;

/** The name of a field that suggests a cache of another kind than full attention; only for families that are not known. */
export function looksUnusual(fields: Fields): string | undefined {
  if (fields.flag('is_encoder_decoder') === true) return 'is_encoder_decoder';
  return fields.names().find((name) => name.length <= 100 && unusual.test(name));
}
