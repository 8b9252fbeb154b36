import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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

const workload = (generation: number): Workload => ({
  instance: 1,
  replicas: 1,
  location: { kind: 'volume', volume: 'v' },
  servedName: 'a:1',
  runtime: 'engine',
  arguments: [],
  generation,
});

/** Engines that run this script of a shell, by generation. */
function workloadsOf(folder: string, scripts: readonly string[]): LocalWorkloads {
  return new LocalWorkloads({
    folder,
    log: createLog({ level: 'silent', pretty: false }),
    clock: systemClock,
    specOf: ({ generation }) => ({
      hash: String(generation),
      command: '/bin/sh',
      arguments: () => ['-c', scripts[generation] ?? ''],
      environment: {},
      health: '/health',
      graceMs: 10,
    }),
    changed: () => {},
  });
}

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-engine-cause-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function end(workloads: LocalWorkloads): Promise<void> {
  await workloads.endAll();
  await workloads.close();
}

// They print the logs of real engines and end, as those engines did.
const damaged = `cat '${logOf('llama-cpp-damaged')}'; exit 1`;
const badFlag = `cat '${logOf('llama-cpp-bad-flag')}'; exit 1`;

test('a failed start is told by the first cause in its own log, not in that of an earlier start', async () => {
  const workloads = workloadsOf(await temporary(), [damaged, badFlag]);
  onTestFinished(() => end(workloads));
  const reason = async () => (await workloads.observe(1))[0]?.reason;
  await workloads.apply(workload(0));
  await expect.poll(async () => (await reason())?.code, { timeout: 20_000 }).toBe('engine_weights_damaged');
  expect((await reason())?.message).toContain('download the model again. The engine said: gguf_init_from_reader');
  await workloads.apply(workload(1));
  await expect.poll(async () => (await reason())?.code, { timeout: 20_000 }).toBe('engine_bad_flag');
});

test('a start that a server before this one made is told by its own log as well', async () => {
  const folder = await temporary();
  const scripts = [damaged, `until [ -e '${folder}/go' ]; do sleep 0.05; done; rm '${folder}/go'; ${badFlag}`];
  const before = workloadsOf(folder, scripts);
  await before.apply(workload(0));
  await expect
    .poll(async () => (await before.observe(1))[0]?.reason?.code, { timeout: 20_000 })
    .toBe('engine_weights_damaged');
  await before.apply(workload(1));
  await expect.poll(async () => (await before.observe(1))[0]?.state, { timeout: 20_000 }).toBe('starting');
  await before.close();
  const after = workloadsOf(folder, scripts);
  onTestFinished(() => end(after));
  await after.apply(workload(1));
  await after.observe(1);
  await writeFile(join(folder, 'go'), '');
  await expect.poll(async () => (await after.observe(1))[0]?.reason?.code, { timeout: 20_000 }).toBe('engine_bad_flag');
});
