import type { ModelFacts } from './model-facts.ts';

/** What a layer keeps. `both`: attention and a state side by side. */
export type LayerKind = 'full' | 'sliding' | 'chunked' | 'state' | 'both' | 'none';

const kindOfWord = new Map<string, LayerKind>(
  Object.entries({
    full_attention: 'full',
    attention: 'full',
    global_attention: 'full',
    global: 'full',
    full: 'full',
    sliding_attention: 'sliding',
    sliding_window: 'sliding',
    local_attention: 'sliding',
    local: 'sliding',
    sliding: 'sliding',
    chunked_attention: 'chunked',
    linear_attention: 'state',
    mamba: 'state',
    mamba2: 'state',
    conv: 'state',
    short_conv: 'state',
    hybrid: 'both',
    moe: 'none',
    mlp: 'none',
  }),
);

/** Nemotron-H: a letter for each layer. */
const kindOfLetter = new Map<string, LayerKind>(Object.entries({ M: 'state', '*': 'full', '-': 'none', E: 'none' }));

/**
 * The kind of every layer, in order. Undefined if the config says it in a way that is unknown, or for a number of layers
 * that is not the model's.
 */
export function layerKinds(facts: ModelFacts, layers: number | undefined): LayerKind[] | undefined {
  const written = writtenKinds(facts);
  if (written !== undefined) return fit(written, facts.family === 'nemotron_h' ? written.length : layers);
  if (layers === undefined) return undefined;
  const at = ruleOf(facts, layers);
  return at && Array.from({ length: layers }, (_, index) => at(index));
}

type Written = readonly (LayerKind | undefined)[];

function fit(written: Written, layers: number | undefined): LayerKind[] | undefined {
  if (layers === undefined || written.length < layers) return undefined;
  const kinds = written.slice(0, layers).flatMap((kind) => kind ?? []);
  return kinds.length === layers ? kinds : undefined;
}

/** Kinds that the config writes out layer by layer. */
function writtenKinds({ fields, family }: ModelFacts): Written | undefined {
  for (const name of ['layer_types', 'layers_block_type']) {
    if (fields.isList(name)) return (fields.words(name) ?? [undefined]).map((word) => kindOfWord.get(word ?? ''));
  }
  const pattern = fields.word('hybrid_override_pattern');
  if (pattern !== undefined) return Array.from(pattern, (letter) => kindOfLetter.get(letter));
  if (fields.isList('hybrid_layer_pattern'))
    return fields.counts('hybrid_layer_pattern')?.map((flag) => (flag === 0 ? 'full' : 'sliding'));
  if (family === 'minimax' && fields.isList('attn_type_list'))
    return fields.counts('attn_type_list')?.map((flag) => (flag === 0 ? 'state' : 'full'));
  return undefined;
}

type Rule = (index: number) => LayerKind;

/** Families with states whose configs must say which layers have them. */
const statesAreWritten = new Set(['kimi_linear', 'lfm2_moe', 'minimax', 'nemotron_h', 'zamba2']);

/** A rule that gives the kind of a layer from its place. */
function ruleOf(facts: ModelFacts, layers: number): Rule | undefined {
  const rule = stateRule(facts) ?? chunkRule(facts);
  return rule ?? (statesAreWritten.has(facts.family ?? '') ? undefined : windowRule(facts, layers));
}

/** The kind of the layers with these numbers, which count from `first`; the others have a state. */
function among(numbers: readonly number[], kind: LayerKind, first = 0): Rule {
  const known = new Set(numbers);
  return (index) => (known.has(index + first) ? kind : 'state');
}

function stateRule(facts: ModelFacts): Rule | undefined {
  const { fields, family, figure } = facts;
  const counted = fields.nested('linear_attn_config')?.counts('full_attn_layers');
  if (counted) return among(counted, 'full', 1);
  for (const name of ['full_attn_idxs', 'attn_layer_indices']) {
    const indices = fields.isList(name) ? fields.counts(name) : undefined;
    if (indices) return among(indices, 'full');
  }
  const hybrid = fields.isList('hybrid_layer_ids') ? fields.counts('hybrid_layer_ids') : undefined;
  if (hybrid) return among(hybrid, 'both');
  const period = figure('attn_layer_period');
  const offset = fields.countOrZero('attn_layer_offset') ?? facts.defaults.figures?.['attn_layer_offset'];
  if (period !== undefined && offset !== undefined) return (index) => (index % period === offset ? 'full' : 'state');
  const interval = figure('full_attention_interval');
  if (interval !== undefined) return (index) => ((index + 1) % interval === 0 ? 'full' : 'state');
  if (family === 'falcon_h1') return () => 'both';
  if (family === 'mamba' || family === 'mamba2' || family === 'falcon_mamba') return () => 'state';
  if (family === 'granitemoehybrid' || family === 'bamba') return () => 'state';
  return undefined;
}

/** Llama 4: layers without rotary positions attend to all tokens, the others to their chunk. */
function chunkRule({ fields, family, figure }: ModelFacts): Rule | undefined {
  if (family !== 'llama4_text') return undefined;
  if (fields.has('attention_chunk_size') && fields.count('attention_chunk_size') === undefined) return () => 'full';
  const rotary = fields.isList('no_rope_layers') ? fields.counts('no_rope_layers') : undefined;
  if (rotary && rotary.length > 0) return (index) => (rotary[index] === 0 ? 'full' : 'chunked');
  const interval = figure('no_rope_layer_interval');
  return interval === undefined ? undefined : (index) => ((index + 1) % interval === 0 ? 'full' : 'chunked');
}

/** Families whose window is off unless `use_sliding_window` is true. */
const windowIsSwitched = /^(?:qwen2|qwen3|smollm3)/;

function windowRule(facts: ModelFacts, layers: number): Rule | undefined {
  const { fields, family } = facts;
  const windows = windowList(facts);
  if (windows) return (index) => (windows[index % windows.length] ? 'sliding' : 'full');
  if (windowOf(facts) === undefined) return () => 'full';
  if (!(fields.flag('use_sliding_window') ?? !windowIsSwitched.test(family ?? ''))) return () => 'full';
  const from = fields.countOrZero('max_window_layers');
  if (from !== undefined) return (index) => (index >= from ? 'sliding' : 'full');
  if (fields.isText('sliding_window_pattern')) {
    const letters = fields.word('sliding_window_pattern') ?? '';
    return (index) => (letters[index % letters.length] === 'L' ? 'sliding' : 'full');
  }
  const every =
    fields.count('sliding_window_pattern', '_sliding_window_pattern', 'global_attn_every_n_layers') ??
    facts.defaults.pattern;
  if (every === undefined) return () => 'sliding';
  const last = family === 'gemma4_text' ? layers - 1 : undefined;
  return (index) => ((index + 1) % every === 0 || index === last ? 'full' : 'sliding');
}

/** A window for each layer of a pattern that repeats; null: all tokens. */
function windowList({ fields }: ModelFacts): readonly (number | null)[] | undefined {
  const name = ['sliding_window', 'interleaved_sliding_window'].find((each) => fields.isList(each));
  const windows = name === undefined ? undefined : fields.countsOrNull(name);
  return windows && windows.length > 0 ? windows : undefined;
}

/** Tokens of the sliding window; undefined if there is none. Null and 0 switch it off. */
export function windowOf(facts: ModelFacts): number | undefined {
  const { fields, family, defaults } = facts;
  const largest = windowList(facts)?.reduce((most: number, window) => Math.max(most, window ?? 0), 0);
  const name = ['sliding_window', 'sliding_window_size', 'interleaved_sliding_window'].find((each) => fields.has(each));
  const written = largest ?? (name === undefined ? defaults.window : fields.countOrZero(name));
  if (!written) return undefined;
  // Cohere's window includes the token itself (vllm/model_executor/models/commandr.py).
  return family?.startsWith('cohere2') ? written + 1 : written;
}
