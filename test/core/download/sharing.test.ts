import { access, chmod, constants, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runPull } from '../../../src/core/download/pull.ts';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';
import { KiB, manifestOf, MiB, pull, quick, startPull, temporaryFolder, tuningEnv } from './pulling.ts';
import type { PullEvent, PullManifest } from '../../../src/core/download/manifest.ts';

const token = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';
const weights = 3 * MiB;
const secondReadme = 'second';
let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
beforeEach(() => hub.resetCounters());
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());

function addRepo(id: string): HubRepo {
  const files = {
    'README.md': 'first',
    'a.safetensors': { size: weights, seed: 'a' },
    'parts/b.safetensors': { size: 700 * KiB, seed: 'b' },
  };
  return hub.addRepo(id, { files });
}

/** A complete tree of the first commit, and the manifest of a second one that changes the README. */
async function twoCommits(folder: string, id: string): Promise<{ donor: string; repo: HubRepo; next: PullManifest }> {
  const repo = addRepo(id);
  const donor = join(folder, 'donor');
  await pull(manifestOf(hub, repo), donor);
  repo.push({ 'README.md': secondReadme });
  hub.resetCounters();
  return { donor, repo, next: manifestOf(hub, repo) };
}

async function pullFrom(manifest: PullManifest, target: string, from: string[], withToken?: string) {
  const events: PullEvent[] = [];
  const onEvent = (event: PullEvent) => events.push(event);
  const environment = { proxy: {}, tuning: quick };
  const status = await runPull({ manifest, target, from, token: withToken, environment, onEvent });
  return { status, last: events.at(-1) };
}

async function flipByte(path: string): Promise<void> {
  await chmod(path, 0o644);
  await using file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 5);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 5);
}

describe('a second commit that changes one small file', () => {
  test('fetches only that file, and links the others', async () => {
    await using folder = await temporaryFolder();
    const { donor, next } = await twoCommits(folder.path, 'acme/linked');
    const target = join(folder.path, 'target');
    const { status, last } = await pullFrom(next, target, [donor]);
    expect([status, last]).toMatchObject([0, { type: 'done', fetched: secondReadme.length }]);
    expect(hub.bytesSent()).toBe(secondReadme.length);
    const [here, there] = await Promise.all([target, donor].map((tree) => stat(join(tree, 'a.safetensors'))));
    expect(here).toMatchObject({ ino: there?.ino, nlink: 2 });
    expect((here?.mode ?? 0) & 0o222).toBe(0);
    expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
  });

  test('copies the others from another file system', async () => {
    await using folder = await temporaryFolder();
    const isLinux = await access('/dev/shm', constants.W_OK).then(
      () => true,
      () => false,
    );
    const other = isLinux ? await mkdtemp('/dev/shm/ecolink-pull-') : join(folder.path, 'target');
    try {
      const { donor, next } = await twoCommits(folder.path, 'acme/copied');
      const target = join(other, 'tree');
      expect((await pullFrom(next, target, [donor])).status).toBe(0);
      expect(hub.bytesSent()).toBe(secondReadme.length);
      expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
      if (isLinux) expect((await stat(join(target, 'a.safetensors'))).nlink).toBe(1);
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });
});

describe('a file is fetched from the Hub', () => {
  test('if the other volume is damaged. Nothing is written through the link', async () => {
    await using folder = await temporaryFolder();
    const { donor, next } = await twoCommits(folder.path, 'acme/damaged');
    await flipByte(join(donor, 'a.safetensors'));
    const damaged = await readFile(join(donor, 'a.safetensors'));
    const target = join(folder.path, 'target');
    expect((await pullFrom(next, target, [donor])).status).toBe(0);
    expect(hub.bytesSent()).toBe(weights + secondReadme.length);
    expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
    expect(await readFile(join(donor, 'a.safetensors'))).toEqual(damaged);
  });

  test('if the other volume is evicted meanwhile', async () => {
    await using folder = await temporaryFolder();
    const { donor, next } = await twoCommits(folder.path, 'acme/evicted');
    await rm(join(donor, 'a.safetensors'));
    const target = join(folder.path, 'target');
    expect((await pullFrom(next, target, [donor, join(folder.path, 'gone')])).status).toBe(0);
    expect(hub.bytesSent()).toBe(weights + secondReadme.length);
  });

  test('if the other volume is not complete', async () => {
    await using folder = await temporaryFolder();
    const { donor, next } = await twoCommits(folder.path, 'acme/incomplete');
    await rm(join(donor, '.ecolink/complete.json'));
    await pullFrom(next, join(folder.path, 'target'), [donor]);
    expect(hub.bytesSent()).toBeGreaterThan(weights);
  });
});

test('a repair of a linked file writes a new file and leaves the other volume alone', async () => {
  await using folder = await temporaryFolder();
  const { donor, next } = await twoCommits(folder.path, 'acme/repaired');
  const target = join(folder.path, 'target');
  await pullFrom(next, target, [donor]);
  await flipByte(join(target, 'a.safetensors'));
  const damaged = await readFile(join(donor, 'a.safetensors'));
  await rm(join(target, '.ecolink/complete.json'));
  hub.resetCounters();
  // The donor has the same damage, and its manifest does not know it yet.
  expect((await pullFrom(next, target, [donor])).status).toBe(0);
  expect(hub.bytesSent()).toBe(weights);
  expect(await verifyTree(target)).toEqual({ ok: true, mismatches: [] });
  expect(await readFile(join(donor, 'a.safetensors'))).toEqual(damaged);
});

test('a gated repo is refused to a token that may not read it, though another volume has the bytes', async () => {
  await using folder = await temporaryFolder();
  const { donor } = await twoCommits(folder.path, 'acme/open');
  const files = { 'a.safetensors': { size: weights, seed: 'a' } };
  const gated = hub.addRepo('acme/gated', { files, gated: 'manual', gate: { alice: 'rejected' } });
  hub.addToken(token);
  const target = join(folder.path, 'target');
  const { last } = await pullFrom(manifestOf(hub, gated), target, [donor], token);
  expect(last).toMatchObject({ type: 'failed', code: 'gated_rejected' });
  await expect(stat(join(target, 'a.safetensors'))).rejects.toThrow('ENOENT');
  expect(hub.bytesSent()).toBe(0);
});

test('after SIGKILL the next run goes on, and the other volume keeps its bytes', async () => {
  await using folder = await temporaryFolder();
  const { donor, repo } = await twoCommits(folder.path, 'acme/killed');
  const extra = 8 * MiB;
  repo.push({ 'c.safetensors': { size: extra, seed: 'c' } });
  const options = { env: tuningEnv({}), from: [donor] };
  hub.faults.throttle = 2 * MiB;
  {
    using running = await startPull(folder.path, manifestOf(hub, repo), options);
    await expect.poll(() => hub.bytesSent(), { interval: 2 }).toBeGreaterThan(2 * MiB);
    running.child.kill('SIGKILL');
    expect((await running.ended).signal).toBe('SIGKILL');
  }
  hub.faults.clear();
  using again = await startPull(folder.path, manifestOf(hub, repo), options);
  expect((await again.ended).status).toBe(0);
  expect(hub.bytesSent()).toBeLessThan(extra + weights);
  for (const path of [donor, join(folder.path, 'target')])
    expect(await verifyTree(path)).toEqual({ ok: true, mismatches: [] });
});

test('a busy Hub is asked again before anything is downloaded', async () => {
  await using folder = await temporaryFolder();
  const { donor, next } = await twoCommits(folder.path, 'acme/busy');
  hub.faults.status('resolve', 503, { times: 2 });
  expect((await pullFrom(next, join(folder.path, 'target'), [donor])).status).toBe(0);
  expect(hub.bytesSent()).toBeLessThan(100 * KiB);
});
