import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KiB } from '../download/pulling.ts';
import { startMachine, weights } from '../instances/support/machine.ts';
import type { Machine, MachineOptions } from '../instances/support/machine.ts';
import { processesWith } from '../instances/support/processes.ts';
import { defined } from '../../support/defined.ts';
import { z } from 'zod';

const size = 64 * KiB;

async function machineWith(options: MachineOptions = {}): Promise<Machine> {
  const machine = await startMachine(options);
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', weights(size));
  await machine.register('tiny', 'acme/tiny');
  machine.hub.resetCounters();
  return machine;
}

const twoRegions = {
  file: {
    default_regions: 2,
    regions: [
      { name: 'east', kind: 'local' },
      { name: 'west', kind: 'local' },
    ],
  },
};

const planRegions = z.array(
  z.object({ region: z.string(), volume: z.object({ state: z.string(), bytes_to_fetch: z.number() }) }),
);

async function planned(machine: Machine, model = 'tiny', more: object = {}) {
  const plan = await machine.run('plan_launch', { model, ...more });
  return planRegions.parse(plan['regions']).map(({ region, volume }) => ({ region, ...volume }));
}

function hits(machine: Machine) {
  return { fetched: machine.hub.bytesSent(), requests: machine.hub.requestsTo('cdn').length };
}

describe('weights are fetched once', () => {
  test('for two instances of one entry', async () => {
    const machine = await machineWith();
    expect(await planned(machine)).toEqual([{ region: 'local', state: 'miss', bytes_to_fetch: size }]);
    await machine.reach(await machine.launch('tiny'), 'running');
    expect(await planned(machine)).toEqual([{ region: 'local', state: 'hit', bytes_to_fetch: 0 }]);
    await machine.reach(await machine.launch('tiny'), 'running');
    expect(hits(machine)).toEqual({ fetched: size, requests: 1 });
    expect(await machine.volumes()).toMatchObject([{ in_use_by: [1, 2], state: 'ready', bytes: size }]);
  });

  test('for ten launches at the same moment, which are ten instances', async () => {
    const machine = await machineWith();
    machine.hub.faults.latency = 100;
    const ids = await Promise.all(Array.from({ length: 10 }, () => machine.launch('tiny')));
    expect(new Set(ids).size).toBe(10);
    for (const id of ids) await machine.reach(id, 'running');
    expect(hits(machine)).toEqual({ fetched: size, requests: 1 });
  });

  test('for a launch that comes while another one downloads, and says that it joins', async () => {
    const machine = await machineWith();
    machine.hub.faults.throttle = size;
    const first = await machine.launch('tiny');
    await machine.reach(first, 'downloading');
    expect(await planned(machine)).toMatchObject([{ state: 'joining' }]);
    const second = await machine.launch('tiny');
    machine.hub.faults.throttle = undefined;
    await machine.reach(first, 'running');
    await machine.reach(second, 'running');
    expect(hits(machine)).toEqual({ fetched: size, requests: 1 });
  });

  test('for another entry of the same commit and files, though not for one of other files', async () => {
    const machine = await machineWith();
    machine.hub.push('acme/tiny', { 'other.gguf': { size: 1000, seed: 9 } });
    await machine.reach(await machine.launch('tiny'), 'running');
    const [volume] = await machine.volumes();
    const { commit } = await machine.run('get_model', { model: 'tiny' });
    await machine.register('same', 'acme/tiny', { revision: commit, include: ['model.gguf'] });
    await machine.register('less', 'acme/tiny', { include: ['other.gguf'] });
    expect(await planned(machine, 'same')).toMatchObject([{ state: 'hit' }]);
    expect(await planned(machine, 'less')).toMatchObject([{ state: 'miss', bytes_to_fetch: 1000 }]);
    machine.hub.resetCounters();
    await machine.reach(await machine.launch('same'), 'running');
    expect(hits(machine)).toEqual({ fetched: 0, requests: 0 });
    expect(await machine.volumes()).toMatchObject([{ volume: volume?.volume, in_use_by: [1, 2] }]);
  });

  test('in every region that runs it, each into its own folder', async () => {
    const machine = await machineWith(twoRegions);
    const id = await machine.launch('tiny');
    const instance = await machine.reach(id, 'running');
    expect(instance.regions).toMatchObject([
      { region: 'east', state: 'running', ready: 1 },
      { region: 'west', state: 'running', ready: 1 },
    ]);
    expect(hits(machine)).toEqual({ fetched: 2 * size, requests: 2 });
    const volumes = await machine.volumes();
    expect(new Set(volumes.map(({ volume }) => volume)).size).toBe(2);
    for (const { region, volume } of volumes)
      expect(await readdir(join(machine.dataDir, 'regions', region, 'volumes'))).toContain(volume);
    expect(await machine.volumes({ region: 'west' })).toHaveLength(1);
  });

  test('ahead of a launch, which then finds them there', async () => {
    const machine = await machineWith(twoRegions);
    const receipt = await machine.run('prefetch_model', { model: 'tiny', regions: ['west'] });
    expect(receipt).toMatchObject({ state: 'queued', volumes: [{ region: 'west', state: 'queued' }] });
    await machine.reachVolume('ready');
    expect(await planned(machine)).toEqual([
      { region: 'east', state: 'miss', bytes_to_fetch: size },
      { region: 'west', state: 'hit', bytes_to_fetch: 0 },
    ]);
    expect(await machine.run('prefetch_model', { model: 'tiny', regions: ['west'] })).toMatchObject({ state: 'ready' });
    machine.hub.resetCounters();
    await machine.reach(await machine.launch('tiny', { regions: ['west'] }), 'running');
    expect(machine.hub.bytesSent()).toBe(0);
  });
});

describe('weights are evicted', () => {
  test('only when no instance uses them, and the answer says how much went', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    await expect(machine.run('evict_cache', { model: 'tiny' })).rejects.toMatchObject({
      code: 'volume_in_use',
      message: expect.stringContaining(`instance ${id}`),
    });
    await machine.reach(id, 'running');
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    const evicted = await machine.run('evict_cache', { model: 'tiny' });
    expect(evicted).toMatchObject({ state: 'evicted', volumes: [expect.stringMatching(/^v-/)] });
    expect(evicted['freed_bytes']).toBeGreaterThanOrEqual(size);
    expect(await machine.volumes()).toEqual([]);
    const folder = join(machine.dataDir, 'regions', 'local', 'volumes');
    expect((await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.gguf'))).toEqual([]);
    await expect(machine.run('evict_cache', { model: 'tiny' })).rejects.toMatchObject({ code: 'volume_not_found' });
  });

  test('not while they are being fetched', async () => {
    const machine = await machineWith();
    machine.hub.faults.throttle = size / 8;
    await machine.run('prefetch_model', { model: 'tiny' });
    await machine.reachVolume('downloading');
    await expect(machine.run('evict_cache', { model: 'tiny' })).rejects.toMatchObject({ code: 'volume_in_use' });
    machine.hub.faults.throttle = undefined;
    await machine.reachVolume('ready');
  });

  test('and fetched anew for a stopped instance that is restarted', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    await machine.run('evict_cache', { model: 'tiny' });
    await machine.run('restart_instance', { instance: String(id) });
    await machine.reach(id, 'running');
    expect(hits(machine)).toEqual({ fetched: 2 * size, requests: 2 });
  });

  test('while launches of the same model come in, and every one of them runs in the end', async () => {
    const machine = await machineWith();
    for (let round = 0; round < 4; round++) {
      await machine.run('prefetch_model', { model: 'tiny' });
      await machine.reachVolume('ready');
      const [, id] = await Promise.all([
        machine.run('evict_cache', { model: 'tiny' }).catch((thrown: unknown) => {
          expect(thrown).toMatchObject({ code: expect.stringMatching(/^volume_/) });
        }),
        machine.launch('tiny'),
      ]);
      await machine.reach(id, 'running');
      await machine.run('stop_instance', { instance: String(id) });
      await machine.reach(id, 'stopped');
    }
  });

  test('when a stopped launch left only a part of them', async () => {
    const machine = await machineWith();
    machine.hub.faults.throttle = size / 8;
    const id = await machine.launch('tiny');
    await machine.reach(id, 'downloading');
    await expect.poll(() => machine.hub.bytesSent(), { timeout: 10_000 }).toBeGreaterThan(0);
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    const left = await machine.reachVolume('partial');
    expect(await processesWith(machine.dataDir)).toEqual([]);
    const folder = join(machine.dataDir, 'regions', 'local', 'volumes');
    const held = await blocksOf(join(folder, left.volume, 'tree'));
    expect(held).toBeGreaterThan(0);
    const evicted = await machine.run('evict_cache', { volume: left.volume });
    expect(evicted).toMatchObject({ state: 'evicted', freed_bytes: held });
    expect(await readdir(folder)).not.toContain(left.volume);
  });
});

/** What a folder takes on the disk. */
async function blocksOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).blocks * 512));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

describe('what a stopped instance needs', () => {
  async function stopped(machine: Machine): Promise<number> {
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    return id;
  }

  test('is fetched again at its restart where somebody deleted the tree by hand', async () => {
    const machine = await machineWith();
    const id = await stopped(machine);
    const [volume] = await machine.volumes();
    const folder = join(machine.dataDir, 'regions', 'local', 'volumes', defined(volume).volume);
    await rm(join(folder, 'tree'), { recursive: true });
    expect(await planned(machine)).toMatchObject([{ state: 'miss' }]);
    await machine.run('restart_instance', { instance: String(id) });
    await machine.reach(id, 'running');
    expect(hits(machine)).toEqual({ fetched: 2 * size, requests: 2 });
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    await rm(folder, { recursive: true });
    await machine.run('restart_instance', { instance: String(id) });
    await machine.reach(id, 'running');
    expect(hits(machine)).toEqual({ fetched: 3 * size, requests: 3 });
  });

  test('does not keep its entry from being deleted, and is known after it', async () => {
    const machine = await machineWith();
    const running = await machine.launch('tiny');
    await machine.reach(running, 'running');
    await expect(machine.run('delete_model', { model: 'tiny' })).rejects.toMatchObject({ code: 'model_in_use' });
    await machine.run('stop_instance', { instance: String(running) });
    await machine.reach(running, 'stopped');
    const [volume] = await machine.volumes();
    await machine.run('delete_model', { model: 'tiny' });
    await machine.run('evict_cache', { volume: volume?.volume });
    await machine.run('restart_instance', { instance: String(running) });
    const instance = await machine.reach(running, 'running');
    expect(instance).toMatchObject({ model_id: `tiny:${running}`, model: 'tiny' });
    expect(hits(machine)).toEqual({ fetched: 2 * size, requests: 2 });
  });
});
