import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freeBytes } from '../../../src/core/download/disk/space.ts';
import { formatBytes } from '../../../src/core/base/format.ts';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import { missing } from '../../support/missing.ts';
import { smallFileSystem } from '../../support/small-file-system.ts';
import { KiB, manifestOf, MiB, pull, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

let canMount = false;
{
  await using probe = await smallFileSystem(MiB);
  canMount = probe.isMounted;
}
if (!canMount) missing('no file system can be mounted here, so full and read-only volumes were not tested.');

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());

describe.skipIf(!canMount)('a volume', () => {
  test('that is too small is refused before the download, with the number of missing bytes', async () => {
    await using volume = await smallFileSystem(4 * MiB);
    const repo = hub.addRepo('acme/large', { files: { 'model.safetensors': { size: 6 * MiB, seed: 'space' } } });
    hub.resetCounters();
    const { last, status } = await pull(manifestOf(hub, repo), volume.path);
    expect(status).toBe(30);
    expect(last).toMatchObject({
      type: 'failed',
      code: 'no_space',
      retryable: false,
      missing_bytes: expect.any(Number),
    });
    expect(last.type === 'failed' && last.message).toMatch(
      /lacks [23](?:\.\d)? MB: the download still needs 6\.3 MB, and [34](?:\.\d)? MB are free/,
    );
    expect(hub.requests).toEqual([]);
  });

  test('that another process fills ends the pull, and the next pull continues when there is space', async () => {
    await using volume = await smallFileSystem(8 * MiB);
    const repo = hub.addRepo('acme/filled', { files: { 'model.safetensors': { size: 6 * MiB, seed: 'space' } } });
    hub.resetCounters();
    hub.faults.throttle = 2 * MiB;
    const env = tuningEnv({ rangeBytes: 256 * KiB });
    using running = await startPull(volume.parent, manifestOf(hub, repo), { target: volume.path, env });
    await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(2 * MiB);
    const other = join(volume.path, 'other');
    await writeFile(other, Buffer.alloc(8 * MiB)).catch(() => undefined);
    expect(await running.ended).toMatchObject({ status: 30 });
    const failed = running.events.at(-1);
    expect(failed).toMatchObject({ type: 'failed', code: 'no_space', missing_bytes: expect.any(Number) });
    const missing = failed?.type === 'failed' ? (failed.missing_bytes ?? 0) : 0;
    expect(failed?.type === 'failed' && failed.message).toContain(`lacks ${formatBytes(missing)}`);
    hub.faults.clear();
    // The stated missing bytes are enough, and half of them are not.
    volume.remount(`size=${8 * MiB + missing / 2}`);
    expect((await pull(manifestOf(hub, repo), volume.path)).last).toMatchObject({ code: 'no_space' });
    volume.remount(`size=${8 * MiB + missing + 64 * KiB}`);
    const { last } = await pull(manifestOf(hub, repo), volume.path);
    expect(last.type === 'done' && last.fetched).toBeLessThan(5 * MiB);
    expect(await verifyTree(volume.path)).toMatchObject({ ok: true });
  });

  test('that is completely full lacks all bytes', async () => {
    await using volume = await smallFileSystem(MiB);
    await writeFile(join(volume.path, 'other'), Buffer.alloc(2 * MiB)).catch(() => undefined);
    const repo = hub.addRepo('acme/brim', { files: { 'model.safetensors': { size: 6 * MiB, seed: 'space' } } });
    const { last } = await pull(manifestOf(hub, repo), volume.path);
    expect(last).toMatchObject({ code: 'no_space', missing_bytes: 6 * MiB });
    expect(last.type === 'failed' && last.message).toContain('the download still needs 6.3 MB, and 0 B are free');
  });

  test('that is mounted read-only cannot be written', async () => {
    await using volume = await smallFileSystem(8 * MiB);
    volume.remount('ro');
    const repo = hub.addRepo('acme/ro', { files: { 'config.json': '{}' } });
    const { last, status } = await pull(manifestOf(hub, repo), volume.path);
    expect(last).toMatchObject({ type: 'failed', code: 'not_writable' });
    expect(status).toBe(31);
  });

  test('that is complete needs no download, even if it is mounted read-only', async () => {
    await using volume = await smallFileSystem(8 * MiB);
    const repo = hub.addRepo('acme/ro', { files: { 'config.json': '{}' } });
    await pull(manifestOf(hub, repo), volume.path);
    volume.remount('ro');
    expect((await pull(manifestOf(hub, repo), volume.path)).last).toMatchObject({ type: 'done', fetched: 0 });
  });
});

test('the free space is unknown if the file system reports zeros', async () => {
  expect(await freeBytes('/proc')).toBeUndefined();
  expect(await freeBytes('/tmp')).toBeGreaterThan(0);
});

test('a target that is a file cannot be written', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  const repo = hub.addRepo('acme/small', { files: { 'config.json': '{}' } });
  expect((await pull(manifestOf(hub, repo), join(folder.path, 'file'))).last).toMatchObject({ code: 'not_writable' });
});
