import { describe, expect, test } from 'vitest';
import { checkHeads } from '../../../src/core/registry/file-heads.ts';
import { ggufBytes, safetensorsBytes } from '../../support/weight-bytes.ts';

const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9\n';
const tar = Buffer.alloc(512);
tar.write('ustar', 257);

function check(contents: Record<string, Buffer | string>): Promise<void> {
  const files = Object.entries(contents).map(([path, content]) => ({ path, size: Buffer.byteLength(content) }));
  return checkHeads(files, (path, bytes) => Promise.resolve(Buffer.from(contents[path] ?? '').subarray(0, bytes)));
}

describe('the first bytes', () => {
  test.each([
    ['model.safetensors', safetensorsBytes()],
    ['M.GGUF', ggufBytes('\u0003')],
    ['model.pt', 'PK\u0003\u0004'],
    ['pytorch_model.bin', Buffer.from([0x80, 0x02, 0x8a])],
    ['model.pth', tar],
    ['m.nemo', Buffer.from([0x1f, 0x8b])],
    ['model.bin', Buffer.from([6, 0, 0, 0])],
    ['model.onnx', Buffer.from([8, 7])],
    ['config.json', '<html>'],
  ])('of %s may be these', async (path, content) => {
    await expect(check({ [path]: content })).resolves.toBeUndefined();
  });

  test.each([
    ['model.safetensors', '<!DOCTYPE html><html>', 'a web page'],
    ['model.safetensors', 'PK\u0003\u0004 and more', 'a zip archive'],
    ['model.safetensors', 'weights', 'nothing known'],
    ['model.safetensors', Buffer.alloc(4096), 'nothing known'],
    [
      'model.safetensors',
      Buffer.concat([Buffer.from([255, 255, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]),
      'nothing known',
    ],
    ['m-Q4_K_M.gguf', safetensorsBytes(), 'a safetensors file'],
    ['m-Q4_K_M.gguf', 'lmgg', 'a GGML file'],
    ['pytorch_model.bin', ggufBytes(), 'a GGUF file'],
    ['pytorch_model-00001-of-00002.bin', Buffer.alloc(64, 7), 'nothing known'],
    ['model.pt', Buffer.alloc(64, 7), 'nothing known'],
    ['model.bin', '{"error":"not found"}', 'a JSON file'],
    ['model.onnx', '<html>', 'a web page'],
  ])('of %s contradict its name where they are %s', async (path, content, said) => {
    await expect(check({ [path]: content })).rejects.toMatchObject({
      code: 'wrong_content',
      message: expect.stringContaining(said) as string,
    });
  });

  test('of git-LFS pointers are told apart, in other files than weights too', async () => {
    await expect(check({ 'model.safetensors': pointer, 'b.gguf': pointer })).rejects.toMatchObject({
      code: 'lfs_pointers',
      message: expect.stringContaining('b.gguf, model.safetensors') as string,
    });
    await expect(check({ 'model.safetensors': safetensorsBytes(), 'tokenizer.json': pointer })).rejects.toMatchObject({
      code: 'lfs_pointers',
    });
  });

  test('are asked for only where they tell something, and unknown ones are let be', async () => {
    const asked: string[] = [];
    const files = [
      { path: 'model.safetensors', size: 5e9 },
      { path: 'tokenizer.json', size: 9e6 },
    ];
    await checkHeads(files, (path) => {
      asked.push(path);
      return Promise.resolve(undefined);
    });
    expect(asked).toEqual(['model.safetensors']);
  });
});
