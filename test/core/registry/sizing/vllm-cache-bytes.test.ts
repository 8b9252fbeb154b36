import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cacheBytes } from '../../../../src/core/registry/sizing/cache-bytes.ts';
import { readCacheOf } from './read.ts';

interface Computed {
  tensorParallel?: number;
  bytesPerValue?: number;
  bytes8192: number;
  bytes131072: number | null;
}

interface Row {
  name: string;
  config: object;
  vllm: Computed[];
}

/** The first line says where the figures come from. */
const [, ...lines] = readFileSync(new URL('vllm-cache-bytes.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const rows = lines.map((line) => JSON.parse(line) as Row);
const cases = rows.flatMap(({ name, config, vllm }) => vllm.map((computed) => ({ name, config, computed })));

/** The figures were computed on a CPU, whose kernels read blocks of 32 tokens. */
const blockTokens = 32;

describe.each(cases)('the cache of $name, $computed', ({ config, computed }) => {
  const { tensorParallel, bytesPerValue, bytes8192, bytes131072 } = computed;
  const cache = readCacheOf(config);
  const perRank = (contextLength: number, more: object = {}) =>
    cache.basis === 'unknown'
      ? undefined
      : cacheBytes(cache, { contextLength, tensorParallel, bytesPerValue, ...more }).perRank;

  test('has exactly the bytes that vLLM computes', () => {
    expect(cache.basis).toBe('known');
    expect(perRank(8192, { blockTokens })).toBe(bytes8192);
    if (bytes131072 !== null) expect(perRank(131_072, { blockTokens })).toBe(bytes131072);
  });

  test('has nearly as many with the smaller blocks of accelerators', () => {
    expect(perRank(8192)).toBeLessThanOrEqual(bytes8192);
    expect(perRank(8192)).toBeGreaterThanOrEqual(bytes8192 * 0.96);
    if (bytes131072 !== null) expect(perRank(131_072)).toBeGreaterThanOrEqual(bytes131072 * 0.96);
  });
});

test('the figures cover a hundred models', () => {
  expect(rows.length).toBeGreaterThan(100);
});
