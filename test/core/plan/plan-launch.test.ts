import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { missing } from '../../support/missing.ts';
import { smallFileSystem } from '../../support/small-file-system.ts';
import { KiB } from '../download/pulling.ts';
import { engineRuntime, startMachine, temporaryFolder, weights } from '../instances/support/machine.ts';
import type { Machine } from '../instances/support/machine.ts';
import { z } from 'zod';
import { plainWords, proseSchema } from '../../../src/core/base/prose.ts';

const size = 64 * KiB;
const east = { name: 'east', kind: 'local', accelerators: [{ name: 'h100', total: 4 }] };
const west = { name: 'west', kind: 'local' };
const tuned = { ...engineRuntime, name: 'tuned', context_argument: '--ctx', category_arguments: { chat: ['--chat'] } };
const safetensors = { ...engineRuntime, name: 'other', formats: ['safetensors'] };
const file = {
  regions: [east, west, { ...west, name: 'south' }],
  runtimes: [engineRuntime, tuned, safetensors],
  prices: { h100: 2.5 },
};

let hub: Hub;
let dataDir: string;
let machine: Machine;

beforeAll(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', weights(size));
  dataDir = await temporaryFolder();
  machine = await startMachine({ dataDir, hub, file });
  await machine.register('tiny', 'acme/tiny');
});

afterAll(async () => {
  await machine[Symbol.asyncDispose]();
  await hub.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

const planSchema = z.object({
  digest: z.string(),
  regions: z.array(z.record(z.string(), z.unknown())),
  failover: z.boolean(),
  cost_per_hour: z.number().nullable(),
  warnings: z.array(z.string()),
});

async function plan(more: object = {}) {
  return planSchema.parse(await machine.run('plan_launch', { model: 'tiny', ...more }));
}

describe('a plan', () => {
  test('goes to one region, and says that there is no failover', async () => {
    const { regions, failover, warnings } = await plan();
    expect(regions.map(({ region }) => region)).toEqual(['east']);
    expect(failover).toBe(false);
    expect(warnings).toEqual(['There is no failover: it runs in east only.']);
    expect((await plan({ regions: ['south', 'south'] })).regions).toHaveLength(1);
    expect(await plan({ regions: ['south', 'west'] })).toMatchObject({ failover: true, warnings: [] });
  });

  test('goes to as many regions as the configuration says, the best ones first', async () => {
    const double = await startMachine({ dataDir, hub, file: { ...file, default_regions: 2 }, reconcile: false });
    onTestFinished(() => double[Symbol.asyncDispose]());
    const made = planSchema.parse(await double.run('plan_launch', { model: 'tiny' }));
    expect(made.regions.map(({ region }) => region)).toEqual(['east', 'west']);
    expect(made.failover).toBe(true);
  });

  test('warns of a disk that is too small for the bytes to fetch', async () => {
    await using disk = await smallFileSystem(1024 * KiB);
    if (!disk.isMounted) return missing('nobody may mount a file system here, so no plan saw a small disk.');
    const regions = [{ name: 'small', kind: 'local', path: disk.path }];
    const own = await temporaryFolder();
    onTestFinished(() => rm(own, { recursive: true, force: true, maxRetries: 5 }));
    await using place = await startMachine({ dataDir: own, hub, file: { ...file, regions } });
    hub.addRepo('acme/large', weights(4096 * KiB));
    await place.register('large', 'acme/large');
    await place.register('tiny', 'acme/tiny');
    const warningsOf = async (model: string) =>
      planSchema.parse(await place.run('plan_launch', { model })).warnings.join(' ');
    expect(await warningsOf('large')).toMatch(/4\.2 MB are to fetch to small, and its disk has .* free\./);
    expect(await warningsOf('tiny')).not.toContain('its disk has');
  });

  test('goes where the weights are', async () => {
    hub.addRepo('acme/there', weights(size));
    await machine.register('there', 'acme/there');
    await machine.run('prefetch_model', { model: 'there', regions: ['west'] });
    await vi.waitFor(async () => expect(await machine.volumes()).toMatchObject([{ state: 'ready' }]), 10_000);
    expect((await plan({ model: 'there' })).regions).toMatchObject([{ region: 'west', volume: { state: 'hit' } }]);
    await machine.run('evict_cache', { model: 'there' });
  });

  test('goes where the accelerators are that are asked for', async () => {
    const { regions } = await plan({ accelerator: 'h100' });
    expect(regions.map(({ region }) => region)).toEqual(['east']);
    await expect(plan({ accelerator: 'h100', accelerator_count: 5 })).rejects.toThrow('east has 4');
    await expect(plan({ accelerator: 'a100' })).rejects.toThrow('no accelerator "a100"');
  });

  test('says what is fetched, with which arguments it runs and what it costs, and does nothing', async () => {
    const { regions, cost_per_hour: cost } = await plan({
      regions: ['east'],
      runtime: 'tuned',
      replicas: 2,
      accelerator: 'h100',
      accelerator_count: 2,
      context_length: 2048,
      arguments: ['--mine'],
    });
    expect(regions).toEqual([
      {
        region: 'east',
        volume: { state: 'miss', bytes_to_fetch: size },
        replicas: 2,
        runtime: 'tuned',
        arguments: [...engineRuntime.arguments, '--chat', '--ctx', '2048', '--mine'],
        accelerator: 'h100',
        accelerator_count: 2,
        memory_bytes: null,
        context_length: 2048,
        cost_per_hour: 10,
        estimated_seconds: 4,
        estimated_seconds_p90: 4,
        estimate_basis: 'assumed',
        launch_arguments: [{ argument: '--mine' }],
      },
    ]);
    expect(cost).toBe(10);
    expect(await machine.volumes()).toEqual([]);
    expect((await machine.run('list_instances', {}))['items']).toEqual([]);
  });

  const refused: [string, object, string][] = [
    ['a region that there is not', { regions: ['north'] }, 'region_not_found'],
    ['a runtime that there is not', { runtime: 'nothing' }, 'no_runtime'],
    ['a runtime of other formats', { runtime: 'other' }, 'runtime_does_not_fit'],
    ['an accelerator that the region has not', { regions: ['west'], accelerator: 'h100' }, 'accelerator_not_found'],
    [
      'more accelerators than there are',
      { regions: ['east'], accelerator: 'h100', replicas: 5 },
      'not_enough_accelerators',
    ],
    ['a number of nothing', { accelerator_count: 2 }, 'accelerator_missing'],
    ['an argument that EcoLink sets itself', { arguments: ['--port=1'] }, 'argument_owned'],
  ];
  test.each(refused)('refuses %s', async (_what, input, code) => {
    await expect(plan(input)).rejects.toMatchObject({ code });
  });
});

describe('the digest of a plan', () => {
  test('is another one for everything that somebody who says yes relies on', async () => {
    hub.addRepo('acme/twin', weights(size));
    await machine.register('twin', 'acme/twin');
    const plans = await Promise.all([
      plan(),
      plan({ model: 'twin' }),
      plan({ regions: ['east', 'west'] }),
      plan({ regions: ['west'] }),
      plan({ replicas: 2 }),
      plan({ runtime: 'tuned' }),
      plan({ runtime: 'tuned', context_length: 2048 }),
      plan({ arguments: ['--mine'] }),
      plan({ regions: ['east'], accelerator: 'h100' }),
      plan({ regions: ['east'], accelerator: 'h100', accelerator_count: 2 }),
    ]);
    expect(new Set(plans.map(({ digest }) => digest)).size).toBe(plans.length);
    expect((await plan()).digest).toBe(plans[0]?.digest);
  });

  test('is another one for another price', async () => {
    const before = await plan({ regions: ['east'], accelerator: 'h100' });
    const dearer = await startMachine({ dataDir, hub, file: { ...file, prices: { h100: 3 } }, reconcile: false });
    onTestFinished(() => dearer[Symbol.asyncDispose]());
    const after = await dearer.run('plan_launch', { model: 'tiny', regions: ['east'], accelerator: 'h100' });
    expect(after['digest']).not.toBe(before.digest);
  });

  test('stays while the bytes come and are there, and is what a launch is held to', async () => {
    const before = await plan({ regions: ['south'] });
    hub.faults.throttle = size;
    await machine.run('prefetch_model', { model: 'tiny', regions: ['south'] });
    await machine.reachVolume('downloading');
    const during = await plan({ regions: ['south'] });
    expect(during.regions).toMatchObject([{ volume: { state: 'joining' } }]);
    hub.faults.throttle = undefined;
    await machine.reachVolume('ready');
    const after = await plan({ regions: ['south'] });
    expect(after.regions).toMatchObject([{ volume: { state: 'hit', bytes_to_fetch: 0 } }]);
    expect([during.digest, after.digest]).toEqual([before.digest, before.digest]);
    const asked = { model: 'tiny', regions: ['south'], plan_digest: before.digest };
    await expect(machine.run('launch_instance', { ...asked, replicas: 2 })).rejects.toMatchObject({
      code: 'plan_changed',
    });
    const { instance, ...receipt } = await machine.run('launch_instance', asked);
    expect(receipt).toMatchObject({ regions: ['south'], failover: false, cost_per_hour: 0 });
    expect(plainWords(proseSchema.parse(receipt['next_step']))).toMatch(
      /^It goes to south, without a failover\. Follow it/,
    );
    await machine.reach(Number(instance), 'running');
  });
});
