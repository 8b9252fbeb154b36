import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { MiB } from '../download/pulling.ts';
import { temporaryFolder, weights, writeConfig } from './support/machine.ts';
import { enginesWith, killAllOf, processesWith } from './support/processes.ts';
import { startServer } from './support/server.ts';
import type { ServerProcess } from './support/server.ts';
import { defined } from '../../support/defined.ts';

const size = 2 * MiB;
const slow = size / 4;

let hub: Hub;
let dataDir: string;
let alive: ServerProcess | undefined;

beforeEach(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', weights(size));
  dataDir = await temporaryFolder();
  alive = undefined;
  await writeConfig(dataDir, hub.endpoint);
  onTestFinished(async () => {
    await alive?.end('SIGKILL');
    await killAllOf(dataDir);
    await hub.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
});

/** A server that works, in place of the one before. */
async function serve(environment: Record<string, string> = {}): Promise<ServerProcess> {
  alive = startServer(dataDir, hub.endpoint, environment);
  expect(await alive.first).toEqual({ type: 'ready' });
  return alive;
}

async function kill(): Promise<void> {
  await alive?.end('SIGKILL');
  alive = undefined;
}

/** The first server's work: an entry, and a launch of it that has only just been accepted. */
async function accept(more: object = {}): Promise<ServerProcess> {
  const server = await serve();
  await server.register('tiny', 'acme/tiny');
  hub.resetCounters();
  expect(await server.launch('tiny', more)).toBe(1);
  return server;
}

function soon(condition: () => boolean | Promise<boolean>): Promise<void> {
  return expect.poll(condition, { timeout: 30_000, interval: 2 }).toBe(true);
}

const volumes = (): string => join(dataDir, 'regions', 'local', 'volumes');
const replica = (): string => join(dataDir, 'regions', 'local', 'instances', '1', '0');

async function inVolume(path: string): Promise<boolean> {
  const keys = await readdir(volumes()).catch((): string[] => []);
  return keys.some((key) => existsSync(join(volumes(), key, path)));
}

describe('a server that is killed', () => {
  test('at every step from the launch to its answer comes back to one engine and one download', async () => {
    const open = join(dataDir, 'open');
    hub.faults.throttle = slow;
    await accept({ arguments: ['--healthy-if', open] });
    await kill();
    const moments: (() => boolean | Promise<boolean>)[] = [
      () => inVolume('manifest.json'),
      () => inVolume('process.json'),
      () => hub.bytesSent() > 0,
      () => hub.bytesSent() > size / 2,
      () => inVolume('tree/.ecolink/complete.json'),
      () => existsSync(replica()),
      () => existsSync(join(replica(), 'process.json')),
      async () => (await enginesWith(dataDir)).length > 0,
    ];
    for (const moment of moments) {
      await serve();
      await soon(moment);
      await kill();
    }
    await writeFile(open, '');
    const server = await serve();
    const instance = await server.reach(1, 'running');
    expect(instance.regions[0]).toMatchObject({ ready: 1, restarts: 0 });
    await expect.poll(async () => (await processesWith(dataDir)).length, { timeout: 10_000 }).toBe(1);
    expect(await enginesWith(dataDir)).toHaveLength(1);
    expect(hub.bytesSent()).toBe(size);
    expect(await server.volumes({ verify: true })).toMatchObject([{ state: 'ready', in_use_by: [1] }]);
  });

  test('while instances run finds them running, the same processes, and looks after them as before', async () => {
    const first = await accept({ replicas: 2 });
    await first.reach(1, 'running');
    const before = await enginesWith(dataDir);
    expect(before).toHaveLength(2);
    await kill();
    expect(await enginesWith(dataDir)).toEqual(before);
    const second = await serve();
    const instance = await second.reach(1, 'running');
    expect(instance.regions[0]).toMatchObject({ ready: 2, restarts: 0 });
    expect(await enginesWith(dataDir)).toEqual(before);
    process.kill(defined(before[0]), 'SIGKILL');
    await expect.poll(async () => (await second.get(1)).regions[0]?.restarts, { timeout: 20_000 }).toBe(1);
    await second.reach(1, 'running');
    expect(await enginesWith(dataDir)).toHaveLength(2);
  });

  test('together with all that it had started never takes half a volume for a whole one', async () => {
    hub.faults.throttle = slow;
    await accept();
    await soon(() => hub.bytesSent() > size / 4);
    await kill();
    await killAllOf(dataDir);
    const sent = hub.bytesSent();
    const server = await serve();
    expect((await server.volumes())[0]?.state).not.toBe('ready');
    await soon(() => hub.bytesSent() > sent);
    expect(await enginesWith(dataDir)).toEqual([]);
    hub.faults.throttle = undefined;
    await server.reach(1, 'running');
    expect(await server.volumes({ verify: true })).toMatchObject([{ state: 'ready' }]);
    // What was in flight is all that may come twice.
    expect(hub.bytesSent()).toBeLessThanOrEqual(size + sent + slow);
  });

  test('right after a stop or a delete was accepted carries it out when it is back', async () => {
    const first = await accept();
    await first.reach(1, 'running');
    expect(await first.run('stop_instance', { instance: '1' })).toMatchObject({ state: 'stopping' });
    await kill();
    const second = await serve();
    await second.reach(1, 'stopped');
    expect(await processesWith(dataDir)).toEqual([]);
    await second.run('delete_instance', { instance: '1' });
    await kill();
    const third = await serve();
    await soon(() => !existsSync(join(dataDir, 'regions', 'local', 'instances', '1')));
    await expect(third.get(1)).rejects.toThrow('instance_not_found');
  });
});

test('a download that outlives its server leaves no token on the disk', async () => {
  const environment = { HF_TOKEN: 'hf_abcdefghijkl' };
  hub.addToken(environment.HF_TOKEN);
  hub.addRepo('acme/gated', { ...weights(size), gated: 'manual', gate: { alice: 'accepted' } });
  const first = await serve(environment);
  await first.register('gated', 'acme/gated');
  hub.faults.throttle = slow;
  await first.run('prefetch_model', { model: 'gated' });
  await soon(() => inVolume('tree/.ecolink'));
  await kill();
  await soon(async () => !(await inVolume('token')));
  const second = await serve(environment);
  await second.reachVolume('downloading');
  hub.faults.throttle = undefined;
  await second.reachVolume('ready');
  expect(await inVolume('token')).toBe(false);
});

describe('a server that is asked to end', () => {
  test('ends its engines, and they run again with the next one, which leaves none either if it ends at once', async () => {
    const first = await accept();
    await first.reach(1, 'running');
    await first.end('SIGTERM');
    expect(await processesWith(dataDir)).toEqual([]);
    const second = await serve();
    const instance = await second.reach(1, 'running');
    expect(instance.regions[0]).toMatchObject({ restarts: 0 });
    expect(hub.bytesSent()).toBe(size);
    await kill();
    const third = await serve();
    await third.end('SIGTERM');
    expect(await processesWith(dataDir)).toEqual([]);
  });

  test('ends its downloads in good order, and the next one goes on without counting a failure', async () => {
    hub.faults.throttle = slow;
    const first = await accept();
    await soon(() => hub.bytesSent() > size / 4);
    await first.end('SIGTERM');
    expect(await processesWith(dataDir)).toEqual([]);
    hub.faults.throttle = undefined;
    const second = await serve();
    const seen: unknown[] = [];
    await expect
      .poll(
        async () => {
          const { state, regions } = await second.get(1);
          if (regions[0]?.reason) seen.push(regions[0].reason);
          return state;
        },
        { timeout: 30_000, interval: 20 },
      )
      .toBe('running');
    expect(seen).toEqual([]);
  });
});

test('a second server on the same folder refuses, and the first and its engines do not notice', async () => {
  const first = await accept();
  await first.reach(1, 'running');
  const before = await enginesWith(dataDir);
  const second = startServer(dataDir, hub.endpoint);
  expect(await second.first).toMatchObject({ type: 'refused', code: 'folder_in_use' });
  await second.end('SIGTERM');
  expect(await first.get(1)).toMatchObject({ state: 'running' });
  expect(await enginesWith(dataDir)).toEqual(before);
});
