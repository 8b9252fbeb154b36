import { expect, test } from 'vitest';
import { bytesOfQuantity } from '../../../../src/core/regions/kubernetes/api/quantity.ts';

test.each([
  ['5368709120', 5_368_709_120],
  ['10Gi', 10 * 1024 ** 3],
  ['10G', 10e9],
  ['1.5Ti', 1.5 * 1024 ** 4],
  ['128k', 128_000],
  ['128Ki', 131_072],
  ['1500m', 2],
  ['2M', 2e6],
  ['1e9', 1e9],
  ['1E', 1e18],
  ['', undefined],
  ['much', undefined],
])('%s is %s bytes', (text, bytes) => {
  expect(bytesOfQuantity(text)).toBe(bytes);
});
