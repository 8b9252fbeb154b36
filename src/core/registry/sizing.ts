import type { Architecture } from './model.ts';
import type { Category } from '../base/categories.ts';

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
const cacheBytesPerValue = 2;
const overheadBytes = 512 * 1024 ** 2;

/** KV cache per token: 2 (keys and values) · layers · kv heads · head dimension · bytes per value; 0: unknown. */
function cacheBytesPerToken({ layers, kvHeads, headDim }: Architecture): number {
  return layers && kvHeads && headDim ? 2 * layers * kvHeads * headDim * cacheBytesPerValue : 0;
}

/** With the cache of one sequence. */
export function memoryEstimate(weights: number, architecture: Architecture, contextLength?: number): number {
  const context = contextLength ?? Math.min(architecture.contextLength ?? defaultContext, defaultContext);
  return Math.round(weights * 1.05) + cacheBytesPerToken(architecture) * context + overheadBytes;
}

/** Engines leave the rest to others on the same accelerator (vLLM: --gpu-memory-utilization). */
const usedShare = 0.9;

/** The longest context of one sequence in so much memory, at most the model's own; undefined: nobody can tell. */
export function contextEstimate(
  weights: number,
  architecture: Architecture,
  memory: number | undefined,
): number | undefined {
  const { contextLength } = architecture;
  const perToken = cacheBytesPerToken(architecture);
  if (contextLength === undefined || memory === undefined || perToken === 0) return contextLength;
  const room = memory * usedShare - weights * 1.05 - overheadBytes;
  return room < perToken ? undefined : Math.min(contextLength, Math.floor(room / perToken));
}

/** What sizing needs from a `config.json`; its fields may sit in `text_config`. Anything unreadable is unknown. */
export function architectureOf(configText: string | undefined): Architecture {
  const config = parseObject(configText);
  const text = { ...config, ...(isObject(config['text_config']) ? config['text_config'] : {}) };
  const number = (name: string): number | undefined => {
    const value = text[name];
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const heads = number('num_attention_heads');
  const hidden = number('hidden_size');
  const architecture = {
    layers: number('num_hidden_layers'),
    heads,
    kvHeads: number('num_key_value_heads') ?? heads,
    headDim: number('head_dim') ?? (heads && hidden ? hidden / heads : undefined),
    contextLength: number('max_position_embeddings'),
  };
  return Object.fromEntries(Object.entries(architecture).filter(([, value]) => value !== undefined));
}

function parseObject(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
