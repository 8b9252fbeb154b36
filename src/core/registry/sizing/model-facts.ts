import { languageModelOf } from './config-text.ts';
import type { JsonObject } from './config-text.ts';
import { familyDefaults, familyName } from './family-defaults.ts';
import type { FamilyDefaults } from './family-defaults.ts';
import { fieldsOf } from './fields.ts';
import type { Fields } from './fields.ts';

/** The language model of a config: its fields, and what its family takes for the missing ones. */
export interface ModelFacts {
  fields: Fields;
  /** As the config names it: of the language model, and of the whole if that is another. */
  type: string | undefined;
  wholeType: string | undefined;
  /** The family's name; undefined if it is unknown. */
  family: string | undefined;
  defaults: FamilyDefaults;
  /** A figure under the config's own name, else the family's default. */
  figure: (...names: readonly string[]) => number | undefined;
}

export interface ModelShape {
  layers?: number | undefined;
  heads?: number | undefined;
  hidden?: number | undefined;
  /** One number for all layers, or one for each; 0: the layer has none. */
  kvHeads?: number | readonly number[] | undefined;
  headDim?: number | undefined;
}

export function factsOf(config: JsonObject): ModelFacts {
  const language = languageModelOf(config);
  const type =
    wordOf(language, 'model_type') ?? wordOf(config, 'model_type') ?? typeOfClass(language) ?? typeOfClass(config);
  const family = type === undefined ? undefined : familyName(type);
  const defaults = familyDefaults(family);
  const fields = fieldsOf(language);
  const figure = (...names: readonly string[]) =>
    fields.countOr(
      names.map((name) => defaults.figures?.[name]).find((value) => value !== undefined),
      ...names,
    );
  return { fields, type, wholeType: wordOf(config, 'model_type'), family, defaults, figure };
}

const longestName = 100;

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longestName;
}

function wordOf(config: JsonObject, name: string): string | undefined {
  const value = config[name];
  return isName(value) ? value : undefined;
}

const mostClasses = 8;

/** The classes that a config names. Undefined if it names none. */
export function classesOf({ architectures }: JsonObject): string[] | undefined {
  if (!Array.isArray(architectures)) return undefined;
  const names = architectures.filter(isName).slice(0, mostClasses);
  return names.length === 0 ? undefined : names;
}

/** "Qwen3MoeForCausalLM" names the type qwen3_moe. For configs that leave the type out. */
function typeOfClass({ architectures }: JsonObject): string | undefined {
  const [name]: unknown[] = Array.isArray(architectures) ? architectures : [];
  if (!isName(name)) return undefined;
  const stem = name.replace(/(?:For[A-Z]\w*|LMHeadModel|Model)$/, '');
  return stem.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

/** Longest sequence in tokens that the model was made for. */
export function contextLengthOf({ fields, defaults }: ModelFacts): number | undefined {
  const names = ['max_position_embeddings', 'n_positions', 'max_seq_len', 'seq_length', 'max_target_positions'];
  const others = ['max_sequence_length', 'max_seq_length', 'seq_len', 'n_ctx'];
  // Cohere names the trained length here, and a shorter one as its position embeddings (vllm/config/model.py).
  return fields.countOr(defaults.context, 'model_max_length', ...names, ...others);
}

/** The figures that all families share, under any of the names that configs have used for them. */
export function shapeOf(facts: ModelFacts): ModelShape {
  const { fields, defaults, family } = facts;
  const layers = layersOf(facts);
  const heads = fields.isList('num_query_heads')
    ? undefined
    : fields.countOr(defaults.heads, 'num_attention_heads', 'n_head', 'n_heads', 'num_heads');
  const hidden = fields.countOr(defaults.hidden, 'hidden_size', 'n_embd', 'd_model', 'n_embed', 'dim', 'model_dim');
  const names = ['head_dim', 'attention_head_dim', 'kv_channels', 'hidden_size_per_head', 'd_kv'];
  const headDim =
    family === 'minicpm3'
      ? sum(fields.count('qk_nope_head_dim'), fields.count('qk_rope_head_dim'))
      : fields.countOr(defaults.headDim ?? quotient(hidden, heads), ...names);
  return { layers, heads, hidden, headDim, kvHeads: kvHeadsOf(facts, heads) };
}

function layersOf({ fields, family, defaults }: ModelFacts): number | undefined {
  const names = ['num_hidden_layers', 'n_layer', 'n_layers', 'num_transformer_layers'];
  if (family !== 'longcat_flash') return fields.countOr(defaults.layers, ...names, 'num_layers');
  // Each of its layers has two attentions, and `num_hidden_layers` counts those.
  const pairs = fields.count('num_layers');
  return fields.countOr(pairs === undefined ? defaults.layers : 2 * pairs, ...names);
}

function kvHeadsOf(facts: ModelFacts, heads: number | undefined): ModelShape['kvHeads'] {
  const { fields, family, defaults } = facts;
  for (const name of ['num_key_value_heads', 'num_kv_heads', 'num_key_value_heads_per_layer'])
    if (fields.isList(name)) return fields.counts(name);
  if (family === 'gpt_bigcode') return (fields.flag('multi_query') ?? true) ? 1 : heads;
  if (family === 'falcon') return kvHeadsOfFalcon(fields) ?? heads;
  if (family === 'chatglm')
    return fields.flag('multi_query_attention') === true ? fields.count('multi_query_group_num') : heads;
  const nested = fields.nested('attn_config')?.count('kv_n_heads');
  const usual = fields.flag('multi_query') === true ? 1 : (defaults.kvHeads ?? heads);
  const names = ['num_key_value_heads', 'num_kv_heads', 'n_head_kv', 'n_kv_heads', 'num_attention_groups'];
  return nested ?? fields.countOr(usual, ...names);
}

/** The new architecture ignores `multi_query` (vllm/transformers_utils/model_arch_config_convertor.py). */
function kvHeadsOfFalcon(fields: Fields): number | undefined {
  if (fields.flag('new_decoder_architecture') !== true && (fields.flag('multi_query') ?? true)) return 1;
  return fields.count('n_head_kv', 'num_kv_heads', 'num_key_value_heads');
}

function quotient(whole: number | undefined, parts: number | undefined): number | undefined {
  return whole === undefined || parts === undefined ? undefined : Math.floor(whole / parts);
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}
