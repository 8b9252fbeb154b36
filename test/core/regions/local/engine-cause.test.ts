import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/core/base/clock.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import type { Workload } from '../../../../src/core/region/region.ts';
import { LocalWorkloads } from '../../../../src/core/regions/local/workloads.ts';

const logOf = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/engine-logs/${name}.log`, import.meta.url));

test('a failed start is told by the first cause in its own log, not in that of an earlier start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-engine-cause-'));
  const logs = ['llama-cpp-damaged', 'llama-cpp-bad-flag'];
  const workloads = new LocalWorkloads({
    folder,
    log: createLog({ level: 'silent', pretty: false }),
    clock: systemClock,
    // It prints the log of a real engine and ends, as that engine did.
    specOf: ({ generation }) => ({
      hash: String(generation),
      command: '/bin/cat',
      arguments: () => [logOf(logs[generation] ?? '')],
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
  const reason = async () => (await workloads.observe(1))[0]?.reason;
  await workloads.apply(workload(0));
  await expect.poll(async () => (await reason())?.code, { timeout: 20_000 }).toBe('engine_weights_damaged');
  expect((await reason())?.message).toContain('download the model again. The engine said: gguf_init_from_reader');
  await workloads.apply(workload(1));
  await expect.poll(async () => (await reason())?.code, { timeout: 20_000 }).toBe('engine_bad_flag');
});
