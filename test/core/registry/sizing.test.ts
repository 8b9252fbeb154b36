import { describe, expect, test } from 'vitest';
import { architectureOf, memoryEstimate, suggestCategory } from '../../../src/core/registry/sizing.ts';

const GiB = 1024 ** 3;

describe('an architecture', () => {
  const text = {
    num_hidden_layers: 36,
    num_key_value_heads: 8,
    num_attention_heads: 32,
    hidden_size: 4096,
    max_position_embeddings: 32768,
  };
  const known = { layers: 36, kvHeads: 8, headDim: 128, contextLength: 32768 };

  test('is read from the config, whose fields may sit in text_config', () => {
    expect(architectureOf(JSON.stringify(text))).toMatchObject(known);
    expect(
      architectureOf(JSON.stringify({ text_config: text, vision_config: { num_hidden_layers: 2 } })),
    ).toMatchObject(known);
  });

  test('takes a head dimension that is given, and all heads where none are shared', () => {
    expect(architectureOf(JSON.stringify({ ...text, head_dim: 64 }))).toMatchObject({ headDim: 64 });
    const { num_key_value_heads: _shared, ...rest } = text;
    expect(architectureOf(JSON.stringify(rest))).toMatchObject({ kvHeads: 32 });
  });

  test.each([undefined, '', 'no json', '[]', 'null', '{"num_hidden_layers":"many"}', '{"num_hidden_layers":-1}'])(
    'of %s is unknown',
    (config) => {
      expect(architectureOf(config)).toEqual({});
    },
  );
});

describe('memory', () => {
  const architecture = { layers: 36, kvHeads: 8, headDim: 128, contextLength: 32768 };

  test('is the weights and a bit, the cache of one sequence, and the engine’s own', () => {
    const cache = 2 * 36 * 8 * 128 * 2 * 8192;
    expect(memoryEstimate(GiB, architecture, 8192)).toBe(Math.round(GiB * 1.05) + cache + GiB / 2);
  });

  test('counts a context of 4,096 unless told, less where the model has less', () => {
    expect(memoryEstimate(GiB, architecture)).toBe(memoryEstimate(GiB, architecture, 4096));
    expect(memoryEstimate(GiB, { ...architecture, contextLength: 512 })).toBe(memoryEstimate(GiB, architecture, 512));
  });

  test('of an unknown architecture is that of the weights', () => {
    expect(memoryEstimate(GiB, {})).toBe(Math.round(GiB * 1.05) + GiB / 2);
  });
});

test.each([
  ['text-generation', 'chat'],
  ['image-text-to-text', 'chat'],
  ['any-to-any', 'chat'],
  ['feature-extraction', 'embedding'],
  ['sentence-similarity', 'embedding'],
  ['text-ranking', 'reranker'],
  ['text-to-image', 'image'],
  ['image-to-image', 'image'],
  ['automatic-speech-recognition', 'audio'],
  ['text-to-speech', 'audio'],
  ['text-to-audio', 'audio'],
  ['text-to-video', 'video'],
  ['image-to-video', 'video'],
  ['fill-mask', undefined],
  ['constructor', undefined],
  [undefined, undefined],
])('the task %s suggests the category %s', (task, category) => {
  expect(suggestCategory(task)).toBe(category);
});
