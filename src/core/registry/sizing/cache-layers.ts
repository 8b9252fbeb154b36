interface Heads {
  /** Of the whole model, before the split over ranks. */
  kvHeads: number;
  /** Values of one key head. */
  headDim: number;
  /** Values of one value head, if they differ from a key's. */
  valueDim?: number | undefined;
}

/** Keys and values of every token of the sequence. */
export interface FullLayer extends Heads {
  kind: 'full';
}

/** Keys and values of the last `window` tokens. */
export interface SlidingLayer extends Heads {
  kind: 'sliding';
  window: number;
}

/** Keys and values of the tokens in the current chunk of `chunk` tokens. */
export interface ChunkedLayer extends Heads {
  kind: 'chunked';
  chunk: number;
}

/** Keys and values of the encoder's output, in a decoder of speech or translation models. */
export interface CrossLayer extends Heads {
  kind: 'cross';
}

/** Multi-head latent attention: one vector of `width` values per token. Every rank keeps all of it. */
export interface LatentLayer {
  kind: 'latent';
  width: number;
  /** Bytes per token if the cache is fp8 and scales lie beside the values. */
  fp8Bytes?: number | undefined;
}

/** What a sparse attention keeps to find the tokens it reads: `bytes` per token, on every rank. */
export interface IndexLayer {
  kind: 'index';
  bytes: number;
}

/** A state of constant size (Mamba, gated delta net, Kimi delta attention, short convolution, lightning attention). */
export interface StateLayer {
  kind: 'state';
  /** Of the state: ranks divide them evenly. */
  heads?: number | undefined;
  /** Channels of the convolution, without those of `groups`. */
  channels: number;
  /** Mamba-2: groups of B and C, each `groupWidth` channels wide; a rank keeps at least one whole group. */
  groups?: number | undefined;
  groupWidth?: number | undefined;
  /** Tokens that the convolution remembers. */
  steps: number;
  /** Values of the recurrent state. */
  recurrent: number;
  /** Bytes of one of them: 4 unless the config says otherwise. */
  recurrentBytes: number;
  /** Pages that prefix caching keeps for a sequence. */
  pages: number;
}

export type CacheLayer = FullLayer | SlidingLayer | ChunkedLayer | CrossLayer | LatentLayer | IndexLayer | StateLayer;

/** `count` layers of the same kind and size. Layers without a cache are left out. */
export interface CacheLayers {
  count: number;
  layer: CacheLayer;
}

/** More than any real model has. */
export const mostLayers = 2000;

export type KnownCache = {
  /** `assumed`: the family is unknown, and the layers follow the fields that all families share. */
  basis: 'known' | 'assumed';
  /** Empty for encoders, which keep nothing between steps. */
  layers: CacheLayers[];
};

/** What a model keeps in memory for each sequence, or why nobody can tell. */
export type CacheModel = KnownCache | { basis: 'unknown'; why: string };

/** Counts equal layers together, in the order of their first appearance. */
export function countLayers(layers: readonly CacheLayer[]): CacheLayers[] {
  const counted = new Map<string, CacheLayers>();
  for (const layer of layers) {
    const key = JSON.stringify(layer);
    const found = counted.get(key);
    if (found) found.count += 1;
    else counted.set(key, { count: 1, layer });
  }
  return [...counted.values()];
}
