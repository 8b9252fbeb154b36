import type { Category } from '../base/categories.ts';
import type { Architecture } from './model.ts';
import { cacheBytes } from './sizing/cache-bytes.ts';
import type { CacheOptions } from './sizing/cache-bytes.ts';
import type { CacheModel } from './sizing/cache-layers.ts';
import { parseConfigText } from './sizing/config-text.ts';
import { longestContext } from './sizing/longest-context.ts';
import { classesOf, contextLengthOf, factsOf, shapeOf } from './sizing/model-facts.ts';
import { quantizationOf } from './sizing/quantization.ts';
import { readCache } from './sizing/read-cache.ts';
import { loadedWeightBytes } from './sizing/weights.ts';

/** From the Hub's task names to our categories (huggingface.co/tasks). A suggestion that a person can override. */
const categoryOfTask = new Map<string, Category>(
  Object.entries({
    'text-generation': 'chat',
    'text2text-generation': 'chat',
    'image-text-to-text': 'chat',
    'any-to-any': 'chat',
    conversational: 'chat',
    'feature-extraction': 'embedding',
    'sentence-similarity': 'embedding',
    'text-ranking': 'reranker',
    'text-to-image': 'image',
    'image-to-image': 'image',
    'automatic-speech-recognition': 'audio',
    'text-to-speech': 'audio',
    'text-to-audio': 'audio',
    'text-to-video': 'video',
    'image-to-video': 'video',
  }),
);

export function suggestCategory(task: string | undefined): Category | undefined {
  return task === undefined ? undefined : categoryOfTask.get(task);
}

const defaultContext = 4096;
const weightsMargin = 1.05;

/** What an engine takes of each accelerator. A runtime's definition has the same fields. */
export interface EngineMemory {
  /** The part that it uses; the rest is for others on the same accelerator. */
  share: number;
  /** What it needs besides weights and cache, on each rank. */
  overhead_mib: number;
}

/** For a model without a runtime yet. */
const anyEngine: EngineMemory = { share: 0.9, overhead_mib: 512 };

const overheadOf = ({ overhead_mib: mib }: EngineMemory): number => mib * 1024 ** 2;

/** A shorter context is of little use: 4,096 tokens, or the model's own if it is shorter. */
export function shortestUsefulContext({ contextLength = defaultContext }: Architecture): number {
  return Math.min(contextLength, defaultContext);
}

export interface Sizing {
  /** Tokens of one sequence; 4,096 or the model's own, if it is shorter, unless given. */
  contextLength?: number | undefined;
  /** Ranks that split every layer; 1 unless given. */
  tensorParallel?: number | undefined;
  memory?: EngineMemory | undefined;
}

export interface MemoryEstimate {
  /** On all ranks together: the weights, the cache of one sequence, and what an engine needs for itself on each rank. */
  bytes: number;
  /** `assumed`: the family is unknown, and its cache is taken for a plain one. */
  basis: 'known' | 'assumed';
}

/** Undefined if the weights or the cache are unknown. `fileBytes`: of the weights on disk. */
export function memoryEstimate(
  fileBytes: number,
  architecture: Architecture,
  sizing: Sizing = {},
): MemoryEstimate | undefined {
  const cache = cacheOf(architecture);
  const weights = loadedWeightBytes(fileBytes, architecture);
  if (cache.basis === 'unknown' || weights === undefined) return undefined;
  const ranks = sizing.tensorParallel ?? 1;
  const contextLength = sizing.contextLength ?? shortestUsefulContext(architecture);
  const { total } = cacheBytes(cache, { ...cacheOptions(architecture, ranks), contextLength });
  const bytes = Math.round(weights * weightsMargin) + total + overheadOf(sizing.memory ?? anyEngine) * ranks;
  return Number.isSafeInteger(bytes) ? { bytes, basis: cache.basis } : undefined;
}

/** What to say about an estimate that rests on an assumption. */
export function memoryWarnings(architecture: Architecture): string[] {
  const assumed = cacheOf(architecture).basis === 'assumed';
  return assumed ? ['The memory is an estimate: what this model caches is not known exactly.'] : [];
}

/**
 * The longest context of one sequence in `memory` bytes of all ranks together, at most the model's own. Without a limit
 * by memory it is the model's own. Undefined if it is unknown, or if nothing fits.
 */
export function contextEstimate(
  fileBytes: number,
  architecture: Architecture,
  memory: number | undefined,
  { ranks = 1, memory: engine = anyEngine }: { ranks?: number; memory?: EngineMemory } = {},
): number | undefined {
  const { contextLength } = architecture;
  const cache = cacheOf(architecture);
  const weights = loadedWeightBytes(fileBytes, architecture);
  if (contextLength === undefined || memory === undefined) return contextLength;
  if (cache.basis === 'unknown' || weights === undefined) return undefined;
  const room = (memory * engine.share - weights * weightsMargin) / ranks - overheadOf(engine);
  return longestContext(cache, room, contextLength, cacheOptions(architecture, ranks));
}

function cacheOptions({ quantization }: Architecture, ranks: number): Omit<CacheOptions, 'contextLength'> {
  return { tensorParallel: ranks, bytesPerValue: quantization?.cacheBytes };
}

/** Entries from before `cache` have plain figures: every layer is taken for one of full attention. */
function cacheOf({ cache, layers, kvHeads, headDim }: Architecture): CacheModel {
  if (cache !== undefined) return cache;
  if (!layers || !kvHeads || !headDim) return { basis: 'unknown', why: 'its config is not known' };
  return { basis: 'assumed', layers: [{ count: layers, layer: { kind: 'full', kvHeads, headDim } }] };
}

/** What sizing needs from a `config.json`. Never throws; without a readable config everything is unknown. */
export function architectureOf(configText: string | undefined): Architecture {
  const config = parseConfigText(configText);
  if (config === undefined) return {};
  const facts = factsOf(config);
  const cache = readCache(facts);
  const { layers, heads, kvHeads, headDim } = shapeOf(facts);
  const architecture = {
    family: facts.type,
    architectures: classesOf(config),
    layers,
    heads,
    kvHeads: typeof kvHeads === 'number' ? kvHeads : undefined,
    headDim,
    contextLength: contextLengthOf(facts),
    cache,
    quantization: quantizationOf(config),
  };
  return Object.fromEntries(Object.entries(architecture).filter(([, value]) => value !== undefined));
}
