import { describe, expect, test } from 'vitest';
import { compileGlob, GlobError } from '../../../src/core/base/glob.ts';

const matches = (pattern: string, path: string, ignoreCase = false): boolean =>
  compileGlob(pattern, { ignoreCase }).matches(path);

describe('a pattern', () => {
  test.each([
    ['*.bin', 'a.bin'],
    ['*.bin', 'unet/a.bin'],
    ['*', '.hidden'],
    ['**', 'a/b/c'],
    ['**/*.bin', 'a.bin'],
    ['**/*.bin', 'x/y/a.bin'],
    ['original/**', 'original/a/b.pth'],
    ['original/', 'original/a/b.pth'],
    ['./a/*.bin', 'a/x.bin'],
    ['a/**/b', 'a/b'],
    ['a/**/b', 'a/x/y/b'],
    ['**/a/**/*.json', 'x/a/y/z.json'],
    ['unet/*', 'unet/a'],
    ['a**b', 'axxb'],
    ['model-?.bin', 'model-é.bin'],
    ['?', '😀'],
    ['model-[0-9].bin', 'model-7.bin'],
    ['model-[!0-9].bin', 'model-x.bin'],
    ['model-[^0-9].bin', 'model-x.bin'],
    ['[]a]', ']'],
    ['a-[x-]', 'a--'],
  ])('%s takes %s', (pattern, path) => {
    expect(matches(pattern, path)).toBe(true);
  });

  test.each([
    ['*.bin', 'a.bin.txt'],
    ['*.bin', 'a.BIN'],
    ['a/*.bin', 'a/b/x.bin'],
    ['a/*.bin', 'z/a/x.bin'],
    ['original/**', 'original'],
    ['*/**', 'config.json'],
    ['original/**', 'x/original/a'],
    ['unet/*', 'unet'],
    ['?', 'ab'],
    ['a?b', 'a/b'],
    ['a[!x]b', 'a/b'],
    ['a**b', 'a/b'],
    ['model-[0-9].bin', 'model-x.bin'],
    ['model-[!0-9].bin', 'model-7.bin'],
    ['a.b', 'aXb'],
  ])('%s leaves %s', (pattern, path) => {
    expect(matches(pattern, path)).toBe(false);
  });

  test('looks away from case where it is told to, in classes too', () => {
    expect(matches('*Q4_K_M*', 'm-q4_k_m.gguf', true)).toBe(true);
    expect(matches('m-[a-z].GGUF', 'M-Q.gguf', true)).toBe(true);
    expect(matches('m-[A-Z].gguf', 'm-q.gguf', true)).toBe(true);
    expect(matches('m-[!q].gguf', 'm-Q.gguf', true)).toBe(false);
    expect(matches('m-[A-Z].gguf', 'm-q.gguf')).toBe(false);
  });

  test.each([
    ['*.{bin,pt}', '"{" in "*.{bin,pt}"'],
    ['+(a+)b', '"+("'],
    ['@(a|b)', '"@("'],
    ['!(a)', '"!("'],
    ['a(b)', '"("'],
    ['a}', '"}"'],
    ['a\\*', '"\\"'],
    ['!*.bin', '"!"'],
    ['[abc', '"[" in "[abc" is not closed'],
    ['[]', '"["'],
    ['[z-a]', '"z-a" in "[z-a]" runs backwards'],
    ['[[:alpha:]]', '"[:"'],
    ['', '1 to 200 characters'],
    ['a'.repeat(201), '1 to 200 characters'],
  ])('%s is refused, and says by what', (pattern, said) => {
    expect(() => compileGlob(pattern)).toThrow(GlobError);
    expect(() => compileGlob(pattern)).toThrow(said);
  });

  test('may hold signs that other tools would read: they mean themselves', () => {
    expect(matches('a+b@c$^.x!', 'a+b@c$^.x!')).toBe(true);
    expect(matches('a.c', 'abc')).toBe(false);
  });
});

describe('the work', () => {
  const hostile = [
    '*a*a*a*a*a*a*a*a*a*a*b',
    '**/a/**/a/**/a/**/a/**/b',
    '*?*?*?*?*?*[b]',
    'a*'.repeat(100),
    '**/*a*a*/**/*a*a*b',
  ];
  const texts = ['a'.repeat(1024), 'a/'.repeat(511) + 'a', 'aaaa/'.repeat(200), 'ab'.repeat(500)];

  test.each(hostile)('of %s grows with the path and the pattern, and no faster', (pattern) => {
    const glob = compileGlob(pattern);
    for (const path of texts) {
      const meter = { steps: 0 };
      glob.matches(path, meter);
      expect(meter.steps).toBeGreaterThan(0);
      expect(meter.steps).toBeLessThanOrEqual(2 * (path.length + 1) * (pattern.length + 1));
    }
  });

  test('of one pattern doubles when the path does', () => {
    const glob = compileGlob('*a*a*a*a*b');
    const steps = [256, 512, 1024].map((length) => {
      const meter = { steps: 0 };
      glob.matches('a'.repeat(length), meter);
      return meter.steps;
    });
    expect(steps[1]).toBeLessThanOrEqual(2.1 * (steps[0] ?? 0));
    expect(steps[2]).toBeLessThanOrEqual(2.1 * (steps[1] ?? 0));
  });

  test('over random patterns and paths stays within the bound and agrees with a regular expression', () => {
    const random = seeded(7);
    const pick = (from: readonly string[], most: number): string =>
      Array.from({ length: 1 + (random() % most) }, () => from[random() % from.length]).join('');
    for (let round = 0; round < 5000; round += 1) {
      const pattern = pick(['a', 'b', '*', '?', '[ab]', '.', '-'], 12);
      const path = pick(['a', 'b', 'c', '.', '-'], 20);
      const meter = { steps: 0 };
      const found = compileGlob(pattern).matches(path, meter);
      const regex = pattern.replaceAll(/\*+/g, '*').replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      expect(`${pattern} ${path} ${found}`).toBe(`${pattern} ${path} ${new RegExp(`^${regex}$`).test(path)}`);
      expect(meter.steps).toBeLessThanOrEqual(2 * (path.length + 1) * (pattern.length + 1));
    }
  });
});

/** Park and Miller's generator: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}
