import { expect, test } from 'vitest';
import { languageModelOf, parseConfigText } from '../../../../src/core/registry/sizing/config-text.ts';
import { kindsOf, readCacheOf } from './read.ts';

test('a config may have a byte order mark and the numbers that Python writes', () => {
  const text = '\uFEFF{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN, \\"Infinity\\"", "d": -1}';
  expect(parseConfigText(text)).toEqual({ a: null, b: [null, null], c: 'NaN, "Infinity"', d: -1 });
});

test('hostile text is read in linear time and depth', () => {
  const size = 200_000;
  expect(parseConfigText(`NaN "${'\\"'.repeat(size)}`)).toBeUndefined();
  expect(readCacheOf(`{"architectures": ["${'ForA'.repeat(size)}-"]}`)).toMatchObject({ basis: 'unknown' });
  expect(readCacheOf(`${'{"text_config":'.repeat(60_000)}{}${'}'.repeat(60_000)}`)).toMatchObject({ basis: 'unknown' });
  const numbers = `[${'9999,'.repeat(size)}1]`;
  expect(readCacheOf(`{"model_type": "mistral", "sliding_window": ${numbers}}`)).toMatchObject({ basis: 'known' });
  const indices = `{"model_type": "lfm2", "num_hidden_layers": 2000, "full_attn_idxs": ${numbers}}`;
  expect(readCacheOf(indices)).toMatchObject({ layers: [{ count: 1999 }, { count: 1 }] });
});

test.each([undefined, '', '[]', '"text"', '{', '{"a": Infinite}', '\u0000'])('%j is no config', (text) => {
  expect(parseConfigText(text)).toBeUndefined();
});

test('a number that is not one counts as missing', () => {
  const text = '{"model_type": "llama", "num_hidden_layers": 4, "num_key_value_heads": NaN, "rope_theta": Infinity}';
  expect(kindsOf(text)).toBe('4 full 32x128');
});

test('the language model is the innermost of the parts that are known, or the whole', () => {
  const text = { num_hidden_layers: 2 };
  expect(languageModelOf({ vision_config: {}, text_config: text })).toBe(text);
  expect(languageModelOf({ thinker_config: { text_config: text }, talker_config: { text_config: {} } })).toBe(text);
  expect(languageModelOf({ text_config: { llm_config: text } })).toBe(text);
  expect(languageModelOf({ ...text, text_config: {} })).toMatchObject(text);
  expect(languageModelOf({ ...text, text_config: 'none' })).toMatchObject(text);
});

const names = [
  'model_type',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'hidden_size',
  'sliding_window',
  'sliding_window_pattern',
  'layer_types',
  'layers_block_type',
  'hybrid_override_pattern',
  'linear_attn_config',
  'block_configs',
  'attn_config',
  'text_config',
  'kv_lora_rank',
  'full_attn_idxs',
  'no_rope_layers',
  'use_sliding_window',
  'is_causal',
  'num_kv_shared_layers',
  'mamba_d_head',
  'quantization_config',
];
const families = [
  'llama',
  'gemma3_text',
  'deepseek_v32',
  'jamba',
  'nemotron_h',
  'llama4_text',
  'zamba2',
  'whisper',
  'unheard',
];
const values = [null, 0, -1, 1e300, 3, '', 'LLLG', 'auto', true, [], [null], [1, 2], ['full_attention'], {}, { a: [] }];

const plain = { num_hidden_layers: 4, num_attention_heads: 4, hidden_size: 256 };

/** Reproducible: a linear congruential generator. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    yield state;
  }
}

test('no config makes the reader throw', () => {
  const random = numbers(7);
  const pick = <T>(from: readonly T[]): T | undefined => from[random.next().value % from.length];
  const seen = new Set<string>();
  for (let round = 0; round < 3000; round += 1) {
    const fields = Array.from({ length: 6 }, () => [pick(names) ?? '', pick(values)]);
    const config: object = { ...plain, ...Object.fromEntries(fields), model_type: pick(families) };
    seen.add(readCacheOf({ ...config, ...(round % 5 === 0 ? { text_config: config } : {}) }).basis);
  }
  expect([...seen].sort()).toEqual(['assumed', 'known', 'unknown']);
});
