import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defined } from '../../../support/defined.ts';
import { askEngine, engineRuntime, logOf, startMachine, urlsOf, weights } from '../../instances/support/machine.ts';
import type { Machine } from '../../instances/support/machine.ts';
import { enginesWith, processesWith } from '../../instances/support/processes.ts';

async function machineWith(options: Parameters<typeof startMachine>[0] = {}): Promise<Machine> {
  const machine = await startMachine(options);
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', weights());
  machine.hub.addRepo('acme/other', weights(32 * 1024, 2));
  await machine.register('tiny', 'acme/tiny');
  return machine;
}

async function askAll(machine: Machine, id: number) {
  return Promise.all((await urlsOf(machine, id)).map(askEngine));
}

describe('the process of a replica', () => {
  const secrets = {
    HF_TOKEN: 'hf_abcdefghijkl',
    SLACK_BOT_TOKEN: 'xoxb-1-2',
    DATABASE_PASSWORD: 'p-4711',
    HTTPS_PROXY: 'http://me:p-4712@127.0.0.1:9',
  };
  const runtime = { ...engineRuntime, environment: { KEEP_ALIVE: '5m' } };
  let machine: Machine;
  let id: number;

  beforeAll(async () => {
    machine = await startMachine({ environment: { ...secrets, TZ: 'UTC' }, file: { runtimes: [runtime] } });
    machine.hub.addToken(secrets.HF_TOKEN);
    machine.hub.addRepo('acme/tiny', weights());
    await machine.register('tiny', 'acme/tiny');
    id = await machine.launch('tiny', { arguments: ['--tag', 'a $(id)'] });
    await machine.reach(id, 'running');
  });

  afterAll(() => machine[Symbol.asyncDispose]());

  test('leads a session and a process group of its own', async () => {
    const [engine] = await askAll(machine, id);
    const { stdout } = await ps(defined(engine).pid);
    const [pid, group, session] = stdout.trim().split(/\s+/).map(Number);
    expect({ pid, group, session }).toEqual({ pid, group: pid, session: pid });
  });

  test('gets the listed environment and that of its runtime, and no secret of the server', async () => {
    const line = (await logOf(machine, id)).split('\n').find((each) => each.startsWith('environment ')) ?? '';
    const environment = z.record(z.string(), z.string()).parse(JSON.parse(line.slice('environment '.length)));
    const listed = ['HF_HUB_OFFLINE', 'HOME', 'KEEP_ALIVE', 'PATH', 'TMPDIR', 'TRANSFORMERS_OFFLINE', 'TZ'];
    expect(Object.keys(environment).toSorted()).toEqual(listed);
    for (const { line: words } of await processesWith(machine.dataDir))
      for (const secret of Object.values(secrets)) expect(words).not.toContain(secret);
  });

  test('gets its model, its port and its name, and then the arguments of the launch, which no shell interprets', async () => {
    const [engine] = await askAll(machine, id);
    expect(engine).toMatchObject({ name: `tiny:${id}` });
    expect(engine?.model).toMatch(
      new RegExp(`^${machine.dataDir}/regions/local/volumes/v-[0-9a-f]{20}/tree/model.gguf$`),
    );
    const [process] = await processesWith(machine.dataDir);
    expect(process?.line).toContain(`--port ${engine?.port} --tag a $(id)`);
  });
});

describe('a replica of the local region', () => {
  test('has a port of its own, before and after scaling', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny', { replicas: 2 });
    await machine.reach(id, 'running');
    const two = await askAll(machine, id);
    expect(new Set(two.map(({ port }) => port)).size).toBe(2);
    await machine.run('scale_instance', { instance: String(id), replicas: 3 });
    await expect.poll(async () => (await machine.get(id)).ready, { timeout: 20_000 }).toBe(3);
    await machine.run('scale_instance', { instance: String(id), replicas: 1 });
    await expect.poll(() => urlsOf(machine, id), { timeout: 20_000 }).toHaveLength(1);
    await expect.poll(() => enginesWith(machine.dataDir), { timeout: 20_000 }).toHaveLength(1);
    const [left] = await askAll(machine, id);
    expect(two.map(({ pid }) => pid)).toContain(left?.pid);
    expect(await machine.get(id)).toMatchObject({ state: 'running', ready: 1, replicas: 1 });
  });

  test('is another process after a restart, and the instance runs only when the new process does', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    const [before] = await askAll(machine, id);
    const restarted = await machine.run('restart_instance', { instance: String(id) });
    expect(restarted).toMatchObject({ model_id: `tiny:${id}`, state: 'pending' });
    await machine.reach(id, 'running');
    const [after] = await askAll(machine, id);
    expect(after?.pid).not.toBe(before?.pid);
    expect(await enginesWith(machine.dataDir)).toEqual([after?.pid]);
  });

  test('keeps its model id when the instance moves to another model', async () => {
    const machine = await machineWith();
    await machine.register('other', 'acme/other');
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    const [before] = await askAll(machine, id);
    const receipt = await machine.run('restart_instance', { instance: String(id), model: 'other' });
    expect(receipt).toMatchObject({ model_id: `tiny:${id}` });
    const instance = await machine.reach(id, 'running');
    expect(instance).toMatchObject({ model_id: `tiny:${id}`, model: 'other' });
    const [after] = await askAll(machine, id);
    expect(after).toMatchObject({ name: `tiny:${id}` });
    expect(after?.model).not.toBe(before?.model);
  });
});

describe('an engine that ends by itself', () => {
  test('is started again after a pause, with its last output as the reason, and the instance fails after some crashes', async () => {
    const machine = await machineWith();
    const curse = join(machine.dataDir, 'curse');
    await writeFile(curse, '');
    const id = await machine.launch('tiny', { arguments: ['--crash-if', curse] });
    const failed = await machine.reach(id, 'failed');
    const [region] = failed.regions;
    expect(region?.restarts).toBeGreaterThanOrEqual(3);
    expect(region?.reason?.code).toBe('engine_exited');
    expect(region?.reason?.message).toContain('exit status 3');
    expect(region?.reason?.message).toContain('the weights are cursed');
    expect(await logOf(machine, id)).toContain('the weights are cursed');
  });

  test('starts at once after a restart with another model, whatever its back-off was', async () => {
    const machine = await machineWith();
    await machine.register('other', 'acme/other');
    const curse = join(machine.dataDir, 'curse');
    await writeFile(curse, '');
    const id = await machine.launch('tiny', { arguments: ['--crash-if', curse] });
    await machine.reach(id, 'failed');
    await rm(curse);
    await machine.run('restart_instance', { instance: String(id), model: 'other' });
    const seen = new Set<string>();
    await expect
      .poll(
        async () => {
          const { state } = await machine.get(id);
          seen.add(state);
          return state;
        },
        { timeout: 30_000, interval: 20 },
      )
      .toBe('running');
    expect(seen).not.toContain('failed');
  });

  test('is started again after somebody killed it', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    const [before] = await askAll(machine, id);
    process.kill(defined(before).pid, 'SIGKILL');
    await expect.poll(async () => (await machine.get(id)).regions[0]?.restarts, { timeout: 20_000 }).toBe(1);
    await machine.reach(id, 'running');
    const [after] = await askAll(machine, id);
    expect(after?.pid).not.toBe(before?.pid);
    expect(await enginesWith(machine.dataDir)).toEqual([after?.pid]);
  });
});

function ps(pid: number): Promise<{ stdout: string }> {
  return promisify(execFile)('ps', ['-o', 'pid=,pgid=,sess=', '-p', String(pid)]);
}
