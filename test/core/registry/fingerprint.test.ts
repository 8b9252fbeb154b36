import { cp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contentChangesBetween, fingerprintOf } from '../../../src/core/registry/folder.ts';
import type { FolderEntry, MarkedFile } from '../../../src/core/region/region.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import type { ModelFolder } from '../../support/model-folder.ts';
import { safetensorsBytes } from '../../support/weight-bytes.ts';

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

const plan = (): Promise<Record<string, unknown>> => place.run('plan_launch', { model: 'tiny' });

/** Other content in a file, of the same size and with the same time. */
async function swap(path: string, content: string | Buffer): Promise<void> {
  const file = join(folder.path, 'tiny', path);
  const { size, mtimeMs } = await stat(file);
  expect(content).toHaveLength(size);
  await folder.write(`tiny/${path}`, content);
  // Half a millisecond more, so that rounding does not make it another millisecond.
  const seconds = (Math.trunc(mtimeMs) + 0.5) / 1000;
  await utimes(file, seconds, seconds);
}

describe('a swapped file of the same size and time', () => {
  test.each([
    ['model.safetensors', safetensorsBytes('WEIGHTS')],
    ['config.json', '{"model_type":"gemma"}'],
  ])('is a change: %s', async (path, content) => {
    await place.run('register_model', tiny);
    const before = await plan();
    await swap(path, content);
    const after = await plan();
    expect(after['changes']).toEqual([`${path} has other content`]);
    expect(after['digest']).not.toBe(before['digest']);
    await expect(place.run('launch_instance', { model: 'tiny' })).rejects.toMatchObject({
      code: 'changed_since_registration',
    });
  });

  test('makes a digest that accepted an earlier change worthless', async () => {
    await place.run('register_model', tiny);
    await folder.write('tiny/config.json', '{"model_type":"gemma"}');
    const accepted = await plan();
    await swap('config.json', '{"model_type":"bloom"}');
    const after = await plan();
    expect(after['changes']).toEqual(accepted['changes']);
    const launch = place.run('launch_instance', { model: 'tiny', plan_digest: accepted['digest'] });
    await expect(launch).rejects.toMatchObject({ code: 'plan_changed' });
    const again = place.run('launch_instance', { model: 'tiny', plan_digest: after['digest'] });
    expect(await again).toMatchObject({ state: 'pending' });
  });
});

test('a digest covers changes that are not shown', async () => {
  await place.run('register_model', tiny);
  for (let count = 10; count < 30; count++) await folder.write(`tiny/new-${count}.py`, '');
  const before = await plan();
  expect(before['changes']).toHaveLength(11);
  await rename(join(folder.path, 'tiny/new-29.py'), join(folder.path, 'tiny/new-30.py'));
  const after = await plan();
  expect(after['changes']).toEqual(before['changes']);
  expect(after['digest']).not.toBe(before['digest']);
});

test('neither a copy of the folder nor new times of small files nor files that no launch reads are changes', async () => {
  await folder.write('tiny/pytorch_model.bin', Buffer.from([0x80, 4, 1]));
  await folder.write('tiny/.git/HEAD', 'ref');
  await folder.write('tiny/notes.txt', 'note');
  const path = join(folder.path, 'tiny');
  // Node's copy rounds times to whole milliseconds.
  const whole = new Date('2026-01-01T00:00:00Z');
  await utimes(join(path, 'model.safetensors'), whole, whole);
  await place.run('register_model', tiny);
  const before = await plan();
  // Other inodes, and other times of inodes.
  await cp(path, join(folder.path, 'copy'), { recursive: true, preserveTimestamps: true });
  await rm(path, { recursive: true });
  await rename(join(folder.path, 'copy'), path);
  await utimes(join(path, 'config.json'), new Date(0), new Date(0));
  await folder.write('tiny/pytorch_model.bin', Buffer.from([0x80, 4, 2, 3]));
  await folder.write('tiny/.git/HEAD', 'other');
  await folder.write('tiny/notes.txt', 'another note');
  const after = await plan();
  expect(after['changes']).toEqual([]);
  expect(after['digest']).toBe(before['digest']);
});

describe('a pipe in a folder', () => {
  const check = () =>
    place.run('check_model', { source: 'filesystem', filesystem: 'nfs', subfolder: 'tiny', category: 'chat' });
  const makePipe = (path: string): void => void execFileSync('mkfifo', [join(folder.path, 'tiny', path)]);

  test('is refused by its name where an engine would read it, at the check and at the launch', async () => {
    await place.run('register_model', tiny);
    makePipe('tokenizer.json');
    const refused = { code: 'not_regular_file', message: expect.stringContaining('tiny/tokenizer.json') };
    await expect(check()).rejects.toMatchObject(refused);
    await expect(place.run('launch_instance', { model: 'tiny' })).rejects.toMatchObject(refused);
  });

  test('is no matter where no engine looks', async () => {
    await folder.write('tiny/.git/HEAD', 'ref');
    makePipe('.git/fsmonitor');
    expect(await check()).toMatchObject({ file_count: 2 });
  });
});

/** A generator of pseudo-random numbers below 1, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test('a fingerprint does not depend on the order in which a folder is read', async () => {
  const names = [
    'config.json',
    'model.safetensors',
    'a.py',
    'b/c.json',
    'tokenizer.json',
    'Ä.json',
    'z.bin',
    'README.md',
  ];
  const entries: FolderEntry[] = names.map((path, mtimeMs) => ({ path, size: path.length, mtimeMs }));
  const random = numbers(7);
  const shuffled = <T>(list: readonly T[]): T[] =>
    list
      .map((each) => ({ each, key: random.next().value }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ each }) => each);
  const take = (listed: FolderEntry[], selected: string[]) => {
    const markFiles = async (): Promise<MarkedFile[]> =>
      shuffled(entries.filter(({ path }) => selected.includes(path))).map((entry) => ({ ...entry, mark: entry.path }));
    return fingerprintOf({ markFiles }, 'nfs', 'tiny', listed, selected);
  };
  const first = await take(entries, names.slice(0, 4));
  for (let round = 0; round < 200; round++) {
    const other = await take(shuffled(entries), shuffled(names.slice(0, 4)));
    expect(other).toEqual(first);
    expect(contentChangesBetween(first, other)).toEqual([]);
  }
});

test('a model at the root of its filesystem is registered and launched like any other', async () => {
  await place[Symbol.asyncDispose]();
  const config = folder.config.replace(folder.path, join(folder.path, 'tiny'));
  place = await startCore({ reconcile: false, config });
  await place.run('register_model', { ...tiny, subfolder: './' });
  expect(await plan()).toMatchObject({ changes: [] });
  await swap('config.json', '{"model_type":"gemma"}');
  expect((await plan())['changes']).toEqual(['config.json has other content']);
});

test('nothing of the folder was changed by the looks', async () => {
  const before = await readdir(join(folder.path, 'tiny'));
  await place.run('register_model', tiny);
  await plan();
  expect(await readdir(join(folder.path, 'tiny'))).toEqual(before);
});
