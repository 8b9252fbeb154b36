import { expect, test } from 'vitest';
import { quantityOf } from '../../../../src/core/regions/kubernetes/api/quantity.ts';

test.each([
  ['5', 5],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['10G', 10e9],
  ['500m', 0.5],
  ['1e3', 1000],
  ['2E', 2e18],
  ['12E+2', 1200],
  ['.5Ki', 512],
  ['-1', -1],
])('%s', (text, number) => expect(quantityOf(text)).toBe(number));

test.each(['', 'Gi', '1 Gi', '1GiB', '1g', 'many', '1constructor'])('%s is no quantity', (text) =>
  expect(quantityOf(text)).toBeUndefined(),
);
