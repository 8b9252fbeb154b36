import { chmod, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { contentKey } from '../../../src/core/base/pull-file.ts';
import { bytesInCommon } from '../../../src/core/volumes/donors.ts';
import { KiB } from '../download/pulling.ts';
import { startMachine, weights } from '../instances/support/machine.ts';
import type { Machine } from '../instances/support/machine.ts';
import { defined } from '../../support/defined.ts';

const size = 512 * KiB;
const secondReadme = 'second';

interface TwoCommits {
  machine: Machine;
  register: (name: string, more?: Record<string, unknown>) => Promise<unknown>;
  prefetch: (name: string) => Promise<string>;
}

/** The first commit is registered as `first` and is in the cache. */
async function twoCommits(first: Record<string, unknown> = {}): Promise<TwoCommits> {
  const machine = await startMachine();
  onTestFinished(() => machine[Symbol.asyncDispose]());
  const repo = machine.hub.addRepo('acme/tiny', { files: { ...weights(size).files, 'README.md': 'first' } });
  const source = { source: 'huggingface', repo: 'acme/tiny', category: 'chat' };
  const register = (name: string, more: Record<string, unknown> = {}) =>
    machine.run('register_model', { name, ...source, include: ['*'], ...more });
  const prefetch = async (name: string): Promise<string> => {
    const before = new Set((await machine.volumes()).map(({ volume }) => volume));
    await machine.run('prefetch_model', { model: name });
    const added = defined((await machine.volumes()).find(({ volume }) => !before.has(volume)));
    const state = async () => (await machine.volumes()).find(({ volume }) => volume === added.volume)?.state;
    await expect.poll(state).toBe('ready');
    return added.volume;
  };
  await register('first', first);
  await prefetch('first');
  repo.push({ 'README.md': secondReadme });
  machine.hub.resetCounters();
  return { machine, register, prefetch };
}

function weightsOf(machine: Machine, volume: string): string {
  return join(machine.dataDir, 'regions', 'local', 'volumes', volume, 'tree', 'model.gguf');
}

test('a commit that changes one small file fetches only that file, and the plan says so before', async () => {
  const { machine, register, prefetch } = await twoCommits();
  await register('second');
  machine.hub.resetCounters();
  expect(await machine.run('plan_launch', { model: 'second' })).toMatchObject({
    bytes_to_fetch: secondReadme.length,
    download: '6 B of 524 kB to fetch (524 kB linked in local)',
    regions: [{ volume: { state: 'miss', bytes_shared: size, shared_by: 'link' } }],
  });
  const volume = await prefetch('second');
  expect(machine.hub.bytesSent()).toBe(secondReadme.length);
  expect((await stat(weightsOf(machine, volume))).nlink).toBe(2);
});

test('a clone has the bytes of one older volume; links and copies come from several', () => {
  const files = ['a', 'b', 'c'].map((letter, index) => ({
    path: letter,
    size: 10 ** index,
    sha256: letter.repeat(64),
  }));
  const volumes = files.slice(0, 2).map((file) => new Set([contentKey(file) ?? '']));
  expect(bytesInCommon(files, volumes, 'link')).toBe(11);
  expect(bytesInCommon(files, volumes, 'copy')).toBe(11);
  expect(bytesInCommon(files, volumes, 'clone')).toBe(10);
  expect(bytesInCommon(files, [], 'clone')).toBe(0);
});

test('an eviction frees only bytes that no other volume has', async () => {
  const { machine, register, prefetch } = await twoCommits();
  await register('second');
  await prefetch('second');
  const evict = async (model: string) => Number((await machine.run('evict_cache', { model }))['freed_bytes']);
  expect(await evict('first')).toBeLessThan(size);
  expect(await evict('second')).toBeGreaterThanOrEqual(size);
});

test('damage in a shared file is damage in every volume that has it, and each is repaired', async () => {
  const { machine, register, prefetch } = await twoCommits();
  await register('second');
  const path = weightsOf(machine, await prefetch('second'));
  await chmod(path, 0o644);
  const file = await open(path, 'r+');
  await file.write('damage', 100);
  await file.close();
  // This reads the bytes of one volume. The other one has the same file.
  await machine.volumes({ verify: true, limit: 1 });
  const damaged = await machine.volumes();
  expect(damaged.map(({ state }) => state)).toEqual(['damaged', 'damaged']);
  machine.hub.resetCounters();
  for (const model of ['first', 'second']) {
    await machine.run('prefetch_model', { model });
    const done = async () => (await machine.volumes()).filter(({ state }) => state === 'ready').length;
    await expect.poll(done).toBe(model === 'first' ? 1 : 2);
  }
  // The second repair takes the file of the first.
  expect(machine.hub.bytesSent()).toBe(size);
  const verified = await machine.volumes({ verify: true });
  expect(verified.map(({ state }) => state)).toEqual(['ready', 'ready']);
});

test('a plan for a model that others may read counts no private model, and a private one of the same owner does', async () => {
  const { machine, register } = await twoCommits({ private: true });
  await register('second');
  await register('third', { private: true });
  const fetched = async (model: string) => (await machine.run('plan_launch', { model }))['bytes_to_fetch'];
  expect(await fetched('second')).toBe(size + secondReadme.length);
  expect(await fetched('third')).toBe(secondReadme.length);
});
