import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('the tiny model', () => {
  it('is the same file on every machine', () => {
    expect(sha256(makeTinyGguf())).toBe('d3b7d134ac880fb71b3945be467c1bd49c651ccab588639482625554d5548f00');
  });

  it('has other weights for another seed, in a file of the same size', () => {
    const [first, second] = [makeTinyGguf({ seed: 1 }), makeTinyGguf({ seed: 2 })];
    expect(second.length).toBe(first.length);
    expect(sha256(second)).not.toBe(sha256(first));
  });

  it('grows with its layers', () => {
    expect(makeTinyGguf({ layers: 4 }).length).toBeGreaterThan(makeTinyGguf().length + 300_000);
  });
});
