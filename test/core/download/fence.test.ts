import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';
import { KiB, manifestOf, MiB, pull, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

let hub: Hub;
let repo: HubRepo;
beforeAll(async () => {
  hub = await startHub();
  repo = hub.addRepo('acme/fenced', {
    files: { 'model.safetensors': { size: 12 * MiB, seed: 'fence' }, 'config.json': '{}' },
  });
});
beforeEach(() => hub.resetCounters());
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());
const env = tuningEnv({ rangeBytes: 512 * KiB, stallMs: 20_000 });

describe('a slow holder', () => {
  test('is superseded by the next attempt, continues later, and damages nothing', async () => {
    await using folder = await temporaryFolder();
    hub.faults.throttle = 2 * MiB;
    // The bytes that the slow holder still has in memory are wrong, too.
    hub.faults.add('cdn', { kind: 'flip', at: 400 * KiB }, { skip: 5, times: 6 });
    using slow = await startPull(folder.path, manifestOf(hub, repo), { attempt: 1, env });
    await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(4 * MiB);
    slow.child.kill('SIGSTOP');
    hub.faults.clear();
    using next = await startPull(folder.path, manifestOf(hub, repo), { attempt: 2, env });
    await next.ended;
    expect(next.events.at(-1)).toMatchObject({ type: 'done' });
    slow.child.kill('SIGCONT');
    expect(await slow.ended).toMatchObject({ status: 32 });
    expect(slow.events.at(-1)).toMatchObject({ type: 'failed', code: 'superseded' });
    expect(await verifyTree(join(folder.path, 'target'))).toEqual({ ok: true, mismatches: [] });
  });

  test('ends while the next attempt runs, and the next attempt keeps the downloaded bytes', async () => {
    await using folder = await temporaryFolder();
    hub.faults.throttle = 2 * MiB;
    using slow = await startPull(folder.path, manifestOf(hub, repo), { attempt: 1, env });
    await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(6 * MiB);
    // A busy machine takes seconds to start a process. The slow holder must not finish in the meantime.
    hub.faults.throttle = 128 * KiB;
    using next = await startPull(folder.path, manifestOf(hub, repo), { attempt: 2, env });
    expect(await slow.ended).toMatchObject({ status: 32 });
    hub.faults.clear();
    expect(await next.ended).toMatchObject({ status: 0 });
    const [first] = next.events;
    expect(first?.type === 'progress' && first.done).toBeGreaterThan(2 * MiB);
    expect(await verifyTree(join(folder.path, 'target'))).toEqual({ ok: true, mismatches: [] });
  });
});

test('an attempt older than the holder is refused at once', async () => {
  await using folder = await temporaryFolder();
  hub.faults.status('resolve', 404);
  await pull(manifestOf(hub, repo), folder.path, { attempt: 7 });
  hub.resetCounters();
  const { last } = await pull(manifestOf(hub, repo), folder.path, { attempt: 6 });
  expect(last).toMatchObject({ type: 'failed', code: 'superseded' });
  expect(hub.requests).toEqual([]);
});

test('the same attempt started again takes over from itself', async () => {
  await using folder = await temporaryFolder();
  hub.faults.throttle = MiB;
  using first = await startPull(folder.path, manifestOf(hub, repo), { attempt: 3, env });
  await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(2 * MiB);
  using again = await startPull(folder.path, manifestOf(hub, repo), { attempt: 3, env });
  expect(await first.ended).toMatchObject({ status: 32 });
  hub.faults.clear();
  expect(await again.ended).toMatchObject({ status: 0 });
});

test('a download ends if its volume is deleted', async () => {
  await using folder = await temporaryFolder();
  hub.faults.throttle = MiB;
  using running = await startPull(folder.path, manifestOf(hub, repo), { env });
  await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(2 * MiB);
  await rm(join(folder.path, 'target'), { recursive: true });
  expect(await running.ended).toMatchObject({ status: 32 });
});

test('the part of a holder that has certainly ended is reused, and any other part is copied', async () => {
  await using folder = await temporaryFolder();
  const parts = join(folder.path, 'target/.ecolink/parts');
  const inode = async () => (await stat(join(parts, (await readdir(parts))[0] ?? ''))).ino;
  hub.faults.throttle = MiB;
  const begin = async (after: number) => {
    const started = await startPull(folder.path, manifestOf(hub, repo), { env });
    await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(after);
    return started;
  };
  using killed = await begin(3 * MiB);
  const first = await inode();
  killed.child.kill('SIGKILL');
  await killed.ended;
  using stopped = await begin(5 * MiB);
  expect(await inode()).toBe(first);
  stopped.child.kill('SIGTERM');
  await stopped.ended;
  using frozen = await begin(6 * MiB);
  expect(await inode()).toBe(first);
  frozen.child.kill('SIGSTOP');
  using last = await begin(8 * MiB);
  expect(await inode()).not.toBe(first);
  hub.faults.clear();
  expect(await last.ended).toMatchObject({ status: 0 });
});
