import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/core/base/clock.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import type { Workload } from '../../../../src/core/region/region.ts';
import { mostFailedStarts } from '../../../../src/core/regions/local/plan-replica.ts';
import { LocalWorkloads } from '../../../../src/core/regions/local/workloads.ts';

/** Pauses pass a thousand times faster. */
const fastClock = Object.create(systemClock, {
  elapsedMs: { value: () => systemClock.elapsedMs() * 1000 },
}) as typeof systemClock;

test('an engine that can never start is given up, which its reason says, until it is changed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-give-up-'));
  const workloads = new LocalWorkloads({
    folder,
    log: createLog({ level: 'silent', pretty: false }),
    clock: fastClock,
    specOf: ({ generation }) => ({
      hash: String(generation),
      command: '/bin/false',
      arguments: () => [],
      environment: {},
      health: '/health',
      graceMs: 10,
    }),
    changed: () => {},
  });
  onTestFinished(async () => {
    await workloads.endAll();
    await workloads.close();
    await rm(folder, { recursive: true });
  });
  const workload = (generation: number): Workload => ({
    instance: 1,
    replicas: 1,
    location: { kind: 'volume', volume: 'v' },
    servedName: 'a:1',
    runtime: 'engine',
    arguments: [],
    generation,
  });
  const observed = async () => (await workloads.observe(1))[0];
  await workloads.apply(workload(1));
  await expect.poll(async () => (await observed())?.failed, { timeout: 30_000 }).toBe(true);
  expect(await observed()).toMatchObject({
    state: 'waiting',
    restarts: mostFailedStarts,
    reason: { message: expect.stringContaining('is not started again') as string },
  });
  await workloads.apply(workload(2));
  await expect.poll(async () => (await observed())?.restarts, { timeout: 30_000 }).toBeLessThan(mostFailedStarts);
});
