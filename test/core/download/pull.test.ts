import { readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionFile, stateFolder } from '../../../src/core/download/manifest.ts';
import { readCompletion } from '../../../src/core/download/disk/completion.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import { isSame, KiB, manifestOf, MiB, pull, temporaryFolder, tree } from './pulling.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());

const weights = { size: 3 * MiB + 12_345, seed: 'weights' };

function chatRepo() {
  const files = {
    'config.json': '{"model_type":"llama"}',
    'empty.txt': '',
    'model.safetensors': weights,
    'text_encoder/a b/größe#1?.json': '{}',
    'text_encoder/model.safetensors': { size: 10, seed: 'short' },
  };
  return hub.addRepo('acme/tiny-chat', { files });
}

describe('a pull', () => {
  test('makes a tree of real files with exactly the manifest’s files', async () => {
    await using folder = await temporaryFolder();
    const repo = chatRepo();
    const { status, last } = await pull(manifestOf(hub, repo), folder.path);
    expect(last).toEqual({ type: 'done', bytes: weights.size + 34, fetched: weights.size + 34 });
    expect(status).toBe(0);
    expect(await tree(folder.path)).toEqual(repo.head.files.map((file) => file.path));
    expect(await isSame(folder.path, 'model.safetensors', bytesOf(weights))).toBe(true);
    expect(await readFile(join(folder.path, 'text_encoder/a b/größe#1?.json'), 'utf8')).toBe('{}');
  });

  test('writes the completion manifest and leaves no parts behind', async () => {
    await using folder = await temporaryFolder();
    const manifest = manifestOf(hub, chatRepo());
    await pull(manifest, folder.path);
    expect(await readCompletion(folder.path)).toMatchObject({ ...manifest, bytes: weights.size + 34 });
    await expect(stat(join(folder.path, stateFolder, 'parts'))).rejects.toThrow('ENOENT');
  });

  test('of a complete tree sends no request', async () => {
    await using folder = await temporaryFolder();
    const manifest = manifestOf(hub, chatRepo());
    await pull(manifest, folder.path);
    hub.resetCounters();
    const { last } = await pull(manifest, folder.path);
    expect(last).toMatchObject({ type: 'done', fetched: 0 });
    expect(hub.requests).toEqual([]);
  });

  test('downloads only files that are missing or have another length', async () => {
    await using folder = await temporaryFolder();
    const manifest = manifestOf(hub, chatRepo());
    await pull(manifest, folder.path);
    await rm(join(folder.path, 'config.json'));
    await truncate(join(folder.path, 'text_encoder/model.safetensors'), 3);
    const { last } = await pull(manifest, folder.path);
    expect(last).toMatchObject({ type: 'done', fetched: 32 });
    expect(await isSame(folder.path, 'text_encoder/model.safetensors', bytesOf({ size: 10, seed: 'short' }))).toBe(
      true,
    );
  });

  test('sends one request to the resolver per file, for any number of ranges', async () => {
    await using folder = await temporaryFolder();
    hub.resetCounters();
    await pull(manifestOf(hub, chatRepo()), folder.path, { tuning: { rangeBytes: 128 * KiB, connections: 8 } });
    expect(hub.requestsTo('resolve', '/model.safetensors').length).toBe(2);
    expect(hub.requestsTo('resolve').length).toBe(4);
    expect(hub.requestsTo('cdn').length).toBe(26);
  });

  test('reports progress that ends at the total', async () => {
    await using folder = await temporaryFolder();
    const { events } = await pull(manifestOf(hub, chatRepo()), folder.path);
    expect(events[0]).toEqual({ type: 'progress', done: 0, total: weights.size + 34, rate: 0, seconds_left: null });
  });

  test('never marks a tree as complete before every file is published', async () => {
    await using folder = await temporaryFolder();
    hub.faults.add('resolve', { kind: 'status', status: 404 }, { path: 'config.json' });
    const { last } = await pull(manifestOf(hub, chatRepo()), folder.path);
    expect(last).toMatchObject({ type: 'failed', code: 'file_not_found' });
    await expect(stat(join(folder.path, completionFile))).rejects.toThrow('ENOENT');
    hub.faults.clear();
  });
});

test('a repo of 2,000 small files needs one request for each', async () => {
  await using folder = await temporaryFolder();
  const files = Object.fromEntries(
    Array.from({ length: 2000 }, (_, n) => [`shards/${n % 20}/${n}.json`, `{"n":${n}}`]),
  );
  const repo = hub.addRepo('acme/many', { files });
  hub.resetCounters();
  const { status } = await pull(manifestOf(hub, repo), folder.path, { tuning: { connections: 16 } });
  expect(status).toBe(0);
  expect(hub.requests.length).toBe(2000);
  expect((await tree(folder.path)).length).toBe(2000);
});
