import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';

const config = `
regions:
  - { name: here, kind: local, accelerators: [{ name: gpu, total: 8 }] }
runtimes:
  - name: split
    kind: local
    categories: [chat]
    formats: [safetensors]
    command: [serve]
    arguments: ['{model_path}']
    parallel_argument: --tensor-parallel-size
`;

interface Plan {
  regions: { arguments: string[] }[];
  warnings: string[];
}

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
    core = await startCore({
      environment: { HF_ENDPOINT: hub.endpoint, ECOLINK_CONFIG: join(folder, 'ecolink.yaml') },
    });
    await core.run('register_model', { name: 'six', source: 'huggingface', repo: 'acme/six-heads' });
  });
  afterAll(async () => {
    await core[Symbol.asyncDispose]();
    await hub.close();
    await rm(folder, { recursive: true });
  });

  async function plan(input: object): Promise<Plan> {
    return (await core.run('plan_launch', { model: 'six', accelerator: 'gpu', ...input })) as unknown as Plan;
  }

  it('hands the number of accelerators to the engine', async () => {
    const { regions } = await plan({ accelerator_count: 2 });
    expect(regions[0]?.arguments).toEqual(['{model_path}', '--tensor-parallel-size', '2']);
  });

  it('refuses a number that the model cannot be split by', async () => {
    await expect(plan({ accelerator_count: 4 })).rejects.toMatchObject({
      code: 'accelerator_count_does_not_fit',
      message: '"six" cannot run on 4 accelerators: its 6 attention heads cannot be split by 4.',
    });
  });

  it('refuses the engine’s own flag for it among the arguments', async () => {
    await expect(plan({ arguments: ['--tensor_parallel_size=2'] })).rejects.toMatchObject({ code: 'argument_owned' });
  });

  it('says so when the model’s own code would run, which only a launch that names it does', async () => {
    expect((await plan({})).warnings).toEqual([]);
    const { regions, warnings } = await plan({ arguments: ['--trust-remote-code'] });
    expect(warnings).toEqual(['It runs code that came with the model (--trust-remote-code).']);
    expect(regions[0]?.arguments).toContain('--trust-remote-code');
  });
});
