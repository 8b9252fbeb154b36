import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localRegion } from '../../../../src/core/config/local-region.ts';
import { DevicePool } from '../../../../src/core/regions/local/devices.ts';
import { logOf, startMachine, weights } from '../../instances/support/machine.ts';
import type { Machine } from '../../instances/support/machine.ts';

const accelerators = (...list: object[]) =>
  localRegion.parse({ name: 'local', kind: 'local', accelerators: list }).accelerators;

async function pool(list = accelerators({ name: 'gpu', devices: [0, 1, 2] }), records: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-devices-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [replica, devices] of Object.entries(records)) {
    const place = join(folder, replica.replace('-', '/'));
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'process.json'), JSON.stringify({ pid: 1, start_time: 'x', note: { devices } }));
  }
  return new DevicePool(list, folder);
}

const one = { accelerator: 'gpu', count: 1 };
const seen = async (taken: ReturnType<DevicePool['take']>) => (await taken).environment['CUDA_VISIBLE_DEVICES'];

test('each replica has devices of its own, also if several start at the same time', async () => {
  const devices = await pool();
  const taken = await Promise.all(['1-0', '1-1', '2-0'].map((replica) => seen(devices.take(replica, one))));
  expect(taken.toSorted()).toEqual(['0', '1', '2']);
  expect(await devices.count()).toEqual([{ name: 'gpu', total: 3, free: 0 }]);
});

test('a replica waits if too few are free, and gets those that another leaves', async () => {
  const devices = await pool();
  await devices.take('1-0', { ...one, count: 2 });
  await expect(devices.take('2-0', { ...one, count: 2 })).rejects.toMatchObject({ code: 'no_accelerator_free' });
  devices.release('1-0');
  expect(await seen(devices.take('2-0', { ...one, count: 2 }))).toBe('0,1');
});

test('replicas of an earlier server keep theirs', async () => {
  const devices = await pool(undefined, { '4-0': '0,2' });
  expect(await seen(devices.take('5-0', one))).toBe('1');
  devices.release('4-0');
  expect(await devices.count()).toMatchObject([{ free: 2 }]);
});

test('a replica without an accelerator sees none, and every replica sees all if no devices are named', async () => {
  const devices = await pool();
  expect(await seen(devices.take('1-0', undefined))).toBe('');
  const unnamed = await pool(accelerators({ name: 'gpu', total: 2 }));
  expect((await unnamed.take('1-0', one)).environment).toEqual({});
});

test('the variable may be another, and no device belongs to two accelerators', async () => {
  const amd = await pool(accelerators({ name: 'gpu', devices: ['GPU-a1'], devices_variable: 'HIP_VISIBLE_DEVICES' }));
  expect((await amd.take('1-0', one)).environment).toEqual({ HIP_VISIBLE_DEVICES: 'GPU-a1' });
  expect(() => accelerators({ name: 'a', devices: [0] }, { name: 'b', devices: ['0'] })).toThrow(/listed twice/);
});

async function machineWith(region: object): Promise<Machine> {
  const regions = [{ name: 'local', kind: 'local', sandbox: 'off', ...region }];
  const machine = await startMachine({ file: { regions } });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', weights());
  await machine.register('tiny', 'acme/tiny');
  return machine;
}

test('the engines of an instance see different devices, and one more instance waits for its own', async () => {
  const machine = await machineWith({ accelerators: [{ name: 'gpu', devices: [4, 5] }] });
  const id = await machine.launch('tiny', { accelerator: 'gpu', replicas: 2 });
  await machine.reach(id, 'running');
  const shown = [...(await logOf(machine, id)).matchAll(/"CUDA_VISIBLE_DEVICES":"(\d)"/g)].map(([, device]) => device);
  expect(shown.toSorted()).toEqual(['4', '5']);
  const other = await machine.launch('tiny', { accelerator: 'gpu' });
  const reason = async () => (await machine.get(other)).regions[0]?.reason?.code;
  await expect.poll(reason).toBe('no_accelerator_free');
  await machine.run('stop_instance', { instance: String(id) });
  await machine.reach(other, 'running');
  await expect(machine.launch('tiny', { accelerator: 'gpu', replicas: 3 })).rejects.toMatchObject({
    code: 'not_enough_accelerators',
  });
});
