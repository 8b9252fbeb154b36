import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PullManifest } from '../../src/core/download/manifest.ts';
import { verifyTree } from '../../src/core/download/disk/verify.ts';
import { createHub } from '../../src/core/hub/hub.ts';
import { isSame, MiB, pull, startPull, temporaryFolder, tree, tuningEnv } from '../core/download/pulling.ts';
import { startCore } from '../support/core.ts';
import { makeGitRepo, sha256 } from './git-repo.ts';
import type { GitRepo } from './git-repo.ts';
import { startOlah } from './olah.ts';
import type { Olah } from './olah.ts';

const weights = randomBytes(24 * MiB);
const card = '---\nlicense: apache-2.0\n---\n# A model\n';
const small = {
  'README.md': card,
  'config.json': '{"num_hidden_layers":2}',
  'tokenizer/a b/größe#1.json': '{}',
  'tokenizer.model': randomBytes(700_000),
};
let place: Awaited<ReturnType<typeof temporaryFolder>>;
let repo: GitRepo;
let olah: Olah;
beforeAll(async () => {
  place = await temporaryFolder();
  repo = makeGitRepo(join(place.path, 'mirrors/models/acme/tiny'), small, { 'model.safetensors': weights });
  olah = await startOlah(join(place.path, 'olah'), { mirrors: join(place.path, 'mirrors') });
});
afterAll(async () => {
  await olah[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

/** What a registration would plan to fetch. */
async function manifest(paths = [...repo.blobs.keys()]): Promise<PullManifest> {
  const { commit, files } = await createHub(olah.endpoint).inspect('acme/tiny', 'main', undefined);
  const wanted = files.filter(({ path }) => paths.includes(path));
  return { version: 1, endpoint: olah.endpoint, repo: 'acme/tiny', commit, files: wanted };
}

const patient = { stallMs: 20_000 };

test('tells the commit and the hashes that git itself has', async () => {
  const { commit, files } = await manifest();
  expect(commit).toBe(repo.commit);
  const stated = new Map(files.map(({ path, blob_id: blob, sha256: sha }) => [path, blob ?? sha]));
  expect(stated).toEqual(new Map([...repo.blobs, ['model.safetensors', sha256(weights)]]));
});

test('is checked, registered from and downloaded from by the whole program, and the tree verifies', async () => {
  await using core = await startCore({ environment: { HF_ENDPOINT: olah.endpoint } });
  const source = { source: 'huggingface', repo: 'acme/tiny', category: 'chat' };
  expect(await core.run('check_model', source)).toMatchObject({
    commit: repo.commit,
    licence: 'apache-2.0',
    downloadable: true,
    format: 'safetensors',
    file_count: 4,
  });
  await core.run('register_model', { name: 'tiny', ...source });
  await core.run('prefetch_model', { model: 'tiny', regions: ['local'] });
  const volumes = async (verify: boolean) =>
    (await core.run('list_cache', { verify }))['items'] as { volume: string; state: string }[];
  await expect.poll(() => volumes(false), { timeout: 40_000 }).toMatchObject([{ state: 'ready' }]);
  const [volume] = await volumes(true);
  expect(volume).toMatchObject({ state: 'ready', repo: 'acme/tiny', commit: repo.commit });
  const folder = join(core.dataDir, 'regions/local/volumes', volume?.volume ?? '', 'tree');
  expect(await isSame(folder, 'model.safetensors', weights)).toBe(true);
  expect(await readFile(join(folder, 'tokenizer/a b/größe#1.json'), 'utf8')).toBe('{}');
});

test('is downloaded from again after a kill, though it knows no ranges', async () => {
  await using folder = await temporaryFolder();
  const wanted = await manifest();
  const env = tuningEnv(patient);
  using killed = await startPull(folder.path, wanted, { env });
  const done = () => killed.events.map((event) => (event.type === 'progress' ? event.done : 0)).at(-1) ?? 0;
  const part = join(folder.path, 'target/.ecolink/parts');
  await expect.poll(() => begun(part), { interval: 5, timeout: 20_000 }).toBe(true);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(done()).toBeLessThan(weights.length);
  using next = await startPull(folder.path, wanted, { env });
  expect(await next.ended).toMatchObject({ status: 0 });
  expect(await tree(join(folder.path, 'target'))).toEqual(wanted.files.map(({ path }) => path).sort());
  expect(await verifyTree(join(folder.path, 'target'))).toEqual({ ok: true, mismatches: [] });
});

async function begun(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.size),
  );
  return sizes.some((size) => (size ?? 0) > 2 * MiB);
}

describe('what it refuses ends in an error of its own', () => {
  test('an unknown repo', async () => {
    const looked = createHub(olah.endpoint).inspect('acme/none', 'main', undefined);
    await expect(looked).rejects.toMatchObject({ code: 'repo_not_found' });
    await using folder = await temporaryFolder();
    const { last } = await pull({ ...(await manifest()), repo: 'acme/none' }, folder.path, { tuning: patient });
    // Where a commit is asked for, it says no more than that there is no such file.
    expect(last).toMatchObject({ type: 'failed', code: 'file_not_found', retryable: false });
  });

  test('a file that is not there, which it answers with 500, after a bounded number of requests', async () => {
    await using folder = await temporaryFolder();
    const none = { path: 'none.json', size: 2 };
    const { last } = await pull({ ...(await manifest()), files: [none] }, folder.path, { tuning: patient });
    expect(last).toMatchObject({ type: 'failed', code: 'hub_unreachable', retryable: true });
    expect(olah.output().split('/none.json HTTP').length - 1).toBeLessThanOrEqual(4);
  });

  test('bytes that rotted on its disk, and a file that it sends half of', async () => {
    await using folder = await temporaryFolder();
    const wanted = await manifest(['model.safetensors']);
    const object = repo.lfsObject(weights);
    const flipped = Buffer.from(weights);
    flipped[5_000_000] = (flipped[5_000_000] ?? 0) ^ 1;
    try {
      writeFileSync(object, flipped);
      const rotten = await pull(wanted, folder.path, { tuning: patient });
      expect(rotten.last).toMatchObject({ code: 'checksum_mismatch', retryable: false });
      truncateSync(object, weights.length / 2);
      const half = await pull(wanted, folder.path, { tuning: patient });
      expect(half.last).toMatchObject({ code: 'hub_unreachable', message: expect.stringContaining('too few') });
      expect(await verifyTree(folder.path)).toMatchObject({ ok: false });
    } finally {
      writeFileSync(object, weights);
    }
    expect((await pull(wanted, folder.path, { tuning: patient })).last).toMatchObject({ type: 'done' });
    expect(readFileSync(join(folder.path, 'model.safetensors')).equals(weights)).toBe(true);
  });
});
