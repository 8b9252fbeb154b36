import type { Architecture } from '../model.ts';

/** Numbers of ranks, from 1 to `most`, that a model's layers can be split over evenly. */
export function tensorParallelSizes(architecture: Architecture, most: number): number[] {
  return Array.from({ length: most }, (_, index) => index + 1).filter((ranks) => splitsEvenly(architecture, ranks));
}

/**
 * Attention heads are dealt out evenly; key-value heads may be fewer than the ranks and are copied then. So are the groups
 * of Mamba-2, but only a single one.
 */
export function splitsEvenly({ heads, kvHeads, cache }: Architecture, ranks: number): boolean {
  if (heads !== undefined && heads % ranks !== 0) return false;
  const layers = cache === undefined || cache.basis === 'unknown' ? [] : cache.layers;
  if (kvHeads !== undefined && !copiesEvenly(kvHeads, ranks)) return false;
  return layers.every(({ layer }) => {
    if (layer.kind === 'latent' || layer.kind === 'index') return true;
    if (layer.kind !== 'state') return copiesEvenly(layer.kvHeads, ranks);
    const { channels, heads: stateHeads = channels, groups = 1 } = layer;
    return stateHeads % ranks === 0 && (groups === 1 || groups % ranks === 0);
  });
}

function copiesEvenly(kvHeads: number, ranks: number): boolean {
  return kvHeads % ranks === 0 || ranks % kvHeads === 0;
}
