import { describe, expect, test } from 'vitest';
import { selectFiles } from '../../../src/core/registry/selection.ts';
import { chatLayouts } from './layouts/chat.ts';
import { embeddingLayouts } from './layouts/embedding.ts';
import { ggufLayouts } from './layouts/gguf.ts';
import type { Layout } from './layouts/layout.ts';
import { mediaLayouts } from './layouts/media.ts';

const all: Layout[] = [...chatLayouts, ...ggufLayouts, ...mediaLayouts, ...embeddingLayouts];

describe('of a repo in a layout that is met on the Hub, one copy of one model is chosen', () => {
  test.each(all.map((each) => [each.name, each] as const))('%s', (_, layout) => {
    const selection = selectFiles(layout.files, [], [], undefined, layout.contents);
    expect(selection.files.map(({ path }) => path)).toEqual(layout.selected);
    expect(selection.format).toBe(layout.format);
    expect(selection.entryFile).toBe(layout.entryFile);
    const groups = selection.leftOut.map(({ reason, files, bytes }) => ({ reason, files, bytes }));
    expect(groups).toHaveLength(layout.leftOut.length);
    expect(groups).toEqual(expect.arrayContaining(layout.leftOut));
  });
});

test('what is left out comes in groups, the largest first, each with its largest file', () => {
  const files = [
    { path: 'README.md', size: 10 },
    { path: 'model.safetensors', size: 1000 },
    { path: 'pytorch_model.bin', size: 900 },
    { path: 'tf_model.h5', size: 950 },
  ];
  expect(selectFiles(files, [], []).leftOut).toEqual([
    { reason: 'other format', files: 2, bytes: 1850, example: 'tf_model.h5' },
    { reason: 'documentation', files: 1, bytes: 10, example: 'README.md' },
  ]);
  expect(selectFiles(files, ['*.bin'], []).leftOut).toEqual([
    { reason: 'not included', files: 3, bytes: 1960, example: 'model.safetensors' },
  ]);
  expect(selectFiles(files, [], ['*.safetensors']).leftOut).toContainEqual({
    reason: 'excluded',
    files: 1,
    bytes: 1000,
    example: 'model.safetensors',
  });
});
