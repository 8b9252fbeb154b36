import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../../src/core/registry/model.ts';
import {
  architectureOf,
  contextEstimate,
  memoryEstimate,
  memoryWarnings,
  suggestCategory,
} from '../../../src/core/registry/sizing.ts';
import type { Sizing } from '../../../src/core/registry/sizing.ts';

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

  test.each([undefined, '', 'no json', '[]', 'null', '3', '{"num_hidden_layers": '])('of %s is unknown', (config) => {
    expect(architectureOf(config)).toEqual({});
  });

  test('keeps the family, the cache and the quantisation', () => {
    const config = { ...text, model_type: 'llama', quantization_config: { quant_method: 'awq', bits: 4 } };
    expect(architectureOf(JSON.stringify(config))).toMatchObject({
      family: 'llama',
      cache: { basis: 'known', layers: [{ count: 36, layer: { kind: 'full', kvHeads: 8, headDim: 128 } }] },
      quantization: { method: 'awq', bits: 4 },
    });
  });

  test('has no cache, and says why, if a figure is absurd', () => {
    expect(architectureOf('{"model_type": "llama", "num_hidden_layers": -1}')).toEqual({
      family: 'llama',
      heads: 32,
      kvHeads: 32,
      headDim: 128,
      contextLength: 2048,
      cache: { basis: 'unknown', why: 'its config has no usable value for num_hidden_layers' },
    });
  });

  test.each([
    [{ max_position_embeddings: 8192, model_max_length: 131_072 }, 131_072],
    [{ n_positions: 1024 }, 1024],
    [{ model_type: 'gemma3_text' }, 131_072],
    [{ max_position_embeddings: 1e300 }, undefined],
    [{ max_position_embeddings: -1, model_type: 'unheard' }, undefined],
    [{ text_config: { model_type: 'llama4_text', max_position_embeddings: 10_485_760 } }, 10_485_760],
  ])('of %j has a context of %s', (config, contextLength) => {
    expect(architectureOf(JSON.stringify(config)).contextLength).toBe(contextLength);
  });
});

describe('memory', () => {
  const plain = { layers: 36, kvHeads: 8, headDim: 128, contextLength: 32768 };
  const cached = architectureOf(
    JSON.stringify({ model_type: 'llama', num_hidden_layers: 36, num_key_value_heads: 8, head_dim: 128 }),
  );
  const cache = (tokens: number) => 2 * 36 * 8 * 128 * 2 * tokens;
  const needs = (architecture: Architecture, sizing?: Sizing) => memoryEstimate(GiB, architecture, sizing)?.bytes;

  test('is the weights and a bit, the cache of one sequence, and the engine’s own', () => {
    const bytes = Math.round(GiB * 1.05) + cache(8192) + GiB / 2;
    expect(memoryEstimate(GiB, cached, { contextLength: 8192 })).toEqual({ bytes, basis: 'known' });
  });

  test('of an entry from before is the same, and is an assumption', () => {
    const bytes = Math.round(GiB * 1.05) + cache(8192) + GiB / 2;
    expect(memoryEstimate(GiB, plain, { contextLength: 8192 })).toEqual({ bytes, basis: 'assumed' });
  });

  test('counts a context of 4,096 unless told, less if the model has less', () => {
    expect(needs(plain)).toBe(needs(plain, { contextLength: 4096 }));
    expect(needs({ ...plain, contextLength: 512 })).toBe(needs(plain, { contextLength: 512 }));
  });

  test('of several ranks has the engine’s own on each', () => {
    expect(needs(plain, { tensorParallel: 4 })).toBe((needs(plain) ?? 0) + (3 * GiB) / 2);
  });

  test('of a latent cache grows with the ranks, which each keep all of it', () => {
    const latent = architectureOf('{"model_type": "deepseek_v3"}');
    const own = GiB / 2;
    const weights = Math.round(GiB * 1.05);
    expect(needs(latent, { contextLength: 8192 })).toBe(weights + own + 61 * 576 * 2 * 8192);
    expect(needs(latent, { contextLength: 8192, tensorParallel: 8 })).toBe(weights + 8 * (own + 61 * 576 * 2 * 8192));
  });

  test('is that of fp8 if the model comes with scales for its cache', () => {
    const scheme = { quantization_config: { quant_method: 'compressed-tensors', kv_cache_scheme: { num_bits: 8 } } };
    const eighth = architectureOf(JSON.stringify({ model_type: 'llama', num_hidden_layers: 36, ...scheme }));
    const whole = architectureOf(JSON.stringify({ model_type: 'llama', num_hidden_layers: 36 }));
    const at = { contextLength: 4096 };
    expect((needs(whole, at) ?? 0) - (needs(eighth, at) ?? 0)).toBe(36 * 32 * 128 * 2 * 4096);
  });

  test('of an encoder is that of the weights', () => {
    expect(needs(architectureOf('{"model_type": "bert"}'))).toBe(Math.round(GiB * 1.05) + GiB / 2);
  });

  test('is unknown if the cache or the weights are', () => {
    expect(memoryEstimate(GiB, {})).toBeUndefined();
    expect(memoryEstimate(GiB, architectureOf('{"model_type": "deepseek_v4"}'))).toBeUndefined();
    expect(memoryEstimate(0, cached)).toBeUndefined();
    expect(memoryEstimate(GiB, { ...cached, layers: 36 }, { contextLength: 2 ** 53 })).toBeUndefined();
  });

  test('has a warning if it rests on an assumption', () => {
    expect(memoryWarnings(plain)).toEqual(['The memory is an estimate: what this model caches is not known exactly.']);
    expect(memoryWarnings(cached)).toEqual([]);
    expect(memoryWarnings({})).toEqual([]);
  });
});

describe('the longest context', () => {
  const config = {
    model_type: 'llama',
    num_hidden_layers: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 500_000,
  };
  const architecture = architectureOf(JSON.stringify(config));
  const perToken = 2 * 32 * 8 * 128 * 2;

  test('is what the memory holds, in whole blocks', () => {
    const room = 16 * GiB * 0.9 - GiB * 1.05 - GiB / 2;
    expect(contextEstimate(GiB, architecture, 16 * GiB)).toBe(Math.floor(room / perToken / 16) * 16);
  });

  test('is the model’s own if the memory holds more, or if it is not known', () => {
    expect(contextEstimate(GiB, architecture, 80 * GiB)).toBe(500_000);
    expect(contextEstimate(GiB, architecture, undefined)).toBe(500_000);
  });

  test('grows with the ranks that split the cache, and hardly with those that copy it', () => {
    const [one, eight] = [1, 8].map((ranks) => contextEstimate(GiB, architecture, 4 * GiB * ranks, { ranks }) ?? 0);
    expect(eight).toBeGreaterThan(8 * (one ?? 0));
    const latent = architectureOf('{"model_type": "deepseek_v3", "max_position_embeddings": 10000000}');
    const [single, many] = [1, 8].map((ranks) => contextEstimate(ranks * GiB, latent, 4 * GiB * ranks, { ranks }));
    expect(many).toBe(single);
  });

  test('is the model’s own, whatever the memory, if only states are kept', () => {
    const states = architectureOf('{"model_type": "mamba", "max_position_embeddings": 1000000}');
    expect(contextEstimate(GiB, states, 4 * GiB)).toBe(1_000_000);
  });

  test('is unknown if nothing fits, or if the cache is', () => {
    expect(contextEstimate(16 * GiB, architecture, 16 * GiB)).toBeUndefined();
    expect(contextEstimate(GiB, { contextLength: 4096 }, 16 * GiB)).toBeUndefined();
    expect(contextEstimate(GiB, { ...architecture, cache: { basis: 'unknown', why: '' } }, 16 * GiB)).toBeUndefined();
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
