import { expect, test } from 'vitest';
import { modelFolderOf } from '../../../../src/core/regions/kubernetes/filesystems/model-folder.ts';

const commit = 'a'.repeat(40);

test.each([
  ['team/tiny', 'team/tiny'],
  ['tiny/', 'tiny'],
  ['team//tiny/./v2', 'team/tiny/v2'],
  // Files of a snapshot are links to blobs beside it.
  [`hub/models--acme--tiny/snapshots/${commit}`, 'hub/models--acme--tiny'],
  ['models--acme--tiny/snapshots/main/onnx', 'models--acme--tiny'],
  [`mirror/tiny/snapshots/${commit}`, 'mirror/tiny'],
  // Not a cache: the folders beside it are no part of the model.
  ['team/snapshots/v3', 'team/snapshots/v3'],
  [`snapshots/${commit}`, `snapshots/${commit}`],
  ['.', undefined],
  ['./', undefined],
])('the model in %s needs the folder %s', (subfolder, folder) => {
  expect(modelFolderOf(subfolder)).toBe(folder);
});
