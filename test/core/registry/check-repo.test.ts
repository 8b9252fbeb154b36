import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';

const index = (...names: string[]) =>
  JSON.stringify({ weight_map: Object.fromEntries(names.map((name, at) => [`layer.${at}`, name])) });
const bytes = (size: number) => ({ size, seed: `${size}` });

let hub: Hub;
let place: TestCore;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());
beforeEach(async () => {
  place = await startCore({ reconcile: false, environment: { HF_ENDPOINT: hub.endpoint } });
});
afterEach(() => place[Symbol.asyncDispose]());

function check(files: Parameters<Hub['addRepo']>[1]['files'], input: object = {}, about: object = {}) {
  hub.addRepo('acme/made-up', { files, pipeline_tag: 'text-generation', ...about });
  return place.run('check_model', { source: 'huggingface', repo: 'acme/made-up', ...input });
}

test('an index in the repo decides which copy is the model, and what stays behind is said with its size', async () => {
  const checked = await check({
    'README.md': 'read me',
    'config.json': '{}',
    'model.safetensors.index.json': index('model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'),
    'model-00001-of-00002.safetensors': bytes(3000),
    'model-00002-of-00002.safetensors': bytes(2000),
    'model-00001-of-00001.safetensors': bytes(5000),
    'consolidated.safetensors': bytes(5001),
    'pytorch_model.bin': bytes(5002),
  });
  expect((checked['files'] as { path: string }[]).map(({ path }) => path)).toEqual([
    'config.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ]);
  expect(checked['left_out']).toEqual([
    { reason: 'other copy', files: 2, bytes: 10_001, example: 'consolidated.safetensors' },
    { reason: 'other format', files: 1, bytes: 5002, example: 'pytorch_model.bin' },
    { reason: 'documentation', files: 1, bytes: 7, example: 'README.md' },
  ]);
  await place.run('register_model', { source: 'huggingface', repo: 'acme/made-up', name: 'chosen' });
  expect(await place.run('get_model', { model: 'chosen' })).toMatchObject({ bytes: checked['bytes'], file_count: 4 });
});

test('of a pipeline the folders that its index names are fetched', async () => {
  const checked = await check({
    'model_index.json': '{"_class_name":"P","vae":["diffusers","AutoencoderKL"],"safety_checker":[null,null]}',
    'one-file.safetensors': bytes(9000),
    'safety_checker/config.json': '{}',
    'safety_checker/model.safetensors': bytes(700),
    'vae/config.json': '{}',
    'vae/diffusion_pytorch_model.fp16.safetensors': bytes(500),
    'vae/diffusion_pytorch_model.safetensors': bytes(1000),
  });
  expect(checked['file_count']).toBe(3);
  expect(checked['left_out']).toEqual(
    expect.arrayContaining([
      { reason: 'single-file checkpoint', files: 1, bytes: 9000, example: 'one-file.safetensors' },
      { reason: 'not a component', files: 2, bytes: 702, example: 'safety_checker/model.safetensors' },
      { reason: 'other precision', files: 1, bytes: 500, example: 'vae/diffusion_pytorch_model.fp16.safetensors' },
    ]),
  );
});

describe('what is no model is refused at check', () => {
  test('an adapter, with its base from its config or its tags', async () => {
    const files = {
      'adapter_config.json': '{"base_model_name_or_path":"meta/llama"}',
      'adapter_model.safetensors': bytes(90),
    };
    await expect(check(files)).rejects.toMatchObject({
      code: 'adapter_not_a_model',
      message: expect.stringContaining('meta/llama') as string,
    });
    const silent = { ...files, 'adapter_config.json': '{}' };
    await expect(check(silent, {}, { tags: ['base_model:acme/base', 'base_model:adapter:acme/base'] })).rejects.toThrow(
      'acme/base',
    );
  });

  test('a pointer of git-LFS that was uploaded as it was', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n';
    const files = { 'config.json': '{}', 'model.safetensors': pointer };
    await expect(check(files)).rejects.toMatchObject({ code: 'lfs_pointers' });
    await expect(check(files, {}, { lfs: () => false })).rejects.toMatchObject({ code: 'lfs_pointers' });
  });

  test('shards that the index names and nobody uploaded', async () => {
    const files = {
      'model.safetensors.index.json': index('a.safetensors', 'b.safetensors'),
      'a.safetensors': bytes(9),
    };
    await expect(check(files)).rejects.toMatchObject({ code: 'missing_shards' });
  });

  test.each([
    ['README.md', 'hello', 'not_a_model'],
    ['.gitattributes', '* lfs', 'not_a_model'],
    ['config.json', '{}', 'not_a_model'],
    ['model.safetensors', '', 'empty_weights'],
  ])('only %s', async (path, content, code) => {
    await expect(check({ [path]: content })).rejects.toMatchObject({ code });
  });

  test.each([
    ['a'.repeat(300), 'bad_file_name'],
    ['a\nb.json', 'bad_file_name'],
    ['Config.json', 'bad_file_name'],
  ])('names that no disk takes: %j', async (path, code) => {
    await expect(check({ 'config.json': '{}', 'model.safetensors': bytes(9), [path]: '{}' })).rejects.toMatchObject({
      code,
    });
  });

  test('a pattern that is none, before the Hub is asked for a single byte of weights', async () => {
    hub.resetCounters();
    await expect(check({ 'model.safetensors': bytes(9) }, { include: ['+(a+)b'] })).rejects.toMatchObject({
      code: 'bad_pattern',
      field: 'include',
    });
    expect(hub.bytesSent()).toBe(0);
  });
});

describe('an address that was pasted', () => {
  test.each([
    ['https://huggingface.co/acme/made-up', 'main'],
    [' /acme/made-up/ ', 'main'],
    ['https://hf.co/acme/made-up/tree/dev', 'dev'],
    ['acme/made-up@dev', 'dev'],
  ])('%j names the repo, and its revision', async (repo, revision) => {
    hub.addRepo('acme/made-up', { files: { 'model.safetensors': bytes(10) } }).branch('dev');
    const checked = await place.run('check_model', { source: 'huggingface', repo });
    expect(checked).toMatchObject({ repo: 'acme/made-up', revision });
    const given = await place.run('check_model', { source: 'huggingface', repo, revision: 'main' });
    expect(given).toMatchObject({ revision: 'main' });
    await place.run('register_model', { source: 'huggingface', repo, name: 'pasted', category: 'chat' });
    expect(await place.run('get_model', { model: 'pasted' })).toMatchObject({ origin: `acme/made-up@${revision}` });
  });

  test('may point at a file, which is named where it was not chosen', async () => {
    const files = { 'm-Q4_K_M.gguf': bytes(10), 'm-Q8_0.gguf': bytes(20) };
    const at = (file: string) => ({ repo: `https://huggingface.co/acme/made-up/blob/main/${file}` });
    expect((await check(files, at('m-Q8_0.gguf')))['warnings']).toContainEqual(
      expect.stringContaining('m-Q8_0.gguf, which was not'),
    );
    expect((await check(files, at('m-Q4_K_M.gguf')))['warnings']).not.toContainEqual(
      expect.stringContaining('which was not'),
    );
  });
});
