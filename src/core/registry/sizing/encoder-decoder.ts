import { mostLayers } from './cache-layers.ts';
import type { CacheLayer } from './cache-layers.ts';
import type { ModelFacts } from './model-facts.ts';

const speechAndTranslation = new Set(['bart', 'm2m_100', 'marian', 'mbart', 'pegasus', 'whisper']);
const t5 = new Set(['mt5', 't5']);

/**
 * The decoder of a model with an encoder: every layer keeps its own tokens and those of the encoder. Undefined for other
 * models; the reason if its figures are unknown.
 */
export function decoderLayers(facts: ModelFacts): CacheLayer[] | string | undefined {
  const { fields, family, defaults } = facts;
  if (family === undefined) return undefined;
  if (speechAndTranslation.has(family)) {
    // `num_hidden_layers` is that of the encoder here.
    const layers = fields.count('decoder_layers') ?? defaults.layers;
    const heads = fields.count('decoder_attention_heads') ?? defaults.heads;
    const hidden = fields.count('d_model') ?? defaults.hidden;
    return twice(layers, heads, heads && hidden && Math.floor(hidden / heads));
  }
  if (!t5.has(family)) return undefined;
  const layers = fields.count('num_decoder_layers', 'num_layers') ?? defaults.layers;
  return twice(layers, fields.count('num_heads') ?? defaults.heads, fields.count('d_kv') ?? defaults.headDim);
}

function twice(layers?: number, kvHeads?: number, headDim?: number): CacheLayer[] | string {
  if ((layers ?? 0) > mostLayers) return 'its config names too many layers';
  if (!layers || !kvHeads || !headDim) return 'its config lacks the sizes of its decoder';
  return Array.from({ length: layers }, (): CacheLayer[] => [
    { kind: 'full', kvHeads, headDim },
    { kind: 'cross', kvHeads, headDim },
  ]).flat();
}
