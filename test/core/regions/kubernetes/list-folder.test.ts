import { execFile, execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { markInside } from '../../../../src/core/regions/local/filesystems/folders.ts';
import { folderReport } from '../../../../src/core/regions/kubernetes/pods/task-answers.ts';
import { ggufFacts } from '../../../../src/core/registry/gguf-facts.ts';
import { ggufHeader } from '../../../support/gguf.ts';
import { modelFolder } from '../../../support/model-folder.ts';

const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));

async function listedBy(target: string, path: string) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [main, 'list-folder', '--target', target, '--path', path],
    { maxBuffer: 64 * 1024 ** 2 },
  );
  return folderReport.parse(JSON.parse(stdout));
}

test.each(['tiny', ''])('a pod lists a folder with pipes, marks its files and ends: "%s"', async (path) => {
  const folder = await modelFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const target = path === '' ? join(folder.path, 'tiny') : folder.path;
  execFileSync('mkfifo', [join(folder.path, 'tiny/pipe.json'), join(folder.path, 'tiny/pipe.safetensors')]);
  const report = await listedBy(target, path);
  expect(report.entries.map((entry) => [entry.path, entry.special])).toEqual([
    ['config.json', undefined],
    ['model.safetensors', undefined],
    ['pipe.json', true],
    ['pipe.safetensors', true],
  ]);
  const marked = markInside(target, path, ['config.json', 'model.safetensors']);
  expect(report.marks).toEqual(Object.fromEntries(marked.map((file) => [file.path, file.mark])));
  expect(Object.keys(report.contents)).toEqual(['config.json']);
});

const words = Array.from({ length: 40_000 }, (_, at) => `token ${at}`);
const filler = Buffer.alloc(8 * 1024 ** 2, 1);

function modelWith(more: Record<string, string> = {}): Buffer {
  const facts = {
    'general.architecture': 'qwen3',
    ...more,
    'qwen3.block_count': 28,
    'qwen3.context_length': 40_960,
    'qwen3.embedding_length': 1024,
    'qwen3.attention.head_count': 16,
    'qwen3.attention.head_count_kv': 8,
    'qwen3.attention.key_length': 128,
  };
  return Buffer.concat([ggufHeader({ ...facts, 'tokenizer.ggml.tokens': words }), filler]);
}

async function folderOf(files: Record<string, Buffer>): Promise<string> {
  const folder = await modelFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  await mkdir(join(folder.path, 'gguf'));
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder.path, 'gguf', name), bytes);
  return folder.path;
}

/** What a registration learns from the report of a pod about one file. */
function factsIn(heads: Record<string, string> | undefined, path: string, size: number) {
  const file = { path, size };
  return ggufFacts({ format: 'gguf', entryFile: path, files: [file] }, async () =>
    Buffer.from(heads?.[path] ?? '', 'base64'),
  );
}

test('a pod prints of a GGUF model what sizing needs, without the vocabulary', async () => {
  const model = modelWith();
  const later = 'big-00002-of-00002.gguf';
  const target = await folderOf({ 'model.Q4_K_M.GGUF': model, 'big-00001-of-00002.gguf': model, [later]: model });
  const { heads } = await listedBy(target, 'gguf');
  const whole = await ggufFacts(
    { format: 'gguf', entryFile: 'a', files: [{ path: 'a', size: model.length }] },
    async (_, bytes) => model.subarray(0, bytes),
  );
  expect(whole?.architecture).toMatchObject({ contextLength: 40_960, layers: 28 });
  for (const path of ['model.Q4_K_M.GGUF', 'big-00001-of-00002.gguf']) {
    expect(await factsIn(heads, path, model.length)).toEqual(whole);
    expect(heads?.[path]?.length).toBeLessThan(2000);
  }
  expect(Buffer.from(heads?.[later] ?? '', 'base64')).toHaveLength(264);
});

test('the headers of many models stay within a pod’s log. A header that has no room is unknown, never cut', async () => {
  const large = { 'general.description': 'x'.repeat(60_000), 'tokenizer.chat_template': 'y'.repeat(60_000) };
  const model = modelWith(large);
  const names = Array.from({ length: 14 }, (_, at) => `model-${at}.gguf`);
  const target = await folderOf(Object.fromEntries(names.map((name) => [name, model])));
  const { heads = {} } = await listedBy(target, 'gguf');
  const lengths = Object.values(heads).map((head) => Buffer.from(head, 'base64').length);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(1.01 * 1024 ** 2);
  expect(lengths.filter((length) => length === 264).length).toBeGreaterThan(0);
  expect(lengths.filter((length) => length > 120_000).length).toBeGreaterThan(6);
  const cut = names.find((name) => Buffer.from(heads[name] ?? '', 'base64').length === 264) ?? '';
  expect((await factsIn(heads, cut, model.length))?.architecture.cache).toMatchObject({ basis: 'unknown' });
});
