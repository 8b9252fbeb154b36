import { parseConfigText } from '../../../../src/core/registry/sizing/config-text.ts';
import { factsOf } from '../../../../src/core/registry/sizing/model-facts.ts';
import { readCache } from '../../../../src/core/registry/sizing/read-cache.ts';
import type { CacheModel } from '../../../../src/core/registry/sizing/cache-layers.ts';

export function readCacheOf(config: object | string): CacheModel {
  const parsed = parseConfigText(typeof config === 'string' ? config : JSON.stringify(config));
  return parsed ? readCache(factsOf(parsed)) : { basis: 'unknown', why: 'not an object' };
}

/** "32 full 8x128", "10 sliding(1024) 16x128": a short form that a test can read. */
export function kindsOf(config: object | string): string {
  const cache = readCacheOf(config);
  if (cache.basis === 'unknown') return 'unknown';
  return cache.layers.map(({ count, layer }) => `${count} ${describe(layer)}`).join(', ');
}

type Layer = Extract<CacheModel, { layers: unknown }>['layers'][number]['layer'];

function describe(layer: Layer): string {
  switch (layer.kind) {
    case 'latent':
      return `latent ${layer.width}`;
    case 'index':
      return `index ${layer.bytes}`;
    case 'state':
      return `state ${layer.channels}+${layer.groups ?? 0}x${layer.groupWidth ?? 0}*${layer.steps} ${layer.recurrent}`;
    case 'sliding':
      return `sliding(${layer.window}) ${heads(layer)}`;
    case 'chunked':
      return `chunked(${layer.chunk}) ${heads(layer)}`;
    case 'full':
    case 'cross':
      return `${layer.kind} ${heads(layer)}`;
  }
}

function heads({ kvHeads, headDim, valueDim }: { kvHeads: number; headDim: number; valueDim?: number | undefined }) {
  return `${kvHeads}x${headDim}${valueDim === undefined ? '' : `+${valueDim}`}`;
}
