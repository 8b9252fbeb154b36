import { z } from 'zod';
import type { Category } from '../../base/categories.ts';
import type { Architecture } from '../model.ts';
import { countLayers } from './cache-layers.ts';
import type { CacheModel, CacheLayer } from './cache-layers.ts';
import type { GgufHeader } from './gguf-header.ts';

/**
 * Architectures whose layers all keep keys and values of every token in llama.cpp (github.com/ggml-org/llama.cpp,
 * src/llama-model.cpp, create_memory, build b11151). Others have windows, states or latent caches: unknown.
 */
const plain: ReadonlySet<string> = new Set([
  'baichuan',
  'bloom',
  'chatglm',
  'command-r',
  'deepseek',
  'exaone',
  'falcon',
  'gemma',
  'glm4',
  'gptneox',
  'granite',
  'granitemoe',
  'internlm2',
  'llama',
  'minicpm',
  'mpt',
  'nemotron',
  'olmo',
  'olmo2',
  'olmoe',
  'qwen',
  'qwen2',
  'qwen2moe',
  'qwen2vl',
  'qwen3',
  'qwen3moe',
  'smollm3',
  'stablelm',
  'starcoder2',
]);

/** Architectures that keep nothing between calls. */
const encoders: ReadonlySet<string> = new Set(['bert', 'jina-bert-v2', 'nomic-bert', 'nomic-bert-moe']);

/** More of any of these is no model, but a mistake or an attack. */
const mostLayers = 1024;
const mostValues = 1_000_000;

/** What sizing needs of a GGUF header. */
export function architectureOfGguf(header: GgufHeader): Architecture {
  const family = header.get('general.architecture');
  if (typeof family !== 'string') return {};
  const figure = (name: string, most = mostValues): number | undefined => {
    const value = header.get(`${family}.${name}`);
    return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= most ? value : undefined;
  };
  const layers = figure('block_count', mostLayers);
  const heads = figure('attention.head_count');
  const hidden = figure('embedding_length');
  const headDim = figure('attention.key_length') ?? (hidden && heads ? Math.floor(hidden / heads) : undefined);
  const kvHeads = kvHeadsOf(header.get(`${family}.attention.head_count_kv`), layers, heads);
  const valueDim = figure('attention.value_length') ?? headDim;
  const architecture: Architecture = {
    family,
    layers,
    heads,
    headDim,
    contextLength: figure('context_length', Number.MAX_SAFE_INTEGER),
    cache: cacheOf(family, kvHeads, headDim, valueDim),
  };
  return Object.fromEntries(Object.entries(architecture).filter(([, value]) => value !== undefined));
}

const headCounts = z.array(z.int().min(0).max(mostValues));

/** Key-value heads of each layer. 0: the layer has no attention. */
function kvHeadsOf(value: unknown, layers: number | undefined, heads: number | undefined): number[] | undefined {
  if (layers === undefined) return undefined;
  const each: unknown = Array.isArray(value) ? value : Array.from({ length: layers }, () => value ?? heads);
  const parsed = headCounts.safeParse(each).data;
  return parsed?.length === layers ? parsed : undefined;
}

function cacheOf(
  family: string,
  kvHeads: readonly number[] | undefined,
  headDim: number | undefined,
  valueDim: number | undefined,
): CacheModel {
  if (encoders.has(family)) return { basis: 'known', layers: [] };
  if (!plain.has(family)) return { basis: 'unknown', why: `the cache of ${family} in GGUF is not known` };
  if (kvHeads === undefined || headDim === undefined) return { basis: 'unknown', why: 'its header lacks figures' };
  const layers = kvHeads
    .filter((heads) => heads > 0)
    .map((heads): CacheLayer => ({ kind: 'full', kvHeads: heads, headDim, valueDim }));
  return { basis: 'known', layers: countLayers(layers) };
}

/** From llama.cpp's kinds of pooling: 4 ranks, and 1 to 3 make embeddings. Undefined if the header names none. */
export function categoryOfGguf(header: GgufHeader): Category | undefined {
  const pooling = header.get(`${String(header.get('general.architecture'))}.pooling_type`);
  if (pooling === 4) return 'reranker';
  return pooling === 1 || pooling === 2 || pooling === 3 ? 'embedding' : undefined;
}
