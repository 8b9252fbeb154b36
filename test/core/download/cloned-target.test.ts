import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import type { PullManifest } from '../../../src/core/download/manifest.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';
import { KiB, manifestOf, MiB, pull, startPull, temporaryFolder, tree, tuningEnv } from './pulling.ts';

// No storage here can clone, so a copy of a complete tree stands for the clone of its volume.

const weights = 3 * MiB;
const more = 700 * KiB;
const secondReadme = 'second';
let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
beforeEach(() => hub.resetCounters());
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());

interface Cloned {
  repo: HubRepo;
  target: string;
  next: PullManifest;
}

/** A clone of the first commit's tree, and the manifest of a second commit that changes the README. */
async function cloneOf(folder: string, id: string): Promise<Cloned> {
  const repo = hub.addRepo(id, {
    files: {
      'README.md': 'first',
      'a.safetensors': { size: weights, seed: 'a' },
      'parts/b.safetensors': { size: more, seed: 'b' },
    },
  });
  const donor = join(folder, 'donor');
  // Its attempts have higher numbers than those of the new volume.
  await pull(manifestOf(hub, repo), donor, { attempt: 7 });
  repo.push({ 'README.md': secondReadme });
  const target = join(folder, 'target');
  await cp(donor, target, { recursive: true });
  hub.resetCounters();
  return { repo, target, next: manifestOf(hub, repo) };
}

const cloned = { cloned: true, attempt: 1 };

test('a clone keeps the equal files, and only the rest is fetched', async () => {
  await using folder = await temporaryFolder();
  const { target, next } = await cloneOf(folder.path, 'acme/kept');
  const before = await stat(join(target, 'a.safetensors'));
  expect((await pull(next, target, cloned)).last).toMatchObject({ type: 'done', fetched: secondReadme.length });
  expect(hub.bytesSent()).toBe(secondReadme.length);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
  expect(await stat(join(target, 'a.safetensors'))).toMatchObject({ ino: before.ino, nlink: 1 });
});

test('what does not belong to the new commit is deleted', async () => {
  await using folder = await temporaryFolder();
  const { repo, target } = await cloneOf(folder.path, 'acme/deleted');
  await mkdir(join(target, 'notes'));
  await writeFile(join(target, 'notes/old.txt'), 'old');
  const manifest = manifestOf(hub, repo);
  const next = { ...manifest, files: manifest.files.filter(({ path }) => path !== 'a.safetensors') };
  expect((await pull(next, target, cloned)).status).toBe(0);
  expect(await tree(target)).toEqual(['README.md', 'parts/b.safetensors']);
  expect(await readdir(join(target, '.ecolink'))).not.toContain('cloned');
});

test('a file that has another name now is not fetched', async () => {
  await using folder = await temporaryFolder();
  const { target } = await cloneOf(folder.path, 'acme/renamed');
  const renamed = hub.addRepo('acme/renamed-now', { files: { 'new/a.safetensors': { size: weights, seed: 'a' } } });
  expect((await pull(manifestOf(hub, renamed), target, cloned)).status).toBe(0);
  expect(hub.bytesSent()).toBe(0);
  expect(await tree(target)).toEqual(['new/a.safetensors']);
});

test('a damaged file of the clone is fetched', async () => {
  await using folder = await temporaryFolder();
  const { target, next } = await cloneOf(folder.path, 'acme/rotten');
  const path = join(target, 'a.safetensors');
  const bytes = await readFile(path);
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  await rm(path);
  await writeFile(path, bytes);
  expect((await pull(next, target, cloned)).status).toBe(0);
  expect(hub.bytesSent()).toBe(weights + secondReadme.length);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
});

test.each([
  ['the list of the other volume is gone', (target: string) => rm(join(target, '.ecolink/complete.json'))],
  ['nothing was cloned', (target: string) => rm(target, { recursive: true }).then(() => mkdir(target))],
])('everything is fetched if %s', async (_, spoil) => {
  await using folder = await temporaryFolder();
  const { target, next } = await cloneOf(folder.path, 'acme/nothing');
  await spoil(target);
  expect((await pull(next, target, cloned)).status).toBe(0);
  expect(hub.bytesSent()).toBe(weights + more + secondReadme.length);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
});

test('a token that may not read the files gets none of the clone', async () => {
  await using folder = await temporaryFolder();
  const { target } = await cloneOf(folder.path, 'acme/seen');
  const token = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';
  hub.addToken(token);
  const files = { 'a.safetensors': { size: weights, seed: 'a' } };
  const gated = hub.addRepo('acme/closed', { files, gated: 'manual', gate: { alice: 'rejected' } });
  expect((await pull(manifestOf(hub, gated), target, { ...cloned, token })).last).toMatchObject({
    type: 'failed',
    code: 'gated_rejected',
  });
  expect(await tree(target)).toEqual([]);
  expect(hub.bytesSent()).toBe(0);
});

test('after SIGKILL the next run goes on with the same clone', async () => {
  await using folder = await temporaryFolder();
  const { repo, target } = await cloneOf(folder.path, 'acme/stopped');
  const extra = 8 * MiB;
  repo.push({ 'c.safetensors': { size: extra, seed: 'c' } });
  const options = { env: tuningEnv({}), target, cloned: true };
  hub.faults.throttle = 2 * MiB;
  {
    using running = await startPull(folder.path, manifestOf(hub, repo), options);
    await expect.poll(() => hub.bytesSent(), { interval: 2 }).toBeGreaterThan(2 * MiB);
    running.child.kill('SIGKILL');
    await running.ended;
  }
  hub.faults.clear();
  using again = await startPull(folder.path, manifestOf(hub, repo), options);
  expect((await again.ended).status).toBe(0);
  expect(hub.bytesSent()).toBeLessThan(extra + weights);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
});

test('a clone of a volume that was a clone is adopted too', async () => {
  await using folder = await temporaryFolder();
  const { repo, target, next } = await cloneOf(folder.path, 'acme/twice');
  await pull(next, target, cloned);
  const again = join(folder.path, 'again');
  await cp(target, again, { recursive: true });
  repo.push({ 'README.md': 'third commit' });
  hub.resetCounters();
  expect((await pull(manifestOf(hub, repo), again, cloned)).status).toBe(0);
  expect(hub.bytesSent()).toBe('third commit'.length);
  expect(await verifyTree(again)).toEqual({ ok: true, mismatches: [] });
});
