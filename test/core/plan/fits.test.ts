import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { MiB } from '../download/pulling.ts';
import { engineRuntime, startMachine } from '../instances/support/machine.ts';
import type { Machine } from '../instances/support/machine.ts';

const runtime = {
  ...engineRuntime,
  formats: ['safetensors'],
  parallel_argument: '--ranks',
  memory: { share: 1, overhead_mib: 0 },
};
const file = {
  regions: [
    {
      name: 'east',
      kind: 'local',
      accelerators: [
        { name: 'small', memory_gib: 0.0625, per_node: 8 },
        { name: 'large', memory_gib: 0.5, per_node: 2 },
        { name: 'nameless' },
      ],
    },
    { name: 'west', kind: 'local', accelerators: [{ name: 'tiny', memory_gib: 0.001, per_node: 8 }] },
  ],
  runtimes: [runtime],
  prices: { small: 1, large: 5 },
};

/** 128 KiB for each token: 32 layers of 8 heads of 64 values, twice, in 16 bits. */
const config = {
  model_type: 'llama',
  num_hidden_layers: 32,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  head_dim: 128,
  hidden_size: 1024,
  max_position_embeddings: 2048,
};

let hub: Hub;
let machine: Machine;

beforeAll(async () => {
  hub = await startHub();
  hub.addRepo('acme/plain', {
    files: { 'model.safetensors': { size: 100 * MiB, seed: 1 }, 'config.json': JSON.stringify(config) },
  });
  hub.addRepo('acme/riddle', {
    files: { 'model.safetensors': { size: MiB, seed: 1 }, 'config.json': '{"model_type":"deepseek_v4"}' },
  });
  machine = await startMachine({ hub, file, reconcile: false });
  for (const name of ['plain', 'riddle']) await machine.register(name, `acme/${name}`);
});

afterAll(async () => {
  await machine[Symbol.asyncDispose]();
  await hub.close();
});

const answer = z.object({ fits: z.array(z.record(z.string(), z.unknown())), warnings: z.array(z.string()) });

describe('the accelerators that hold a model', () => {
  test('are those with room for the weights and a useful context, the fewest of each, cheapest first', async () => {
    const asked = { source: 'huggingface', repo: 'acme/plain', category: 'chat' };
    const { fits } = answer.parse(await machine.run('check_model', asked));
    // 105 MiB of weights and 256 MiB of cache: 8 × 64 MiB hold it, 4 do not, and 6 do not divide the heads.
    expect(fits).toEqual([
      expect.objectContaining({
        region: 'east',
        accelerator: 'large',
        count: 1,
        context_length: 2048,
        cost_per_hour: 5,
      }),
      expect.objectContaining({
        region: 'east',
        accelerator: 'small',
        count: 8,
        context_length: 2048,
        cost_per_hour: 8,
      }),
    ]);
    expect(answer.parse(await machine.run('plan_launch', { model: 'plain', regions: ['east'] })).fits).toEqual(fits);
  });

  test('are named by a plan for too few of them', async () => {
    const asked = { model: 'plain', regions: ['east'], accelerator: 'small' };
    const small = answer.parse(await machine.run('plan_launch', { ...asked, accelerator_count: 4 }));
    expect(small.warnings.join()).toMatch(/4 × small in east have 268 MB\. These hold it: 1 × large, 8 × small\./);
    const enough = answer.parse(await machine.run('plan_launch', { ...asked, accelerator_count: 8 }));
    expect(enough.warnings.join()).not.toContain('These hold it');
  });

  test('are none if the memory of the model is unknown', async () => {
    expect(answer.parse(await machine.run('plan_launch', { model: 'riddle', regions: ['east'] })).fits).toEqual([]);
  });
});
