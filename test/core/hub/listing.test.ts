import { expect, test } from 'vitest';
import { createHub } from '../../../src/core/hub/hub.ts';
import { mostFiles, parseRepoInfo, parseTreeEntry } from '../../../src/core/hub/listing.ts';
import { startHub } from '../../support/hub/hub.ts';

const file = { type: 'file', path: 'model.bin', size: 5, oid: 'a'.repeat(40) };
const lfs = { oid: 'B'.repeat(64), size: 900, pointerSize: 130 };

test('a file of the tree is read with the hash that its content has', () => {
  expect(parseTreeEntry(file)).toEqual({ path: 'model.bin', size: 5, blob_id: 'a'.repeat(40) });
  expect(parseTreeEntry({ ...file, lfs })).toEqual({ path: 'model.bin', size: 900, sha256: 'b'.repeat(64) });
  expect(parseTreeEntry({ ...file, oid: undefined })).toEqual({ path: 'model.bin', size: 5 });
  expect(parseTreeEntry({ type: 'directory', path: 'x', size: 0 })).toBeUndefined();
});

test.each([
  null,
  'file',
  {},
  { ...file, path: 7 },
  { ...file, path: '' },
  { ...file, path: 'x'.repeat(5000) },
  { ...file, size: -1 },
  { ...file, size: '5' },
  { ...file, size: 1.5 },
  { ...file, size: Number.MAX_VALUE },
  { ...file, oid: 'not hex' },
  { ...file, lfs: { ...lfs, oid: 'short' } },
  { ...file, lfs: { ...lfs, size: null } },
])('%j in the tree is no file, and the whole answer is refused', (entry) => {
  expect(() => parseTreeEntry(entry)).toThrow(expect.objectContaining({ code: 'hub_error', kind: 'unavailable' }));
});

test('what the Hub says of a repo is read field by field: what has another type is unknown', () => {
  const sha = 'c'.repeat(40);
  expect(
    parseRepoInfo({ sha, gated: 'manual', private: false, task: 'text-generation', tags: ['a', 7, 'b'.repeat(300)] }),
  ).toEqual({
    commit: sha,
    gated: true,
    private: false,
    task: 'text-generation',
    tags: ['a', 'b'.repeat(100)],
  });
  const wrong = { sha, gated: false, private: 'no', task: 9, tags: 'x', cardData: 'y', safetensors: { total: -1 } };
  expect(parseRepoInfo(wrong)).toEqual({ commit: sha, gated: false, private: false, tags: [] });
  for (const bad of [undefined, null, {}, { sha: 'main' }, { sha: 7 }]) {
    expect(() => parseRepoInfo(bad)).toThrow(expect.objectContaining({ code: 'hub_error' }));
  }
});

test('a repo of more files than a model has is refused while it is listed', async () => {
  await using hub = await startHub();
  const names = Array.from({ length: mostFiles + 1500 }, (_, at) => [`data/${at}.json`, ''] as const);
  hub.addRepo('acme/data', { files: Object.fromEntries(names) });
  const inspected = createHub(hub.endpoint).inspect('acme/data', 'main', undefined);
  await expect(inspected).rejects.toMatchObject({ code: 'too_many_files', kind: 'refused' });
  const pages = hub.requests.filter(({ path }) => path.includes('/tree/'));
  expect(pages).toHaveLength(mostFiles / 1000 + 1);
  hub.addRepo('acme/data', { files: Object.fromEntries(names.slice(0, mostFiles)) });
  const { files } = await createHub(hub.endpoint).inspect('acme/data', 'main', undefined);
  expect(files).toHaveLength(mostFiles);
});
