import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';

const config = `
regions:
  - { name: here, kind: local, accelerators: [{ name: gpu, total: 16, per_node: 8, memory_gib: 16 }] }
runtimes:
  - name: split
    kind: local
    categories: [chat]
    formats: [safetensors]
    command: [serve]
    arguments: ['{model_path}']
    parallel_argument: --tensor-parallel-size
    engine: vllm
  - name: trusting
    kind: local
    categories: [chat]
    formats: [safetensors, pytorch]
    command: [serve]
    arguments: ['{model_path}', --trust-remote-code]
  - name: pickles
    kind: local
    categories: [chat]
    formats: [pytorch]
    command: [serve]
    arguments: ['{model_path}']
`;

const planSchema = z.object({
  regions: z.array(
    z.object({
      arguments: z.array(z.string()),
      context_length: z.number().nullable(),
      memory_bytes: z.number().nullable(),
    }),
  ),
  warnings: z.array(z.string()),
});

describe('the plan of a launch', () => {
  let folder: string;
  let hub: Hub;
  let core: TestCore;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ecolink-plan-'));
    await writeFile(join(folder, 'ecolink.yaml'), config);
    hub = await startHub();
    hub.addRepo('acme/six-heads', {
      files: {
        'model.safetensors': 'weights',
        'config.json': JSON.stringify({ num_attention_heads: 6, num_key_value_heads: 2, num_hidden_layers: 2 }),
      },
      pipeline_tag: 'text-generation',
    });
    hub.addRepo('acme/pickled', { files: { 'pytorch_model.bin': 'weights' }, pipeline_tag: 'text-generation' });
    hub.addRepo('acme/plain', {
      files: {
        'model.safetensors': 'weights',
        'config.json': JSON.stringify({ num_attention_heads: 32, hidden_size: 4096, num_hidden_layers: 32 }),
      },
      pipeline_tag: 'text-generation',
    });
    hub.addRepo('acme/long', {
      files: {
        'model.safetensors': 'weights',
        'config.json': JSON.stringify({
          model_type: 'llama',
          num_attention_heads: 32,
          num_key_value_heads: 8,
          hidden_size: 4096,
          num_hidden_layers: 32,
          max_position_embeddings: 1_000_000,
        }),
      },
      pipeline_tag: 'text-generation',
    });
    core = await startCore({
      environment: { HF_ENDPOINT: hub.endpoint, ECOLINK_CONFIG: join(folder, 'ecolink.yaml') },
    });
    for (const [name, repo] of [
      ['six', 'six-heads'],
      ['pickled', 'pickled'],
      ['long', 'long'],
      ['plain', 'plain'],
    ])
      await core.run('register_model', { name, source: 'huggingface', repo: `acme/${repo}` });
  });
  afterAll(async () => {
    await core[Symbol.asyncDispose]();
    await hub.close();
    await rm(folder, { recursive: true });
  });

  async function plan(input: object) {
    return planSchema.parse(await core.run('plan_launch', { model: 'six', accelerator: 'gpu', ...input }));
  }

  it('hands the number of accelerators to the engine', async () => {
    const { regions } = await plan({ accelerator_count: 2 });
    expect(regions[0]?.arguments).toEqual(['{model_path}', '--tensor-parallel-size', '2']);
  });

  it('refuses a number that the model cannot be split by', async () => {
    await expect(plan({ accelerator_count: 4 })).rejects.toMatchObject({
      code: 'accelerator_count_does_not_fit',
      message: '"six" cannot run on 4 accelerators: its 6 attention heads cannot be split by 4.',
      nextStep: 'Ask for another number: 1, 2, 6.',
      validValues: ['1', '2', '6'],
    });
  });

  it('refuses the engine’s own flag for it among the arguments', async () => {
    await expect(plan({ arguments: ['--tensor_parallel_size=2'] })).rejects.toMatchObject({ code: 'argument_owned' });
  });

  it('refuses a number that no node has', async () => {
    await expect(plan({ model: 'long', accelerator_count: 16 })).rejects.toMatchObject({
      code: 'not_enough_accelerators',
      message: 'A replica runs on one node, and the nodes of here have at most 8 × gpu, not 16.',
    });
  });

  it('shows the context length as asked, else what the accelerators hold, at most the model’s own', async () => {
    const length = async (more: object) => (await plan({ model: 'long', ...more })).regions[0]?.context_length;
    expect(await length({ context_length: 4096 })).toBe(4096);
    // 2 · 32 layers · 8 heads · 128 · 2 bytes for each token; 16 GiB, of which a tenth stays free, and 512 MiB overhead.
    const blocks = Math.floor(((16 * 0.9 - 0.5) * 2 ** 30) / 131_072 / 16);
    expect(await length({})).toBe(blocks * 16);
    const blocksOfEight = Math.floor(((16 * 0.9 - 0.5) * 2 ** 30 * 8) / 131_072 / 16);
    expect(await length({ accelerator_count: 8 })).toBe(blocksOfEight * 16);
    expect(await length({ accelerator: undefined })).toBe(1_000_000);
    expect(await length({ model: 'six' })).toBeNull();
  });

  it('warns of a context that is longer than the model was made for', async () => {
    const { warnings } = await plan({ model: 'long', context_length: 2_000_000 });
    expect(warnings).toContain('The model was made for 1000000 tokens. Most engines refuse to start with 2000000.');
  });

  it('says that a figure is an estimate if the family of the model is unknown', async () => {
    const { regions, warnings } = await plan({ model: 'plain' });
    expect(warnings).toEqual(['The memory is an estimate: what this model caches is not known exactly.']);
    expect(regions[0]?.memory_bytes).toBeGreaterThan(2 ** 29);
    expect((await plan({})).regions[0]?.memory_bytes).toBeNull();
  });

  it('refuses pickle files that the launch does not name, and shows those that it names', async () => {
    const pickled = { model: 'pickled', runtime: 'pickles' };
    await expect(plan(pickled)).rejects.toMatchObject({ code: 'pickle_not_allowed', field: 'allow_pickle' });
    await expect(core.run('launch_instance', { model: 'pickled' })).rejects.toMatchObject({
      code: 'pickle_not_allowed',
    });
    const { warnings } = await plan({ ...pickled, allow_pickle: true });
    expect(warnings).toContain('The weights are pickle files, which can run code when they are loaded.');
  });

  it('refuses a runtime that runs the model’s code for a launch that does not name it', async () => {
    const trusting = { runtime: 'trusting' };
    await expect(plan(trusting)).rejects.toMatchObject({ code: 'remote_code_not_named', field: 'arguments' });
    const { regions, warnings } = await plan({ ...trusting, arguments: ['--trust-remote-code'] });
    expect(regions[0]?.arguments).toEqual(['{model_path}', '--trust-remote-code']);
    expect(warnings).toEqual(['It runs code that comes with the model (--trust-remote-code).']);
  });

  it('says so when the model’s own code would run, which only a launch that names it does', async () => {
    expect((await plan({})).warnings).toEqual([]);
    const { regions, warnings } = await plan({ arguments: ['--trust-remote-code'] });
    expect(warnings).toEqual(['It runs code that comes with the model (--trust-remote-code).']);
    expect(regions[0]?.arguments).toContain('--trust-remote-code');
  });
});
