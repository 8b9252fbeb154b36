import { cp, mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import type { PullManifest } from '../../../src/core/download/manifest.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';
import { KiB, manifestOf, MiB, pull, temporaryFolder, tree } from './pulling.ts';

const token = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';
const weights = 3 * MiB;
const second = 'second';
let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
beforeEach(() => hub.resetCounters());
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());

/** A volume that the storage cloned from the complete volume of the first commit, and the manifest of the second one. */
async function clonedVolume(
  folder: string,
  id: string,
): Promise<{ target: string; repo: HubRepo; next: PullManifest }> {
  const repo = hub.addRepo(id, {
    files: {
      'README.md': 'first',
      'a.safetensors': { size: weights, seed: 'a' },
      'parts/b.safetensors': { size: 700 * KiB, seed: 'b' },
    },
  });
  const [source, target] = [join(folder, 'source'), join(folder, 'target')];
  // A number that is higher than any of the new volume.
  await pull(manifestOf(hub, repo), source, { attempt: 7 });
  await cp(source, target, { recursive: true, preserveTimestamps: true });
  repo.push({ 'README.md': second });
  hub.resetCounters();
  return { target, repo, next: manifestOf(hub, repo) };
}

test('a clone fetches only the file that changed', async () => {
  await using folder = await temporaryFolder();
  const { target, next } = await clonedVolume(folder.path, 'acme/cloned');
  expect(await pull(next, target, { attempt: 1 })).toMatchObject({ status: 0, last: { fetched: second.length } });
  expect(hub.bytesSent()).toBe(second.length);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
  await expect(stat(join(target, '.ecolink/cloned'))).rejects.toThrow('ENOENT');
  expect((await stat(join(target, 'a.safetensors'))).nlink).toBe(1);
});

test('files that the new commit renames are taken, and those that it drops are gone', async () => {
  await using folder = await temporaryFolder();
  const { target, repo } = await clonedVolume(folder.path, 'acme/renamed');
  const files = { 'model/a.safetensors': { size: weights, seed: 'a' } };
  const next = manifestOf(hub, hub.addRepo('acme/other', { files }));
  expect(repo.id).not.toBe(next.repo);
  expect((await pull(next, target, { attempt: 1 })).status).toBe(0);
  expect(hub.bytesSent()).toBe(0);
  expect(await tree(target)).toEqual(next.files.map(({ path }) => path).toSorted());
});

test('a file that is damaged in the clone is fetched', async () => {
  await using folder = await temporaryFolder();
  const { target, next } = await clonedVolume(folder.path, 'acme/damaged');
  {
    await using file = await open(join(target, 'a.safetensors'), 'r+');
    await file.write(Buffer.from('damage'), 0, 6, 100);
  }
  expect((await pull(next, target, { attempt: 1 })).status).toBe(0);
  expect(hub.bytesSent()).toBe(weights + second.length);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
});

test('a gated repo is refused to a token that may not read it, though the clone has the bytes', async () => {
  await using folder = await temporaryFolder();
  const { target } = await clonedVolume(folder.path, 'acme/open');
  const files = { 'a.safetensors': { size: weights, seed: 'a' } };
  const gated = hub.addRepo('acme/gated', { files, gated: 'manual', gate: { alice: 'rejected' } });
  hub.addToken(token);
  expect(await pull(manifestOf(hub, gated), target, { attempt: 1, token })).toMatchObject({
    last: { type: 'failed', code: 'gated_rejected' },
  });
  await expect(stat(join(target, 'a.safetensors'))).rejects.toThrow('ENOENT');
  await expect(stat(join(target, '.ecolink/complete.json'))).rejects.toThrow('ENOENT');
});

test('a run that died while it moved the files is continued', async () => {
  await using folder = await temporaryFolder();
  const { target, next } = await clonedVolume(folder.path, 'acme/died');
  await mkdir(join(target, '.ecolink/cloned/.ecolink'), { recursive: true });
  await rename(join(target, 'parts'), join(target, '.ecolink/cloned/parts'));
  expect((await pull(next, target, { attempt: 1 })).status).toBe(0);
  expect(hub.bytesSent()).toBe(second.length);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
});

test('a run that failed after it moved the files keeps them for the next one', async () => {
  await using folder = await temporaryFolder();
  const { target, next } = await clonedVolume(folder.path, 'acme/again');
  hub.faults.status('resolve', 404);
  expect((await pull(next, target, { attempt: 1 })).status).not.toBe(0);
  hub.faults.clear();
  hub.resetCounters();
  expect((await pull(next, target, { attempt: 2 })).status).toBe(0);
  expect(hub.bytesSent()).toBe(second.length);
});
