import { describe, expect, test } from 'vitest';
import { architectureOfGguf, categoryOfGguf } from '../../../../src/core/registry/sizing/gguf-architecture.ts';
import { readGgufHeader } from '../../../../src/core/registry/sizing/gguf-header.ts';
import { contextEstimate, memoryEstimate } from '../../../../src/core/registry/sizing.ts';
import { ggufHeader } from '../../../support/gguf.ts';
import type { GgufValue } from '../../../support/gguf.ts';

const GiB = 1024 ** 3;
const base = {
  block_count: 32,
  context_length: 131_072,
  embedding_length: 4096,
  'attention.head_count': 32,
  'attention.head_count_kv': 8,
};

function headerOf(family: string, figures: Record<string, GgufValue> = base) {
  const named = Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${family}.${name}`, value]));
  const tokens = { 'tokenizer.ggml.tokens': Array.from({ length: 1000 }, (_, index) => `token ${index}`) };
  const header = readGgufHeader(ggufHeader({ 'general.architecture': family, ...named, ...tokens }));
  if (header === undefined) throw new Error('The header was not read.');
  return header;
}

describe('the header of a GGUF file', () => {
  test('of a plain model has all that sizing needs', () => {
    const architecture = architectureOfGguf(headerOf('llama'));
    expect(architecture).toMatchObject({
      family: 'llama',
      layers: 32,
      heads: 32,
      headDim: 128,
      contextLength: 131_072,
    });
    // Llama 3.1 8B: 128 KiB for each token.
    const [short, long] = [1024, 2048].map((contextLength) => memoryEstimate(GiB, architecture, { contextLength }));
    expect((long?.bytes ?? 0) - (short?.bytes ?? 0)).toBe(1024 * 128 * 1024);
    expect(contextEstimate(5 * GiB, architecture, 24 * GiB)).toBeGreaterThan(100_000);
  });

  test('may give each layer its own heads, and values another width than keys', () => {
    const figures = { ...base, block_count: 4, 'attention.head_count_kv': [8, 8, 0, 4], 'attention.value_length': 64 };
    expect(architectureOfGguf(headerOf('granite', figures)).cache).toEqual({
      basis: 'known',
      layers: [
        { count: 2, layer: { kind: 'full', kvHeads: 8, headDim: 128, valueDim: 64 } },
        { count: 1, layer: { kind: 'full', kvHeads: 4, headDim: 128, valueDim: 64 } },
      ],
    });
  });

  test('of an encoder keeps nothing, and names its category', () => {
    const header = headerOf('bert', { ...base, pooling_type: 1 });
    expect(architectureOfGguf(header).cache).toEqual({ basis: 'known', layers: [] });
    expect(categoryOfGguf(header)).toBe('embedding');
    expect(categoryOfGguf(headerOf('qwen3', { ...base, pooling_type: 4 }))).toBe('reranker');
    expect(categoryOfGguf(headerOf('llama'))).toBeUndefined();
  });

  test.each(['gemma3', 'gpt-oss', 'deepseek2', 'mamba', 'jamba', 'made-up'])(
    'of %s leaves the memory unknown, and not the context length',
    (family) => {
      const architecture = architectureOfGguf(headerOf(family));
      expect(memoryEstimate(GiB, architecture)).toBeUndefined();
      expect(architecture).toMatchObject({ contextLength: 131_072, cache: { basis: 'unknown' } });
    },
  );
});

describe('bytes from strangers', () => {
  const whole = ggufHeader({ 'general.architecture': 'llama', 'llama.block_count': 7, 'llama.context_length': 99 });

  test('that end too early count as far as they go', () => {
    for (let length = 0; length <= whole.length; length += 1) readGgufHeader(whole.subarray(0, length));
    expect(readGgufHeader(whole.subarray(0, whole.length - 1))?.get('llama.block_count')).toBe(7);
    expect(readGgufHeader(whole.subarray(0, 20))).toBeUndefined();
  });

  test('of another format or byte order are no header', () => {
    expect(readGgufHeader(Buffer.alloc(100))).toBeUndefined();
    expect(readGgufHeader(ggufHeader({}, { version: 1 }))).toBeUndefined();
    expect(readGgufHeader(ggufHeader({}, { version: 0x0300_0000 }))).toBeUndefined();
  });

  test('that promise more than there is end the reading', () => {
    expect(readGgufHeader(ggufHeader({ a: 1 }, { pairs: 2n ** 64n - 1n }))?.size).toBe(0);
    expect(readGgufHeader(ggufHeader({ a: 1 }, { pairs: 2n ** 50n }))?.get('a')).toBe(1);
    const huge = Buffer.from(whole);
    huge.writeBigUInt64LE(2n ** 63n, 24);
    expect(readGgufHeader(huge)?.size).toBe(0);
  });

  test('with absurd figures are unknown', () => {
    for (const wrong of [
      { block_count: 4_000_000_000 },
      { block_count: 0 },
      { 'attention.head_count_kv': [8] },
      { 'attention.head_count': 'many' },
    ])
      expect(memoryEstimate(GiB, architectureOfGguf(headerOf('llama', { ...base, ...wrong })))).toBeUndefined();
    expect(architectureOfGguf(new Map())).toEqual({});
  });

  test('of any kind are read without an error', () => {
    let seed = 7;
    const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
    for (let round = 0; round < 2000; round += 1) {
      const bytes = Buffer.from(whole);
      for (let change = 0; change < 4; change += 1) bytes[8 + (next() % (bytes.length - 8))] = next() % 256;
      expect(architectureOfGguf(readGgufHeader(bytes) ?? new Map())).toBeTypeOf('object');
    }
  });
});
