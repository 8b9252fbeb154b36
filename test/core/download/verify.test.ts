import { open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { invalidate } from '../../../src/core/download/disk/completion.ts';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import { manifestOf, MiB, pull, temporaryFolder } from './pulling.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());

async function flipByte(path: string, at: number): Promise<void> {
  const handle = await open(path, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  await handle.close();
}

test('a damaged tree is found by its hashes, and repaired by a download of only the bad files', async () => {
  await using folder = await temporaryFolder();
  const files = {
    'a.safetensors': { size: 2 * MiB, seed: 'a' },
    'b.safetensors': { size: MiB, seed: 'b' },
    'config.json': '{}',
    'gone.json': '{"gone":1}',
    'short.json': '{"short":1}',
  };
  const manifest = manifestOf(hub, hub.addRepo('acme/rotten', { files }));
  await pull(manifest, folder.path);
  expect(await verifyTree(folder.path)).toEqual({ ok: true, mismatches: [] });

  await flipByte(join(folder.path, 'b.safetensors'), 12_345);
  await flipByte(join(folder.path, 'config.json'), 0);
  await rm(join(folder.path, 'gone.json'));
  await truncate(join(folder.path, 'short.json'), 2);
  expect(await verifyTree(folder.path)).toEqual({
    ok: false,
    mismatches: [
      { path: 'b.safetensors', problem: 'hash' },
      { path: 'config.json', problem: 'hash' },
      { path: 'gone.json', problem: 'missing' },
      { path: 'short.json', problem: 'size' },
    ],
  });

  await invalidate(folder.path);
  expect(await verifyTree(folder.path)).toEqual({ ok: false, mismatches: [{ path: '', problem: 'incomplete' }] });
  const { last } = await pull(manifest, folder.path);
  expect(last).toMatchObject({ type: 'done', fetched: MiB + 2 + 10 + 11 });
  expect(await verifyTree(folder.path)).toEqual({ ok: true, mismatches: [] });
});

test('a file without a stated hash is checked by its length', async () => {
  await using folder = await temporaryFolder();
  const manifest = manifestOf(hub, hub.addRepo('acme/plain', { files: { 'a.txt': 'abc' } }));
  const files = manifest.files.map(({ path, size }) => ({ path, size }));
  expect((await pull({ ...manifest, files }, folder.path)).status).toBe(0);
  expect((await pull({ ...manifest, files: [{ path: 'a.txt', size: 4 }] }, folder.path)).last).toMatchObject({
    code: 'hub_protocol',
  });
});
