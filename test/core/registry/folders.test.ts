import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import type { ModelFolder } from '../../support/model-folder.ts';
import { ggufBytes, safetensorsBytes } from '../../support/weight-bytes.ts';

const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5000000000\n';

let folder: ModelFolder;
let place: TestCore;
beforeEach(async () => {
  folder = await modelFolder();
  place = await startCore({ reconcile: false, config: folder.config });
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function check(subfolder: string, files: Record<string, string | Buffer> = {}) {
  for (const [path, content] of Object.entries(files)) await folder.write(`${subfolder}/${path}`, content);
  return place.run('check_model', { source: 'filesystem', filesystem: 'nfs', subfolder, category: 'chat' });
}

describe('a folder that is no model', () => {
  const cases: [string, Record<string, string | Buffer>, string][] = [
    ['a clone without its LFS files', { 'config.json': '{}', 'model.safetensors': pointer }, 'lfs_pointers'],
    ['a clone with a pointer for a tokenizer', { 'm.gguf': ggufBytes(), 'tokenizer.json': pointer }, 'lfs_pointers'],
    ['a page that was saved as weights', { 'model.safetensors': '<!DOCTYPE html>' }, 'wrong_content'],
    ['a GGUF under another name', { 'pytorch_model.bin': ggufBytes() }, 'wrong_content'],
    ['a GGUF without its magic', { 'm-Q4_K_M.gguf': 'weights' }, 'wrong_content'],
    [
      'a shard too few',
      { 'model-00001-of-00002.safetensors': safetensorsBytes(), 'config.json': '{}' },
      'missing_shards',
    ],
    [
      'a shard of the index too few',
      {
        'a.safetensors': safetensorsBytes(),
        'model.safetensors.index.json': '{"weight_map":{"x":"b.safetensors","y":"a.safetensors"}}',
      },
      'missing_shards',
    ],
    [
      'an adapter',
      {
        'adapter_config.json': '{"base_model_name_or_path":"meta/llama"}',
        'adapter_model.safetensors': safetensorsBytes(),
      },
      'adapter_not_a_model',
    ],
    [
      'a download that broke off',
      { 'config.json': '{}', '.cache/huggingface/x.safetensors.incomplete': 'x' },
      'not_a_model',
    ],
    ['git’s own files', { 'README.md': 'x', '.git/lfs/objects/aa/model.bin': 'x' }, 'not_a_model'],
    ['a config', { 'config.json': '{}' }, 'not_a_model'],
    ['an empty file', { 'model.safetensors': '' }, 'empty_weights'],
  ];
  test.each(cases)('%s', async (_, files, code) => {
    await expect(check('made-up', files)).rejects.toMatchObject({ code });
  });
});

describe('a cache of the Hub’s client', () => {
  const cache = 'models--acme--tiny';
  const [old, current] = ['1'.repeat(40), '2'.repeat(40)];
  beforeEach(async () => {
    await folder.write(`hub/${cache}/blobs/abc`, safetensorsBytes());
    await folder.write(`hub/${cache}/refs/main`, `${current}\n`);
    for (const commit of [old, current]) {
      await mkdir(join(folder.path, `hub/${cache}/snapshots/${commit}`), { recursive: true });
      await symlink('../../blobs/abc', join(folder.path, `hub/${cache}/snapshots/${commit}/model.safetensors`));
    }
  });

  test.each(['', '/snapshots'])('is refused, and its snapshots are named, the current one first: %j', async (below) => {
    const snapshots = [current, old].map((commit) => `hub/${cache}/snapshots/${commit}`);
    const refused = check(`hub/${cache}${below}`);
    await expect(refused).rejects.toMatchObject({ code: 'hub_cache_folder', field: 'subfolder' });
    const error = await refused.catch((thrown: { validValues: string[] }) => thrown);
    expect((error as { validValues: string[] }).validValues.toSorted()).toEqual(snapshots.toSorted());
    if (below === '') expect(error).toMatchObject({ nextStep: expect.stringContaining(snapshots[0] ?? '') as string });
  });

  test('is refused from above and below too', async () => {
    await expect(check('hub')).rejects.toMatchObject({ code: 'hub_cache_folder' });
    await expect(check(`hub/${cache}/blobs`)).rejects.toMatchObject({ code: 'hub_cache_folder' });
  });

  test('has models in its snapshots', async () => {
    expect(await check(`hub/${cache}/snapshots/${current}`)).toMatchObject({ format: 'safetensors', file_count: 1 });
  });
});

describe('since its registration', () => {
  const change = async (path: string, content: string | Buffer = 'other'): Promise<unknown> => {
    await folder.write(`tiny/${path}`, content);
    return (await place.run('plan_launch', { model: 'tiny' }))['changes'];
  };

  test.each([
    '.git/HEAD',
    '.git/objects/pack/x.pack',
    '.cache/huggingface/download/x.metadata',
    'model.safetensors.incomplete',
    'README.md',
    'NOTES.md',
    'notes.txt',
    'LICENSE',
    'plot.png',
    '.DS_Store',
  ])('a new or changed %s does not count', async (path) => {
    await place.run('register_model', tiny);
    expect(await change(path)).toEqual([]);
    await place.run('delete_model', { model: 'tiny' });
    await place.run('register_model', tiny);
    expect(await change(path, 'yet another')).toEqual([]);
    await rm(join(folder.path, 'tiny', path));
    expect((await place.run('plan_launch', { model: 'tiny' }))['changes']).toEqual([]);
  });

  test.each([
    'merges.txt',
    'vocab.txt',
    'tokenizer.model',
    'modeling_x.py',
    'chat_template.jinja',
    'other.safetensors',
  ])('a new %s counts', async (path) => {
    await place.run('register_model', tiny);
    expect(await change(path)).toEqual([`${path} is new`]);
  });
});

test('what is read of a folder is bounded, and weights are never read whole', async () => {
  const path = join(folder.path, 'large/model.safetensors');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Buffer.concat([safetensorsBytes(), Buffer.alloc(40 * 1024 ** 2)]));
  expect(await check('large')).toMatchObject({ bytes: 40 * 1024 ** 2 + 10 });
  expect((await readFile(path)).length).toBe(40 * 1024 ** 2 + 10);
});
