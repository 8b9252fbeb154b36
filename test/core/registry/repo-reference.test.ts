import { expect, test } from 'vitest';
import { parseRepoReference } from '../../../src/core/registry/repo-reference.ts';

const name = { repo: 'acme/tiny' };

test.each([
  ['acme/tiny', name],
  ['  acme/tiny\n', name],
  ['/acme/tiny/', name],
  ['gpt2', { repo: 'gpt2' }],
  ['https://huggingface.co/acme/tiny', name],
  ['http://www.huggingface.co/acme/tiny/', name],
  ['huggingface.co/acme/tiny', name],
  ['hf.co/acme/tiny', name],
  ['<https://hf.co/acme/tiny>', name],
  ['https://huggingface.co/acme/tiny?library=vllm#usage', name],
  ['https://huggingface.co/acme/tiny/discussions/3', name],
  ['https://huggingface.co/acme/tiny/tree/main', { ...name, revision: 'main' }],
  ['https://huggingface.co/acme/tiny/tree/v1.0/onnx', { ...name, revision: 'v1.0' }],
  ['https://huggingface.co/acme/tiny/tree/refs%2Fpr%2F3', { ...name, revision: 'refs/pr/3' }],
  ['https://huggingface.co/acme/tiny/tree/refs/pr/3', { ...name, revision: 'refs/pr/3' }],
  ['https://huggingface.co/acme/tiny/commit/0123abc', { ...name, revision: '0123abc' }],
  ['https://huggingface.co/acme/tiny/blob/main/a/b.gguf', { ...name, revision: 'main', file: 'a/b.gguf' }],
  [
    'https://huggingface.co/acme/tiny/resolve/main/b%20c.gguf?download=true',
    { ...name, revision: 'main', file: 'b c.gguf' },
  ],
  ['https://huggingface.co/gpt2/tree/main', { repo: 'gpt2', revision: 'main' }],
  ['https://huggingface.co/api/models/acme/tiny', name],
  ['"acme/tiny"', name],
  ['`https://hf.co/acme/tiny`', name],
  ['\u200Bacme/tiny\u200B\u00A0', name],
  ['https://huggingface.co/acme/tiny.git', name],
  ['git clone https://huggingface.co/acme/tiny', name],
  ['git@hf.co:acme/tiny.git', name],
  ['https://hf.co/acme/tiny@dev', { ...name, revision: 'dev' }],
  ['hf://acme/tiny', name],
  ['hf://acme/tiny@dev', { ...name, revision: 'dev' }],
  ['acme/tiny@feature/x', { ...name, revision: 'feature/x' }],
  ['https://example.com/acme/tiny', { repo: 'https://example.com/acme/tiny' }],
  ['acme/../tiny', { repo: 'acme/../tiny' }],
  ['', { repo: '' }],
])('%j', (text, expected) => {
  expect(parseRepoReference(text)).toEqual(expected);
});

test('an address of a mirror is understood where EcoLink uses that mirror', () => {
  const endpoint = 'https://mirror.example:8443/hub';
  expect(parseRepoReference('https://mirror.example:8443/hub/acme/tiny/tree/dev', endpoint)).toEqual({
    ...name,
    revision: 'dev',
  });
  expect(parseRepoReference('https://mirror.example/acme/tiny', endpoint).repo).toContain('https://');
});

test.each(['datasets', 'spaces', 'collections', 'papers'])('an address of one of the %s is refused as such', (kind) => {
  expect(() => parseRepoReference(`https://huggingface.co/${kind}/acme/tiny`)).toThrow(
    expect.objectContaining({ code: 'bad_repo', message: expect.stringContaining(kind) as string }),
  );
});
