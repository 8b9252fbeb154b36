import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyTree } from '../../src/core/download/disk/verify.ts';
import { createHub } from '../../src/core/hub/hub.ts';
import { KiB, manifestOf, MiB, startPull, temporaryFolder, tuningEnv } from '../core/download/pulling.ts';
import { startHub } from '../support/hub/hub.ts';
import { startOlah } from './olah.ts';

test('olah as a mirror of the test Hub: its client takes the one for a Hub, ours the other, ranges and resume included', async () => {
  await using folder = await temporaryFolder();
  await using hub = await startHub();
  const size = 20 * MiB;
  const repo = hub.addRepo('acme/tiny', {
    files: { 'config.json': '{}', 'model.safetensors': { size, seed: 'mirror' } },
  });
  await using olah = await startOlah(join(folder.path, 'olah'), { upstream: hub.endpoint });
  const { commit, files } = await createHub(olah.endpoint).inspect('acme/tiny', 'main', undefined);
  const manifest = { ...manifestOf(hub, repo), endpoint: olah.endpoint };
  expect({ commit, files }).toEqual({ commit: manifest.commit, files: manifest.files });

  hub.faults.throttle = 8 * MiB;
  const env = tuningEnv({ rangeBytes: 512 * KiB, stallMs: 20_000 });
  using killed = await startPull(folder.path, manifest, { env });
  await expect.poll(() => hub.bytesSent(), { interval: 5, timeout: 20_000 }).toBeGreaterThan(size / 2);
  killed.child.kill('SIGKILL');
  await killed.ended;
  hub.faults.throttle = undefined;
  using next = await startPull(folder.path, manifest, { env });
  expect(await next.ended).toMatchObject({ status: 0 });
  const [first] = next.events;
  expect(first?.type === 'progress' && first.done).toBeGreaterThan(size / 8);
  expect(olah.output()).toContain('206 Partial Content');
  expect(await verifyTree(join(folder.path, 'target'))).toEqual({ ok: true, mismatches: [] });
});
