import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/core/base/clock.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import { endRecorded, presenceOf, startRecorded } from '../../../../src/core/regions/local/recorded-process.ts';
import { LocalWorkloads } from '../../../../src/core/regions/local/workloads.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import type { FakeClock } from '../../../support/fake-clock.ts';
import { engineScript, temporaryFolder } from '../../instances/support/machine.ts';

const dayMs = 86_400_000;
/** Far longer than what the tests wait for, far shorter than a day. */
const patienceMs = 600_000;

/** Moves the clock on whenever something waits for it. Child processes do their work in between. */
async function advanceUntil(clock: FakeClock, condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    if (clock.waiting() > 0) await clock.advance(10);
    else await turn();
  }
}

async function folderOfTest(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

test('a replica that crashed is started again after its pause though the wall clock was set back a day', async () => {
  const clock = createFakeClock();
  const workloads = new LocalWorkloads({
    folder: await folderOfTest(),
    log: createLog({ level: 'silent', pretty: false }),
    clock,
    specOf: () => ({
      hash: 'a',
      command: process.execPath,
      arguments: () => ['--eval', 'process.exit(3)'],
      environment: {},
      health: '/health',
      graceMs: 300,
    }),
    changed: () => {},
  });
  onTestFinished(() => workloads.close());
  await workloads.apply({
    instance: 1,
    replicas: 1,
    location: { kind: 'volume', volume: 'v' },
    servedName: 'a:1',
    runtime: 'engine',
    arguments: [],
    generation: 1,
  });
  const restarts = async () => (await workloads.observe(1))[0]?.restarts ?? 0;
  await advanceUntil(clock, async () => (await restarts()) === 1);
  const crashedAt = clock.elapsedMs();
  clock.shiftWallClock(-dayMs);
  await advanceUntil(clock, async () => (await restarts()) === 2 || clock.elapsedMs() > crashedAt + patienceMs);
  expect(await restarts()).toBe(2);
});

test('a process that ignores TERM is killed at the end of its grace period though the wall clock was set back a day', async () => {
  const folder = await folderOfTest();
  const record = join(folder, 'process.json');
  await startRecorded(systemClock, {
    record,
    note: {},
    command: process.execPath,
    arguments: [engineScript, '--stubborn'],
    environment: {},
    folder,
    outputFile: join(folder, 'engine.log'),
    errorFile: join(folder, 'engine.log'),
    onExit: () => {},
  });
  onTestFinished(() => endRecorded(systemClock, record, 0));
  await expect.poll(() => readFile(join(folder, 'engine.log'), 'utf8')).toContain('ready');
  const clock = createFakeClock();
  let ended = false;
  void endRecorded(clock, record, 5000).then(() => {
    ended = true;
  });
  await advanceUntil(clock, () => ended || clock.elapsedMs() >= 4900);
  expect(await presenceOf(record)).toBe('running');
  clock.shiftWallClock(-dayMs);
  await advanceUntil(clock, () => ended || clock.elapsedMs() > patienceMs);
  expect(ended).toBe(true);
  expect(await presenceOf(record)).toBe('none');
});
