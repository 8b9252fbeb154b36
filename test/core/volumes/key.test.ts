import { expect, test } from 'vitest';
import { volumeKey } from '../../../src/core/volumes/key.ts';

const content = {
  source: 'huggingface',
  identity: undefined,
  repo: 'acme/tiny',
  commit: '0123456789abcdef0123456789abcdef01234567',
  selection: '0f'.repeat(32),
  region: 'eu',
};

test('a volume of the Hub keeps the key of versions that knew no other source', () => {
  // Computed by commit 9b0e068. Another key would download the weights of every instance again.
  expect(volumeKey(content)).toBe('v-46804525bf9691846789');
});

test('another hub, source, repo, commit, selection or region is another volume', () => {
  const other = { ...content, identity: 'hub.example' };
  const contents = [
    content,
    other,
    { ...other, identity: 'other.example' },
    { ...other, source: 'toy' },
    { ...other, repo: 'acme/other' },
    { ...other, commit: 'f'.repeat(40) },
    { ...other, selection: 'f'.repeat(64) },
    { ...other, region: 'us' },
  ];
  expect(new Set(contents.map(volumeKey)).size).toBe(contents.length);
});
