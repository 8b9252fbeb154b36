import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';

const region = {
  name: 'far',
  kind: 'kubernetes',
  // This cluster does not answer, so a plan goes by the configuration.
  kubeconfig: '/nowhere/kubeconfig',
  namespace: 'models',
  ecolink_image: 'ecolink.test/ecolink:1',
  accelerators: [{ name: 'gpu', memory_gib: 80, resource: 'nvidia.com/gpu' }],
};

const near = { name: 'near', kind: 'local', memory_share: 0.4 };
const mine = {
  name: 'mine',
  kind: 'local',
  categories: ['chat'],
  formats: ['safetensors'],
  command: ['serve'],
  engine: 'vllm',
  launch_fields: { memory_share: ['--gpu-memory-utilization', '{value}'] },
};

const planSchema = z.object({
  regions: z.tuple([
    z.looseObject({ runtime: z.string(), arguments: z.array(z.string()), image: z.string().optional() }),
  ]),
  warnings: z.array(z.string()),
});

const config = (architecture: string, more: object = {}): string =>
  JSON.stringify({ architectures: [architecture], ...more });
const tokenizer = (template?: string): string => JSON.stringify({ chat_template: template });

/** Models by name: the task of the repo, its config.json and its tokenizer_config.json. */
const models = {
  qwen: ['text-generation', config('Qwen3ForCausalLM', { model_type: 'qwen3' }), tokenizer('<tool_call> <think>')],
  base: ['text-generation', config('Qwen3ForCausalLM', { model_type: 'qwen3' }), tokenizer()],
  novel: ['text-generation', config('NobodyKnowsForCausalLM'), tokenizer('{{ messages }}')],
  judge: ['text-ranking', config('Qwen3ForCausalLM', { model_type: 'qwen3' }), tokenizer()],
  cosine: ['text-ranking', config('BertModel', { model_type: 'bert' }), tokenizer()],
  whisper: ['automatic-speech-recognition', config('WhisperForConditionalGeneration'), tokenizer()],
  long: ['sentence-similarity', config('Qwen3Model', { model_type: 'qwen3', max_position_embeddings: 32_768 }), '{}'],
} as const;

describe('a model and the engine that would serve it', () => {
  const undo = new AsyncDisposableStack();
  let core: TestCore;
  let hub: Hub;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ecolink-engine-fit-'));
    undo.defer(() => rm(folder, { recursive: true }));
    hub = await startHub();
    undo.defer(() => hub.close());
    await writeFile(join(folder, 'ecolink.yaml'), JSON.stringify({ regions: [region, near], runtimes: [mine] }));
    const environment = { HF_ENDPOINT: hub.endpoint, ECOLINK_CONFIG: join(folder, 'ecolink.yaml') };
    core = undo.use(await startCore({ environment }));
    for (const [name, [task, text, words]] of Object.entries(models)) {
      const files = { 'model.safetensors': 'weights', 'config.json': text, 'tokenizer_config.json': words };
      hub.addRepo(`acme/${name}`, { files, pipeline_tag: task });
      await core.run('register_model', { name, source: 'huggingface', repo: `acme/${name}` });
    }
  });
  afterAll(() => undo.disposeAsync());

  const plan = async (model: keyof typeof models, more: object = {}) =>
    planSchema.parse(await core.run('plan_launch', { model, regions: ['far'], ...more }));
  const check = async (model: keyof typeof models) =>
    z
      .object({ warnings: z.array(z.string()) })
      .parse(await core.run('check_model', { source: 'huggingface', repo: `acme/${model}` })).warnings;

  it('reads tool calls and reasoning with the parsers of its family, which the plan shows', async () => {
    const words = (await plan('qwen')).regions[0].arguments.join(' ');
    expect(words).toContain('--enable-auto-tool-choice --tool-call-parser hermes --reasoning-parser qwen3');
    const own = (await plan('qwen', { arguments: ['--tool-call-parser', 'pythonic'] })).regions[0].arguments;
    expect(own.filter((word) => word === '--tool-call-parser')).toHaveLength(1);
    expect((await plan('qwen', { runtime: 'sglang' })).regions[0].arguments.join(' ')).toContain(
      '--tool-call-parser hermes --reasoning-parser qwen3',
    );
  });

  it('has the fields of the launch in the words of each engine', async () => {
    const fields = { max_sequences: 4, memory_share: 0.5, quantization: 'fp8', accelerator: 'gpu' };
    const words = async (runtime: string) =>
      (await plan('qwen', { ...fields, runtime })).regions[0].arguments.join(' ');
    expect(await words('vllm')).toContain('--max-num-seqs 4 --gpu-memory-utilization 0.5 --quantization fp8');
    expect(await words('sglang')).toContain('--max-running-requests 4 --mem-fraction-static 0.5 --quantization fp8');
  });

  it('keeps these fields at a restart', async () => {
    await core.run('launch_instance', { model: 'qwen', regions: ['far'], max_sequences: 7 });
    await core.run('restart_instance', { instance: '1' });
    expect(JSON.stringify(await core.run('get_instance', { instance: '1' }))).toContain('"--max-num-seqs","7"');
  });

  it('shares the memory as its region says, unless the launch says otherwise', async () => {
    const words = async (more: object) =>
      (await plan('qwen', { regions: ['near'], runtime: 'mine', ...more })).regions[0].arguments;
    expect(await words({})).toEqual(['--gpu-memory-utilization', '0.4']);
    expect(await words({ memory_share: 0.7 })).toEqual(['--gpu-memory-utilization', '0.7']);
    const given = ['--gpu-memory-utilization', '0.8'];
    expect(await words({ arguments: given })).toEqual(given);
  });

  it('is told to have no chat template, and not refused for it', async () => {
    const warning = expect.stringContaining('no chat template') as string;
    expect((await plan('base')).warnings).toContainEqual(warning);
    expect(await check('base')).toContainEqual(warning);
    expect(await check('qwen')).not.toContainEqual(warning);
  });

  it('is told to be of an architecture that the engine does not list, and not refused for it', async () => {
    const warning = expect.stringContaining('does not list the architecture NobodyKnowsForCausalLM') as string;
    expect((await plan('novel')).warnings).toContainEqual(warning);
    expect(await check('novel')).toContainEqual(warning);
    expect((await plan('qwen')).warnings).not.toContainEqual(warning);
  });

  it('that is a language model reranks with scores, or not at all', async () => {
    expect((await plan('judge')).regions[0].arguments.join(' ')).toContain('Qwen3ForSequenceClassification');
    await expect(plan('judge', { runtime: 'tei' })).rejects.toMatchObject({ code: 'reranker_not_known' });
    await expect(plan('cosine')).rejects.toMatchObject({ code: 'reranker_not_known' });
    await expect(core.run('launch_instance', { model: 'cosine', regions: ['far'] })).rejects.toMatchObject({
      code: 'reranker_not_known',
    });
    expect(await check('cosine')).toContainEqual(expect.stringContaining('cannot be launched here') as string);
  });

  it('that takes audio is refused by an image that cannot read any', async () => {
    await expect(plan('whisper')).rejects.toMatchObject({ code: 'audio_not_readable' });
    expect(await check('whisper')).toContainEqual(expect.stringContaining('cannot read audio') as string);
  });

  it('is served from the image for the CPU where no accelerator is asked for', async () => {
    const image = async (more: object) => (await plan('long', { runtime: 'tei', ...more })).regions[0].image;
    expect(await image({})).toContain(':cpu-');
    expect(await image({ accelerator: 'gpu' })).toContain(':cuda-');
    expect((await plan('long', { runtime: 'tei' })).regions[0].arguments.join(' ')).toContain(
      '--max-batch-tokens 32768',
    );
  });
});
