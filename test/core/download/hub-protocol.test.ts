import { fileDownloadInfo, listFiles, modelInfo, snapshotDownload, type ListFileEntry } from '@huggingface/hub';
import { expect, test } from 'vitest';
import { pullManifest } from '../../../src/core/download/manifest.ts';
import { diskContent } from '../../../src/quickstart/hub-repo.ts';
import { startLoopbackHub } from '../../../src/quickstart/loopback-hub.ts';
import { startHub } from '../../support/hub/hub.ts';
import { pull, temporaryFolder, tree } from './pulling.ts';

const files = { 'config.json': '{}', 'sub/dir/a.txt': 'a', 'model.safetensors': { size: 5000, seed: 'protocol' } };

async function list(repo: string, hubUrl: string): Promise<ListFileEntry[]> {
  const entries: ListFileEntry[] = [];
  for await (const entry of listFiles({ repo, recursive: true, hubUrl })) entries.push(entry);
  return entries;
}

test('the Hub’s own client can read the test Hub: info, a tree in pages, and the place of a file', async () => {
  await using hub = await startHub({ treePage: 2 });
  const repo = hub.addRepo('acme/read', { files, pipeline_tag: 'text-generation' });
  const hubUrl = hub.endpoint;
  expect(await modelInfo({ name: 'acme/read', hubUrl, additionalFields: ['sha', 'filePaths'] })).toMatchObject({
    name: 'acme/read',
    task: 'text-generation',
    sha: repo.head.sha,
    filePaths: Object.keys(files).sort(),
  });
  const listed = await list('acme/read', hubUrl);
  expect(listed.map((entry) => `${entry.type} ${entry.path}`)).toEqual([
    'file config.json',
    'file model.safetensors',
    'directory sub',
    'directory sub/dir',
    'file sub/dir/a.txt',
  ]);
  const { sha256 } = repo.head.files.find((file) => file.lfs)?.lfs ?? {};
  const info = await fileDownloadInfo({ repo: 'acme/read', path: 'model.safetensors', hubUrl });
  expect(info).toMatchObject({ size: 5000, etag: `"${sha256}"` });
  expect(await fileDownloadInfo({ repo: 'acme/read', path: 'none', hubUrl })).toBeNull();
});

test('a push makes a new commit, and the old one stays', async () => {
  await using hub = await startHub();
  const repo = hub.addRepo('acme/pushed', { files });
  const before = repo.head.sha;
  const after = hub.push('acme/pushed', { 'new.txt': 'n', 'config.json': null }).sha;
  const at = async (revision: string) =>
    await modelInfo({ name: 'acme/pushed', hubUrl: hub.endpoint, revision, additionalFields: ['sha', 'filePaths'] });
  expect(await at('main')).toMatchObject({ sha: after, filePaths: ['model.safetensors', 'new.txt', 'sub/dir/a.txt'] });
  expect(await at(before)).toMatchObject({ sha: before, filePaths: Object.keys(files).sort() });
});

test('the loopback Hub of the quickstart serves the Hub’s own client and a pull', async () => {
  await using folder = await temporaryFolder();
  const contents = new Map([['package.json', diskContent('package.json')]]);
  await using hub = await startLoopbackHub([{ id: 'acme/local', files: contents }]);
  const info = await modelInfo({ name: 'acme/local', hubUrl: hub.endpoint, additionalFields: ['sha'] });
  const [entry] = await list('acme/local', hub.endpoint);
  const file = { path: 'package.json', size: entry?.size ?? 0, blob_id: entry?.oid };
  const unchecked = { version: 1, endpoint: hub.endpoint, repo: 'acme/local', commit: info.sha, files: [file] };
  expect(await pull(pullManifest.parse(unchecked), folder.path)).toMatchObject({ status: 0 });
  expect(await tree(folder.path)).toEqual(['package.json']);
  await expect(snapshotDownload({ repo: 'acme/none', hubUrl: hub.endpoint })).rejects.toThrow('not found');
});
