import { attentionLayer, blockLayers, latentLayers } from './attention-layers.ts';
import { countLayers, mostLayers } from './cache-layers.ts';
import type { CacheLayer, CacheModel } from './cache-layers.ts';
import { decoderLayers } from './encoder-decoder.ts';
import { isEncoder, isLatent, isOpaque, looksUnusual } from './families.ts';
import { layerKinds } from './layer-kinds.ts';
import type { LayerKind } from './layer-kinds.ts';
import { shapeOf } from './model-facts.ts';
import type { ModelFacts, ModelShape } from './model-facts.ts';
import { stateLayerOf } from './state-layers.ts';

/** What a model keeps in its cache. Never throws; a figure that is missing or absurd gives `unknown` and the reason. */
export function readCache(facts: ModelFacts): CacheModel {
  const layers = readLayers(facts);
  const [invalid] = facts.fields.invalid;
  if (invalid !== undefined) return { basis: 'unknown', why: `its config has no usable value for ${invalid}` };
  if (typeof layers === 'string') return { basis: 'unknown', why: layers };
  return { basis: facts.family === undefined && !isEncoder(facts) ? 'assumed' : 'known', layers: countLayers(layers) };
}

/** The layers that keep something, or why they are unknown. */
function readLayers(facts: ModelFacts): CacheLayer[] | string {
  if (isOpaque(facts)) return `the cache of ${facts.type} models is not known`;
  if (isEncoder(facts)) return [];
  const unusual = facts.family === undefined ? looksUnusual(facts.fields) : undefined;
  if (unusual !== undefined) return `its family is not known, and ${unusual} may change the cache`;
  return decoderLayers(facts) ?? decoderOnlyLayers(facts);
}

function decoderOnlyLayers(facts: ModelFacts): CacheLayer[] | string {
  const shape = shapeOf(facts);
  if ((shape.layers ?? 0) > mostLayers) return 'its config names too many layers';
  if (facts.fields.isList('block_configs')) return allOf(blockLayers(facts, shape));
  const kinds = layerKinds(facts, shape.layers);
  if (kinds && kinds.length > mostLayers) return 'its config names too many layers';
  if (!kinds) return shape.layers === undefined ? 'its config names no layers' : 'its layers are of unknown kinds';
  const kept = kinds.slice(0, Math.max(0, kinds.length - sharedLayers(facts)));
  return allOf(kept.flatMap((kind, index) => layersOfKind(facts, shape, kind, index)));
}

/** The last layers of Gemma 3n and Gemma 4 read what earlier ones keep. */
function sharedLayers({ fields, defaults }: ModelFacts): number {
  return fields.countOrZero('num_kv_shared_layers') ?? defaults.figures?.['num_kv_shared_layers'] ?? 0;
}

type Found = CacheLayer | 'none' | undefined;

function layersOfKind(facts: ModelFacts, shape: ModelShape, kind: LayerKind, index: number): Found[] {
  if (kind === 'none') return [];
  const state = kind === 'state' || kind === 'both' ? [stateLayerOf(facts, shape)] : [];
  if (kind === 'state') return state;
  if (isLatent(facts)) return latentLayers(facts, index) ?? [undefined];
  return [attentionLayer(facts, shape, kind, index), ...state];
}

function allOf(found: readonly Found[]): CacheLayer[] | string {
  if (found.includes(undefined)) return 'its config lacks the sizes of its layers';
  return found.flatMap((layer) => (layer === undefined || layer === 'none' ? [] : layer));
}
