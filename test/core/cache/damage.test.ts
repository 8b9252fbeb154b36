import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KiB } from '../download/pulling.ts';
import { startMachine, weights } from '../instances/support/machine.ts';
import type { Machine } from '../instances/support/machine.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { defined } from '../../support/defined.ts';

const size = 64 * KiB;

async function machineWith(): Promise<Machine> {
  const machine = await startMachine();
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', { files: { ...weights(size).files, 'config.json': '{}' } });
  await machine.register('tiny', 'acme/tiny');
  return machine;
}

async function pathOf(machine: Machine): Promise<string> {
  const [volume] = await machine.volumes();
  return join(machine.dataDir, 'regions', 'local', 'volumes', defined(volume).volume, 'tree', 'model.gguf');
}

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 1000);
  await file.write(Buffer.from([defined(buffer[0]) ^ 1]), 0, 1, 1000);
  await file.close();
}

test('a byte that was flipped on the disk is found, and the next launch fetches that file and no other', async () => {
  const machine = await machineWith();
  await machine.run('prefetch_model', { model: 'tiny' });
  await machine.reachVolume('ready');
  expect(await machine.volumes({ verify: true })).toMatchObject([{ state: 'ready', verified: true }]);
  expect(defined((await machine.volumes())[0])['verified']).toBeUndefined();
  const path = await pathOf(machine);
  await flipByte(path);
  const [damaged] = await machine.volumes({ verify: true });
  expect(defined(damaged)['verified']).toBeUndefined();
  expect(damaged).toMatchObject({
    state: 'damaged',
    reason: { code: 'checksum_mismatch', message: expect.stringContaining('model.gguf') },
  });
  const plan = await machine.run('plan_launch', { model: 'tiny' });
  expect(plan['regions']).toMatchObject([{ volume: { state: 'miss' } }]);
  machine.hub.resetCounters();
  await machine.reach(await machine.launch('tiny'), 'running');
  expect(await readFile(path)).toEqual(bytesOf({ size, seed: 1 }));
  expect(machine.hub.bytesSent()).toBe(size);
  expect(await machine.volumes({ verify: true })).toMatchObject([{ state: 'ready' }]);
});

test('damage under a running instance is repaired without ending it', async () => {
  const machine = await machineWith();
  const id = await machine.launch('tiny');
  await machine.reach(id, 'running');
  const path = await pathOf(machine);
  await flipByte(path);
  // The repair may have begun before the list was read.
  const state = expect.stringMatching(/^(?:damaged|queued|downloading)$/);
  expect(await machine.volumes({ verify: true })).toMatchObject([{ state, in_use_by: [id] }]);
  await machine.reachVolume('ready');
  const instance = await machine.reach(id, 'running');
  expect(instance.regions[0]).toMatchObject({ ready: 1, restarts: 0 });
  expect(await readFile(path)).toEqual(bytesOf({ size, seed: 1 }));
});

test('damage under a stopped instance is repaired by its restart', async () => {
  const machine = await machineWith();
  const id = await machine.launch('tiny');
  await machine.reach(id, 'running');
  await machine.run('stop_instance', { instance: String(id) });
  await machine.reach(id, 'stopped');
  const path = await pathOf(machine);
  await flipByte(path);
  expect(await machine.volumes({ verify: true })).toMatchObject([{ state: 'damaged' }]);
  expect(await machine.volumes({ verify: true })).toMatchObject([
    { state: 'damaged', reason: { message: expect.stringContaining('model.gguf') } },
  ]);
  await machine.run('restart_instance', { instance: String(id) });
  await machine.reach(id, 'running');
  expect(await readFile(path)).toEqual(bytesOf({ size, seed: 1 }));
});
