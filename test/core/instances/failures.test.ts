import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { engineRuntime, logOf, startMachine, temporaryFolder, weights } from './support/machine.ts';
import type { Machine } from './support/machine.ts';
import { enginesWith } from './support/processes.ts';

/** A data folder and a Hub that several servers use one after the other, each with another configuration. */
async function place(): Promise<{ hub: Hub; dataDir: string; serve: (file?: object) => Promise<Machine> }> {
  const hub = await startHub();
  const dataDir = await temporaryFolder();
  hub.addRepo('acme/tiny', weights());
  let last: Machine | undefined;
  onTestFinished(async () => {
    await last?.[Symbol.asyncDispose]();
    await hub.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    hub,
    dataDir,
    async serve(file = {}) {
      await last?.[Symbol.asyncDispose]();
      last = undefined;
      last = await startMachine({ dataDir, hub, file: { ...file } });
      return last;
    },
  };
}

const spare = { ...engineRuntime, name: 'spare' };

test('a runtime that left the configuration fails the instance until it is back', async () => {
  const { serve } = await place();
  const first = await serve({ runtimes: [engineRuntime, spare] });
  await first.register('tiny', 'acme/tiny');
  const id = await first.launch('tiny');
  await first.reach(id, 'running');
  const second = await serve({ runtimes: [spare] });
  const failed = await second.reach(id, 'failed');
  expect(failed.regions[0]?.reason).toMatchObject({
    code: 'runtime_gone',
    message: expect.stringContaining('"engine"'),
  });
  const third = await serve({ runtimes: [engineRuntime, spare] });
  await third.reach(id, 'running');
});

test('a restart keeps the runtime, and takes another that fits where it is gone', async () => {
  const { serve } = await place();
  const first = await serve({ runtimes: [engineRuntime, spare] });
  await first.register('tiny', 'acme/tiny');
  const id = await first.launch('tiny', { runtime: 'spare' });
  await first.reach(id, 'running');
  await first.run('restart_instance', { instance: String(id) });
  expect(await first.reach(id, 'running')).toMatchObject({ runtime: 'spare' });
  const second = await serve({ runtimes: [engineRuntime] });
  await second.reach(id, 'failed');
  await second.run('restart_instance', { instance: String(id) });
  expect(await second.reach(id, 'running')).toMatchObject({ runtime: 'engine' });
});

test('a region that left the configuration fails what ran there, and lets it be stopped', async () => {
  const { serve } = await place();
  const east = { name: 'east', kind: 'local' };
  const west = { name: 'west', kind: 'local' };
  const first = await serve({ regions: [east, west] });
  await first.register('tiny', 'acme/tiny');
  const id = await first.launch('tiny', { regions: ['east', 'west'] });
  await first.reach(id, 'running');
  const second = await serve({ regions: [east] });
  const degraded = await second.reach(id, 'degraded');
  await expect
    .poll(async () => (await second.get(id)).regions, { timeout: 20_000 })
    .toMatchObject([
      { region: 'east', state: 'running' },
      { region: 'west', state: 'failed', reason: { code: 'region_gone' } },
    ]);
  expect(degraded.regions).toHaveLength(2);
  await second.run('stop_instance', { instance: String(id) });
  await second.reach(id, 'stopped');
});

test('a command that is not installed is named', async () => {
  const { serve } = await place();
  const machine = await serve({ runtimes: [{ ...engineRuntime, command: ['no-such-engine', 'serve'] }] });
  await machine.register('tiny', 'acme/tiny');
  const failed = await machine.reach(await machine.launch('tiny'), 'failed');
  expect(failed.regions[0]?.reason).toMatchObject({
    code: 'command_not_found',
    message: expect.stringContaining('"no-such-engine"'),
  });
});

test('a command that the system cannot run fails like an engine that ends', async () => {
  const { serve, dataDir } = await place();
  const command = join(dataDir, 'not-a-program');
  await writeFile(command, 'just words\n');
  await chmod(command, 0o755);
  const machine = await serve({ runtimes: [{ ...engineRuntime, command: [command] }] });
  await machine.register('tiny', 'acme/tiny');
  const id = await machine.launch('tiny');
  const failed = await machine.reach(id, 'failed');
  expect(failed.regions[0]?.reason?.code).toBe('engine_exited');
  expect(await logOf(machine, id)).toContain('ENOEXEC');
});

test('actions in the wrong state are refused with the states they are for', async () => {
  const { serve, dataDir } = await place();
  const machine = await serve();
  await machine.register('tiny', 'acme/tiny');
  const instance = String(await machine.launch('tiny'));
  await machine.reach(1, 'running');
  await expect(machine.run('delete_instance', { instance })).rejects.toMatchObject({
    code: 'wrong_state',
    message: expect.stringContaining('failed, stopped'),
  });
  await machine.run('stop_instance', { instance });
  await machine.reach(1, 'stopped');
  for (const [operation, more] of [
    ['stop_instance', {}],
    ['scale_instance', { replicas: 2 }],
  ] as const)
    await expect(machine.run(operation, { instance, ...more })).rejects.toMatchObject({ code: 'wrong_state' });
  await machine.run('delete_instance', { instance });
  await expect(machine.get(1)).rejects.toMatchObject({ code: 'instance_not_found' });
  expect(await enginesWith(dataDir)).toEqual([]);
});

test('two restarts at the same moment are one restart and one conflict, or two', async () => {
  const { serve, dataDir } = await place();
  const machine = await serve();
  await machine.register('tiny', 'acme/tiny');
  const id = await machine.launch('tiny');
  await machine.reach(id, 'running');
  const restarts = await Promise.allSettled(
    Array.from({ length: 5 }, () => machine.run('restart_instance', { instance: String(id) })),
  );
  const refused = restarts.filter((each) => each.status === 'rejected');
  expect(refused.length).toBeLessThan(restarts.length);
  for (const each of refused) expect(each.reason).toMatchObject({ code: 'changed_meanwhile', retryable: true });
  await machine.reach(id, 'running');
  expect(await enginesWith(dataDir)).toHaveLength(1);
});
