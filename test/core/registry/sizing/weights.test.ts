import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../../../src/core/registry/model.ts';
import { architectureOf } from '../../../../src/core/registry/sizing.ts';
import { quantizationOf } from '../../../../src/core/registry/sizing/quantization.ts';
import { splitsEvenly, tensorParallelSizes } from '../../../../src/core/registry/sizing/tensor-parallel.ts';
import { loadedWeightBytes } from '../../../../src/core/registry/sizing/weights.ts';

describe('weights', () => {
  test('are the files as they are', () => {
    expect(loadedWeightBytes(2000, {})).toBe(2000);
    expect(loadedWeightBytes(2000, { parameters: 1000 })).toBe(2000);
    expect(loadedWeightBytes(600, { parameters: 1000, quantization: { method: 'awq', bits: 4 } })).toBe(600);
  });

  test('are halved if they have 32 bits', () => {
    expect(loadedWeightBytes(4000, { parameters: 1000 })).toBe(2000);
    expect(loadedWeightBytes(4000, { parameters: 1000, quantization: { method: 'gptq', bits: 4 } })).toBe(4000);
  });

  test('are the parameters in their type without files', () => {
    expect(loadedWeightBytes(undefined, { parameters: 1000 })).toBe(2000);
    expect(loadedWeightBytes(0, { parameters: 1000, quantization: { method: 'fp8', bits: 8 } })).toBe(1000);
    expect(loadedWeightBytes(0, {})).toBeUndefined();
  });
});

describe('a quantisation', () => {
  const cases: [object, object | undefined][] = [
    [{}, undefined],
    [
      { quant_method: 'fp8', activation_scheme: 'dynamic' },
      { method: 'fp8', bits: 8 },
    ],
    [
      { quant_method: 'gptq', bits: 4 },
      { method: 'gptq', bits: 4 },
    ],
    [
      { quant_method: 'awq', w_bit: 4 },
      { method: 'awq', bits: 4 },
    ],
    [
      { quant_method: 'bitsandbytes', load_in_4bit: true },
      { method: 'bitsandbytes', bits: 4 },
    ],
    [
      { quant_method: 'bitsandbytes', load_in_8bit: true, load_in_4bit: false },
      { method: 'bitsandbytes', bits: 8 },
    ],
    [{ quant_method: 'mxfp4' }, { method: 'mxfp4', bits: 4 }],
    [
      { quant_method: 'compressed_tensors', config_groups: { group_0: { weights: { num_bits: 8 } } } },
      { method: 'compressed-tensors', bits: 8 },
    ],
    [
      { quant_method: 'compressed-tensors', kv_cache_scheme: { num_bits: 8, type: 'float' } },
      { method: 'compressed-tensors', cacheBytes: 1 },
    ],
    [
      { quant_method: 'modelopt', quantization: { quant_algo: 'NVFP4', kv_cache_quant_algo: 'FP8' } },
      { method: 'modelopt', bits: 4, cacheBytes: 1 },
    ],
    [{ quantization: { quant_algo: 'W4A16_AWQ' } }, { method: 'w4a16_awq', bits: 4 }],
    [{ quant_method: 7, bits: 'four' }, { method: 'unknown' }],
  ];
  test.each(cases)('of %j is recognised', (written, quantization) => {
    const config = quantization === undefined ? {} : { quantization_config: written };
    expect(quantizationOf(config)).toEqual(quantization);
    expect(quantizationOf({ text_config: { ...config, num_hidden_layers: 1 } })).toEqual(quantization);
  });
});

describe('the ranks that a model can be split over', () => {
  const of = (config: object): Architecture => architectureOf(JSON.stringify(config));
  const falcon = { model_type: 'falcon_h1', num_attention_heads: 12, num_key_value_heads: 2, mamba_n_heads: 24 };

  const cases: [string, Architecture, number[]][] = [
    ['with 32 heads and 8 for keys', { heads: 32, kvHeads: 8 }, [1, 2, 4, 8, 16]],
    ['with 24 heads and 4 for keys', { heads: 24, kvHeads: 4 }, [1, 2, 4, 8, 12]],
    ['with 71 heads and 1 for keys', { heads: 71, kvHeads: 1 }, [1]],
    ['with a latent cache', of({ model_type: 'deepseek_v3' }), [1, 2, 4, 8, 16]],
    [
      'with heads of its own for each layer',
      of({ model_type: 'llama', num_key_value_heads: [8, 3], num_hidden_layers: 2 }),
      [1],
    ],
    ['with states of one group', of(falcon), [1, 2, 4, 6, 12]],
    ['with states of two groups', of({ ...falcon, mamba_n_groups: 2 }), [1, 2]],
  ];
  test.each(cases)('%s', (_what, architecture, sizes) => {
    expect(tensorParallelSizes(architecture, 16)).toEqual(sizes);
  });

  test('are all, if nothing is known', () => {
    expect(tensorParallelSizes({}, 3)).toEqual([1, 2, 3]);
    expect(splitsEvenly({ cache: { basis: 'unknown', why: '' } }, 7)).toBe(true);
  });
});
