import type { CacheLayer } from './cache-layers.ts';
import type { LayerKind } from './layer-kinds.ts';
import { windowOf } from './layer-kinds.ts';
import type { ModelFacts, ModelShape } from './model-facts.ts';

interface Heads {
  kvHeads: number | undefined;
  headDim: number | undefined;
  valueDim?: number | undefined;
}

/** One attention layer; `none` if it has no heads, undefined if a figure is unknown. */
export function attentionLayer(
  facts: ModelFacts,
  shape: ModelShape,
  kind: LayerKind,
  index: number,
): CacheLayer | 'none' | undefined {
  const { kvHeads, headDim, valueDim } = headsOf(facts, shape, kind, index);
  if (kvHeads === 0) return 'none';
  if (kvHeads === undefined || headDim === undefined || headDim === 0) return undefined;
  const heads = { kvHeads, headDim, ...(valueDim === undefined || valueDim === headDim ? {} : { valueDim }) };
  if (kind === 'sliding') {
    const window = windowOf(facts);
    return window === undefined ? undefined : { kind, window, ...heads };
  }
  if (kind === 'chunked') {
    const chunk = facts.figure('attention_chunk_size');
    return chunk === undefined ? undefined : { kind, chunk, ...heads };
  }
  return { kind: 'full', ...heads };
}

function headsOf(facts: ModelFacts, shape: ModelShape, kind: LayerKind, index: number): Heads {
  const { fields, family, figure } = facts;
  const kvHeads = typeof shape.kvHeads === 'object' ? shape.kvHeads[index] : shape.kvHeads;
  const common = { kvHeads, headDim: shape.headDim };
  if (family === 'gemma4_text' && kind === 'full') {
    const ofFull = fields.flag('attention_k_eq_v') === true ? fields.count('num_global_key_value_heads') : undefined;
    return { kvHeads: ofFull ?? kvHeads, headDim: figure('global_head_dim') };
  }
  if (family !== 'mimo_v2') return common;
  if (kind !== 'sliding') return { ...common, valueDim: fields.count('v_head_dim') };
  return {
    kvHeads: fields.count('swa_num_key_value_heads') ?? kvHeads,
    headDim: fields.count('swa_head_dim') ?? shape.headDim,
    valueDim: fields.count('swa_v_head_dim'),
  };
}

/** Nemotron's searched architectures: every block has its own number of heads, or none. */
export function blockLayers(facts: ModelFacts, { heads, headDim }: ModelShape): (CacheLayer | 'none' | undefined)[] {
  const blocks = facts.fields.objects('block_configs') ?? [];
  return blocks.map((block) => {
    const attention = block['attention'];
    if (typeof attention !== 'object' || attention === null) return undefined;
    const [skipped, linear, perGroup] = ['no_op', 'replace_with_linear', 'n_heads_in_group'].map(
      (name): unknown => Object.entries(attention).find(([key]) => key === name)?.[1],
    );
    if (skipped === true || linear === true) return 'none';
    if (typeof perGroup !== 'number' || !(perGroup > 0) || heads === undefined || headDim === undefined)
      return undefined;
    return Number.isInteger(heads / perGroup) ? { kind: 'full', kvHeads: heads / perGroup, headDim } : undefined;
  });
}

/** The shared vector of latent attention, and what sparse attention keeps beside it. */
export function latentLayers({ fields, figure, family }: ModelFacts, index: number): CacheLayer[] | undefined {
  const rank = figure('kv_lora_rank');
  const rope = figure('qk_rope_head_dim');
  if (rank === undefined || rope === undefined) return undefined;
  const sparse = family === 'deepseek_v32' || family === 'glm_moe_dsa';
  const found = figure('index_head_dim');
  if (!sparse) return [{ kind: 'latent', width: rank + rope }];
  if (found === undefined) return undefined;
  // 8-bit keys with a 32-bit scale for each 128 values (vllm/models/deepseek_v32/attention.py).
  const keys: CacheLayer[] = hasIndex(fields, index)
    ? [{ kind: 'index', bytes: found + 4 * Math.floor(found / 128) }]
    : [];
  return [{ kind: 'latent', width: rank + rope, fp8Bytes: 656 }, ...keys];
}

/** Some layers read the index of an earlier one. */
function hasIndex(fields: ModelFacts['fields'], index: number): boolean {
  const pattern = fields.isText('index_topk_pattern') ? fields.word('index_topk_pattern') : undefined;
  if (pattern !== undefined) return pattern[index] !== 'S';
  const every = fields.count('index_topk_freq') ?? 1;
  const offset = fields.countOrZero('index_skip_topk_offset') ?? 2;
  return Math.max(index - offset + 1, 0) % every === 0;
}
