import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PullFailure } from '../../../src/core/download/failure.ts';
import { completionFile } from '../../../src/core/download/manifest.ts';
import { runPull } from '../../../src/core/download/pull.ts';
import { verifyTree } from '../../../src/core/download/disk/verify.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';
import { KiB, manifestOf, MiB, quick, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

const size = 24 * MiB;
const tuning = { rangeBytes: 512 * KiB, connections: 4 };
const env = tuningEnv(tuning);
let hub: Hub;
let repo: HubRepo;
beforeAll(async () => {
  hub = await startHub();
  const files = {
    'config.json': '{}',
    'a.safetensors': { size, seed: 'a' },
    'b.safetensors': { size: 4 * MiB, seed: 'b' },
  };
  repo = hub.addRepo('acme/resumed', { files });
});
beforeEach(() => hub.resetCounters());
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());
const total = size + 4 * MiB + 2;

/** Starts a pull and sends it the signal when the Hub has sent `after` bytes. */
async function interrupt(folder: string, signal: NodeJS.Signals, after: number) {
  hub.faults.throttle = 4 * MiB;
  using running = await startPull(folder, manifestOf(hub, repo), { env });
  await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(after);
  running.child.kill(signal);
  const ended = await running.ended;
  hub.faults.clear();
  return { ...ended, events: running.events };
}

async function finish(folder: string) {
  using running = await startPull(folder, manifestOf(hub, repo), { env });
  const { status } = await running.ended;
  return { status, events: running.events };
}

describe('after SIGKILL', () => {
  test('several times, the Hub sends each byte once, except the ranges in flight', async () => {
    await using folder = await temporaryFolder();
    const kills = [3 * MiB, 9 * MiB, 16 * MiB];
    for (const after of kills) {
      const { signal } = await interrupt(folder.path, 'SIGKILL', after);
      expect(signal).toBe('SIGKILL');
      await expect(stat(join(folder.path, 'target', completionFile))).rejects.toThrow('ENOENT');
    }
    const { status, events } = await finish(folder.path);
    expect(status).toBe(0);
    // One range per connection, and the bytes that were not synced yet: less than a quarter of that.
    const inFlight = 1.25 * tuning.connections * tuning.rangeBytes;
    expect(hub.bytesSent()).toBeLessThanOrEqual(total + kills.length * inFlight);
    expect(hub.bytesSent()).toBeLessThan(2 * total);
    expect(events[0]).toMatchObject({ type: 'progress', total });
    const done = events[0]?.type === 'progress' ? events[0].done : 0;
    expect(done).toBeGreaterThan(8 * MiB);
    expect(events.at(-1)).toEqual({ type: 'done', bytes: total, fetched: total - done });
    expect(await verifyTree(join(folder.path, 'target'))).toEqual({ ok: true, mismatches: [] });
  });
});

test('progress begins at the bytes of earlier runs, and its rate counts only new bytes', async () => {
  await using folder = await temporaryFolder();
  await interrupt(folder.path, 'SIGKILL', 16 * MiB);
  hub.faults.throttle = MiB;
  const began = performance.now();
  using running = await startPull(folder.path, manifestOf(hub, repo), { env });
  await expect.poll(() => running.events.length, { interval: 20, timeout: 20_000 }).toBeGreaterThan(3);
  running.child.kill('SIGKILL');
  const seen = running.events.filter((event) => event.type === 'progress');
  // The first comes at once, then one per second.
  expect(seen.length).toBeLessThanOrEqual((performance.now() - began) / 1000 + 1);
  expect(seen[0]).toMatchObject({ rate: 0, seconds_left: null, total });
  expect(seen[0]?.done).toBeGreaterThan(10 * MiB);
  for (const { done, rate, seconds_left: left } of seen.slice(1)) {
    expect(done).toBeGreaterThan(seen[0]?.done ?? 0);
    expect(done).toBeLessThanOrEqual(total);
    // Four connections of 1 MiB/s each, and the system's buffers. Not the 10 MiB of the earlier run.
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(9 * MiB);
    expect(left).toBe(Math.ceil((total - done) / rate));
  }
});

describe('after SIGTERM', () => {
  test('it ends with its own status, and the next run continues from there', async () => {
    await using folder = await temporaryFolder();
    const { status, events } = await interrupt(folder.path, 'SIGTERM', 8 * MiB);
    expect(status).toBe(143);
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'stopped', retryable: true });
    const sent = hub.bytesSent();
    const { status: next, events: later } = await finish(folder.path);
    expect(next).toBe(0);
    const done = later[0]?.type === 'progress' ? later[0].done : 0;
    // Only the bytes on the wire are lost.
    expect(done).toBeGreaterThan(sent - 4 * MiB);
    expect(later.at(-1)).toEqual({ type: 'done', bytes: total, fetched: total - done });
  });

  test('it also ends if the signal came before the first request', async () => {
    await using folder = await temporaryFolder();
    const signal = AbortSignal.abort(new PullFailure('stopped', 'Stopped.'));
    const environment = { proxy: {}, tuning: quick };
    const options = { manifest: manifestOf(hub, repo), target: folder.path, environment, onEvent: () => undefined };
    expect(await runPull({ ...options, signal })).toBe(143);
    expect(hub.requests).toEqual([]);
  });
});
