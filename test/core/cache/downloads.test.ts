import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KiB } from '../download/pulling.ts';
import { impatient, startMachine, weights } from '../instances/support/machine.ts';
import type { Machine, MachineOptions } from '../instances/support/machine.ts';
import { processesWith } from '../instances/support/processes.ts';
import { defined } from '../../support/defined.ts';

const size = 64 * KiB;
const token = 'hf_abcdefghijkl';

async function machineWith(options: MachineOptions = {}): Promise<Machine> {
  const machine = await startMachine({ pulling: impatient, ...options });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  return machine;
}

describe('a download that cannot succeed fails its instance, and says why', () => {
  test('where the gate was closed after the registration', async () => {
    const machine = await machineWith({ environment: { HF_TOKEN: token } });
    const repo = machine.hub.addRepo('acme/gated', { ...weights(size), gated: 'manual', gate: { alice: 'accepted' } });
    machine.hub.addToken(token);
    await machine.register('gated', 'acme/gated');
    repo.gate.set('alice', 'rejected');
    const instance = await machine.reach(await machine.launch('gated'), 'failed');
    expect(instance.regions[0]?.reason).toMatchObject({
      code: 'gated_rejected',
      message: expect.stringContaining('rejected'),
    });
    expect(JSON.stringify(instance)).not.toContain(token);
  });

  test('where the bytes are not those that the Hub states, and a restart tries again', async () => {
    const machine = await machineWith();
    machine.hub.addRepo('acme/tiny', weights(size));
    await machine.register('tiny', 'acme/tiny');
    machine.hub.faults.add('cdn', { kind: 'flip', at: 100 }, { times: 100 });
    const id = await machine.launch('tiny');
    const instance = await machine.reach(id, 'failed');
    expect(instance.regions[0]?.reason).toMatchObject({
      code: 'checksum_mismatch',
      message: expect.stringContaining('model.gguf'),
    });
    expect(await machine.volumes()).toMatchObject([{ state: 'failed', reason: { code: 'checksum_mismatch' } }]);
    machine.hub.faults.clear();
    await machine.run('restart_instance', { instance: String(id) });
    await machine.reach(id, 'running');
  });

  test('where the commit is gone', async () => {
    const machine = await machineWith();
    machine.hub.addRepo('acme/tiny', weights(size));
    await machine.register('tiny', 'acme/tiny');
    machine.hub.removeRepo('acme/tiny');
    const instance = await machine.reach(await machine.launch('tiny'), 'failed');
    expect(instance.regions[0]?.reason?.code).toBe('repo_not_found');
  });
});

describe('a download that may heal', () => {
  test('is tried again while it says what stands in its way', async () => {
    const machine = await machineWith();
    machine.hub.addRepo('acme/tiny', weights(size));
    await machine.register('tiny', 'acme/tiny');
    machine.hub.faults.status('resolve', 503, { times: 1000 });
    const id = await machine.launch('tiny');
    await expect
      .poll(async () => (await machine.get(id)).regions[0]?.reason?.code, { timeout: 20_000 })
      .toMatch(/^hub_/);
    expect((await machine.get(id)).state).not.toBe('failed');
    machine.hub.faults.clear();
    const instance = await machine.reach(id, 'running');
    expect(instance.regions[0]?.reason).toBeUndefined();
  });

  test('goes on by itself after somebody killed it', async () => {
    const machine = await machineWith();
    machine.hub.addRepo('acme/tiny', weights(size));
    await machine.register('tiny', 'acme/tiny');
    machine.hub.faults.throttle = size / 4;
    const id = await machine.launch('tiny');
    await machine.reach(id, 'downloading');
    const pulls = (await processesWith(machine.dataDir)).filter(({ line }) => line.includes('pull-main'));
    expect(pulls).toHaveLength(1);
    process.kill(defined(pulls[0]).pid, 'SIGKILL');
    machine.hub.faults.throttle = undefined;
    const instance = await machine.reach(id, 'running');
    expect(instance.regions[0]?.reason).toBeUndefined();
  });
});

test('a download that is killed again without having got further waits, says so, and goes on when it can', async () => {
  const machine = await machineWith({ pulling: { ECOLINK_PULL_STALL_MS: '60000' } });
  machine.hub.addRepo('acme/tiny', weights(size));
  await machine.register('tiny', 'acme/tiny');
  machine.hub.resetCounters();
  machine.hub.faults.add('resolve', { kind: 'never-answer' }, { times: 2 });
  await machine.run('prefetch_model', { model: 'tiny' });
  for (const asked of [1, 2]) {
    await expect.poll(() => machine.hub.requestsTo('resolve', 'model.gguf'), { timeout: 20_000 }).toHaveLength(asked);
    const pull = (await processesWith(machine.dataDir)).find(({ line }) => line.includes('pull-main'));
    process.kill(defined(pull).pid, 'SIGKILL');
  }
  const code = async () => (await machine.volumes())[0]?.reason;
  await expect.poll(code, { timeout: 10_000 }).toMatchObject({
    code: 'interrupted',
    message: expect.stringContaining('2 times in a row without any progress'),
  });
  const ready = await machine.reachVolume('ready');
  expect(ready.reason).toBeUndefined();
});

test('the token reaches the download in a file that is gone once it was read', async () => {
  const machine = await machineWith({ environment: { HF_TOKEN: token } });
  machine.hub.addRepo('acme/gated', { ...weights(size), gated: 'manual', gate: { alice: 'accepted' } });
  machine.hub.addToken(token);
  await machine.register('gated', 'acme/gated');
  machine.hub.faults.throttle = size / 8;
  const id = await machine.launch('gated');
  await machine.reach(id, 'downloading');
  const [volume] = await machine.volumes();
  const folder = join(machine.dataDir, 'regions', 'local', 'volumes', defined(volume).volume);
  await expect.poll(() => readdir(folder), { timeout: 5000 }).not.toContain('token');
  expect((await machine.get(id)).state).toBe('downloading');
  for (const { line } of await processesWith(machine.dataDir)) expect(line).not.toContain(token);
  machine.hub.faults.throttle = undefined;
  await machine.reach(id, 'running');
  for (const path of await readdir(join(folder, 'pulls')))
    expect(await readFile(join(folder, 'pulls', path), 'utf8')).not.toContain(token);
});

test('a change of progress does not end a wait for the next state', async () => {
  const machine = await machineWith();
  machine.hub.addRepo('acme/tiny', weights(size));
  await machine.register('tiny', 'acme/tiny');
  machine.hub.faults.throttle = size / 3;
  const id = await machine.launch('tiny');
  await machine.reach(id, 'downloading');
  const next = await machine.get(id, 30);
  expect(next.state).not.toBe('downloading');
  await machine.reach(id, 'running');
});
