import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startMachine, weights } from './support/machine.ts';
import type { Machine, MachineOptions } from './support/machine.ts';
import { enginesWith } from './support/processes.ts';
import { defined } from '../../support/defined.ts';

async function machineWith(options: MachineOptions = {}): Promise<Machine> {
  const machine = await startMachine(options);
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', weights());
  await machine.register('tiny', 'acme/tiny');
  return machine;
}

/** An instance that stays starting until the returned file is written. */
async function starting(machine: Machine): Promise<{ id: number; open: () => Promise<void> }> {
  const path = join(machine.dataDir, 'open');
  const id = await machine.launch('tiny', { arguments: ['--healthy-if', path] });
  await machine.reach(id, 'starting');
  return { id, open: () => writeFile(path, '') };
}

describe('waiting for an instance', () => {
  test('ends at the next change of state, each time, until it is settled', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny');
    const seen = ['pending'];
    while (seen.at(-1) !== 'running') seen.push((await machine.get(id, 30)).state);
    expect(seen.filter((state, index) => state === seen[index - 1])).toEqual([]);
    // A restart or an engine may be quicker than a look, so states may be left out; their order stays.
    const order = ['pending', 'downloading', 'pending', 'starting', 'running'];
    expect(order.join()).toMatch(new RegExp(seen.join('.*')));
  });

  test('answers at once where the state is settled', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    const never = AbortSignal.abort();
    expect(
      await machine.run('get_instance', { instance: String(id), wait_seconds: 30 }, { signal: never }),
    ).toMatchObject({ state: 'running' });
    expect(await machine.get(id, 30)).toMatchObject({ state: 'running' });
  });

  test('goes on through changes that are none of its state', async () => {
    const machine = await machineWith();
    const { id, open } = await starting(machine);
    let ended = false;
    const waiting = machine.get(id, 30).finally(() => {
      ended = true;
    });
    for (let hint = 0; hint < 20; hint++) {
      machine.core.changes.publish({ kind: 'instance', id: String(id) });
      await machine.get(id);
    }
    expect(ended).toBe(false);
    await open();
    expect((await waiting).state).toBe('running');
  });

  test('goes on while one of two regions is on its way, and ends when that region changes', async () => {
    const machine = await machineWith({ reconcile: false });
    const id = await machine.launch('tiny');
    const database = new Sqlite(join(machine.dataDir, 'ecolink.db'), { timeout: 5000 });
    onTestFinished(() => void database.close());
    database.prepare("update instances set state = 'degraded' where id = ?").run(id);
    database.prepare("update instance_regions set state = 'running' where instance_id = ?").run(id);
    database
      .prepare(
        `insert into instance_regions (instance_id, region, state, ready, restarts, urls, updated_at)
         select instance_id, 'us', 'starting', 0, 0, '[]', updated_at from instance_regions where instance_id = ?`,
      )
      .run(id);
    const view = { instance: String(id), wait_seconds: 900 };
    expect(await machine.run('get_instance', view, { signal: AbortSignal.abort() })).toMatchObject({
      state: 'degraded',
      settled: false,
    });
    const waiting = machine.run('get_instance', view);
    database.prepare("update instance_regions set state = 'failed' where region = 'us'").run();
    machine.core.changes.publish({ kind: 'instance', id: String(id) });
    expect(await waiting).toMatchObject({ state: 'degraded', settled: true, failure: { region: 'us' } });
  });

  test('ends when the caller has gone, with the state as it is', async () => {
    const machine = await machineWith();
    const { id } = await starting(machine);
    const caller = new AbortController();
    const waiting = machine.run('get_instance', { instance: String(id), wait_seconds: 30 }, { signal: caller.signal });
    caller.abort();
    expect(await waiting).toMatchObject({ state: 'starting' });
  });

  test('ends when the instance is stopped meanwhile', async () => {
    const machine = await machineWith();
    const { id } = await starting(machine);
    const waiting = machine.get(id, 30);
    await machine.run('stop_instance', { instance: String(id) });
    expect((await waiting).state).toMatch(/^stop/);
  });
});

describe('an instance that was told to stop after a while', () => {
  test.each([
    ['90m', 90 * 60_000],
    ['8h', 8 * 3_600_000],
    ['2d', 2 * 86_400_000],
  ])('says when: %s', async (after, ms) => {
    const machine = await machineWith({ reconcile: false });
    const before = Date.now();
    const { stop_at: at } = await machine.get(await machine.launch('tiny', { stop_after: after }));
    expect(Date.parse(defined(at))).toBeGreaterThanOrEqual(before + ms);
    expect(Date.parse(defined(at))).toBeLessThanOrEqual(Date.now() + ms);
  });

  test('is stopped when its time has come, and a restart gives it the same time anew', async () => {
    const machine = await machineWith();
    const id = await machine.launch('tiny', { stop_after: '1m' });
    await machine.reach(id, 'running');
    const database = new Sqlite(join(machine.dataDir, 'ecolink.db'), { timeout: 5000 });
    database.prepare('update instances set stop_at = ? where id = ?').run(new Date(Date.now() - 1).toISOString(), id);
    database.close();
    const stopped = await machine.reach(id, 'stopped');
    expect(stopped.stop_at).toBeUndefined();
    expect(await enginesWith(machine.dataDir)).toEqual([]);
    await machine.run('restart_instance', { instance: String(id) });
    expect(Date.parse(defined((await machine.get(id)).stop_at))).toBeGreaterThan(Date.now());
  });

  test('cannot be told to after more than a year', async () => {
    const machine = await machineWith({ reconcile: false });
    await expect(machine.launch('tiny', { stop_after: '366d' })).rejects.toMatchObject({ code: 'stop_after_too_long' });
    await expect(machine.launch('tiny', { stop_after: `${'9'.repeat(30)}d` })).rejects.toMatchObject({
      code: 'stop_after_too_long',
    });
  });
});
