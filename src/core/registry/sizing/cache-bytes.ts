import type { CacheLayer, CacheLayers, KnownCache, StateLayer } from './cache-layers.ts';

export interface CacheOptions {
  /** Tokens of one sequence, prompt and answer together. */
  contextLength: number;
  /** Ranks that split every layer; 1 unless given. */
  tensorParallel?: number | undefined;
  /** Bytes of one cached value: 2 unless given, 1 for fp8. Recurrent and convolution states keep their own types. */
  bytesPerValue?: number | undefined;
  /**
   * Tokens in flight that a sliding window, a chunk or an encoder needs room for, 8,192 unless given. With asynchronous
   * scheduling vLLM has two batches in flight.
   */
  batchedTokens?: number | undefined;
  /** Smallest block of the attention kernels, in tokens: 16 unless given (CUDA); 32 on CPUs. */
  blockTokens?: number | undefined;
}

export interface CacheBytes {
  /** Bytes on each rank. */
  perRank: number;
  /** Bytes on all ranks together. */
  total: number;
}

interface Settings {
  context: number;
  ranks: number;
  value: number;
  batched: number;
  block: number;
}

/** The pages of one kind of layer on one rank. */
interface Pages {
  layers: number;
  kind: CacheLayer['kind'];
  blockTokens: number;
  pageBytes: number;
  /** For one sequence and layer, with blocks of so many tokens. */
  needed: (blockTokens: number) => number;
}

/**
 * Bytes of the cache of one sequence, as vLLM reserves them: in pages, with layers of different kinds padded into groups
 * of the same size (vllm/v1/kv_cache_interface.py and vllm/v1/core/kv_cache_utils.py, 0.32.0).
 */
export function cacheBytes(cache: KnownCache, options: CacheOptions): CacheBytes {
  const settings = {
    context: options.contextLength,
    ranks: options.tensorParallel ?? 1,
    value: options.bytesPerValue ?? 2,
    batched: options.batchedTokens ?? 8192,
    block: options.blockTokens ?? 16,
  };
  const perRank = bytesOf(alignStates(cache.layers, settings));
  return { perRank, total: perRank * settings.ranks };
}

/** Attention pages and the pages of states share one pool: the block grows until a state fits into one. */
function alignStates(layers: readonly CacheLayers[], settings: Settings): Pages[] {
  const states = layers.flatMap(({ layer }) => (layer.kind === 'state' ? stateBytes(layer, settings.ranks) : []));
  const tokens = layers.flatMap(({ layer }) => (layer.kind === 'state' ? [] : tokenBytes(layer, settings)));
  const largest = Math.max(0, ...states);
  const token = Math.max(0, ...tokens);
  if (largest === 0 || token === 0) return layers.map((each) => pagesOf(each, settings, settings.block));
  // FlashInfer's latent kernels read blocks in multiples of 128 tokens (vllm/platforms/interface.py).
  const step = layers.some(({ layer }) => layer.kind === 'latent') ? Math.max(settings.block, 128) : settings.block;
  const block = step * Math.ceil(largest / (step * token));
  return layers.map((each) => pagesOf(each, settings, block, block * token));
}

function pagesOf({ count, layer }: CacheLayers, settings: Settings, blockTokens: number, statePage?: number): Pages {
  const { kind } = layer;
  if (layer.kind === 'state') {
    const pageBytes = statePage ?? stateBytes(layer, settings.ranks);
    // Without attention layers there is no prefix caching, and one page is enough.
    const pages = statePage === undefined ? 1 : layer.pages;
    return { layers: count, kind, blockTokens, pageBytes, needed: () => pages };
  }
  const tokens = tokensKept(layer, settings);
  // A window may begin in the middle of a block.
  const extra = layer.kind === 'sliding' ? 1 : 0;
  return {
    layers: count,
    kind,
    blockTokens,
    pageBytes: tokenBytes(layer, settings) * blockTokens,
    needed: (block) => Math.ceil(tokens / block) + extra,
  };
}

/** Tokens of one sequence that one layer keeps. */
function tokensKept(layer: Exclude<CacheLayer, StateLayer>, { context, batched }: Settings): number {
  switch (layer.kind) {
    case 'sliding':
      return Math.min(context, layer.window - 1 + batched);
    case 'chunked':
      return Math.min(context, layer.chunk + batched);
    case 'cross':
      return batched;
    case 'full':
    case 'latent':
    case 'index':
      return context;
  }
}

/** Bytes of one token in one layer on one rank. Fewer heads than ranks are copied. */
function tokenBytes(layer: Exclude<CacheLayer, StateLayer>, { ranks, value }: Settings): number {
  if (layer.kind === 'latent') return value === 1 ? (layer.fp8Bytes ?? layer.width) : layer.width * value;
  if (layer.kind === 'index') return layer.bytes;
  const heads = Math.max(1, Math.floor(layer.kvHeads / ranks));
  return heads * (layer.headDim + (layer.valueDim ?? layer.headDim)) * value;
}

const convolutionBytes = 2;

/** Bytes of one state of one layer on one rank. */
function stateBytes(state: StateLayer, ranks: number): number {
  const { groups = 0, groupWidth = 0 } = state;
  const kept = groups === 0 || groups % ranks === 0 ? groups : groups + ranks - groups;
  const channels = (state.channels + 2 * kept * groupWidth) / ranks;
  return channels * state.steps * convolutionBytes + (state.recurrent / ranks) * state.recurrentBytes;
}

function bytesOf(pages: readonly Pages[]): number {
  if (needSameTokens(pages)) {
    return pages.reduce((sum, each) => sum + each.layers * each.pageBytes * each.needed(each.blockTokens), 0);
  }
  return groupedBytes(unifyPages(pages));
}

/** Layers that need the same number of blocks share one block table, whatever the size of their pages. */
function needSameTokens(pages: readonly Pages[]): boolean {
  return pages.length < 2 || pages.every(({ kind }) => kind === 'full' || kind === 'latent' || kind === 'index');
}

/** Makes all pages as large as the largest: by more tokens in a block, or by padding. */
function unifyPages(pages: readonly Pages[]): Pages[] {
  const largest = Math.max(...pages.map(({ pageBytes }) => pageBytes));
  return pages.map((each) => {
    const ratio = largest / each.pageBytes;
    const grows = each.kind !== 'state' && Number.isInteger(ratio);
    return { ...each, pageBytes: largest, blockTokens: grows ? each.blockTokens * ratio : each.blockTokens };
  });
}

/**
 * The layers of one kind are dealt out to groups of about the size of the smallest kind, and every group pays for as many
 * layers as the widest one has.
 */
function groupedBytes(pages: readonly Pages[]): number {
  const counts = pages.map(({ layers }) => layers);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const size = most < least * 1.5 ? most : least;
  const dealt = pages.map((each) => ({ ...each, groups: Math.ceil(each.layers / size) }));
  const widest = Math.max(...dealt.map(({ layers, groups }) => Math.ceil(layers / groups)));
  return dealt.reduce(
    (sum, { groups, needed, blockTokens, pageBytes }) => sum + groups * needed(blockTokens) * widest * pageBytes,
    0,
  );
}
