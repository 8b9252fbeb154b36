import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const region = {
  name: 'far',
  kind: 'kubernetes',
  // This cluster does not answer, so a plan goes by the configuration.
  kubeconfig: '/nowhere/kubeconfig',
  namespace: 'models',
  ecolink_image: 'ecolink.test/ecolink:1',
};
const engine = {
  kind: 'kubernetes',
  categories: ['chat'],
  formats: ['safetensors', 'pytorch'],
  arguments: ['{model_path}'],
  engine: 'vllm',
};

function configWith(image: string, allowed?: string[], environment: Record<string, string> = {}): string {
  return JSON.stringify({
    regions: [{ ...region, environment, ...(allowed ? { images_allowed: allowed } : {}) }],
    runtimes: [
      { ...engine, name: 'first', image },
      { ...engine, name: 'second', image: 'ghcr.io/team/second:1' },
    ],
    policy: [
      { name: 'pickles', when: { pickle: true }, deny: 'No pickles here.' },
      { name: 'code', when: { trust_remote_code: true }, deny: 'No code of models here.' },
      { allow: true },
    ],
  });
}

const planSchema = z.object({
  digest: z.string(),
  regions: z.array(
    z.looseObject({ runtime: z.string(), image: z.string(), volume: z.looseObject({ state: z.string() }) }),
  ),
});
type Plan = z.infer<typeof planSchema>;

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', { files: { 'model.safetensors': 'weights' }, pipeline_tag: 'text-generation' });
  hub.addRepo('acme/pickled', { files: { 'pytorch_model.bin': 'weights' }, pipeline_tag: 'text-generation' });
});
afterAll(() => hub.close());

async function open(
  image: string,
  allowed?: string[],
  dataDir?: string,
  environment?: Record<string, string>,
): Promise<TestCore> {
  const core = await startCore({
    config: configWith(image, allowed, environment),
    ...(dataDir === undefined ? {} : { dataDir }),
    environment: { HF_ENDPOINT: hub.endpoint },
    reconcile: false,
  });
  for (const name of ['tiny', 'pickled'])
    if (!(await isThere(core, name)))
      await core.run('register_model', { name, source: 'huggingface', repo: `acme/${name}` });
  return core;
}

async function isThere(core: TestCore, name: string): Promise<boolean> {
  const { items } = await core.run('list_models', { query: name });
  return Array.isArray(items) && items.length > 0;
}

async function plan(core: TestCore, more: object = {}): Promise<Plan> {
  return planSchema.parse(await core.run('plan_launch', { model: 'tiny', ...more }));
}

test('a plan names the image, with its digest where the runtime has one, and its own digest holds it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-plan-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  const planOf = async (image: string): Promise<Plan> => {
    await using core = await open(image, undefined, dataDir);
    return await plan(core);
  };
  const one = await planOf('ghcr.io/team/first:1');
  const other = await planOf(`ghcr.io/team/first@${digest}`);
  expect((await planOf('ghcr.io/team/first:1')).digest).toBe(one.digest);
  expect(one.regions).toMatchObject([{ runtime: 'first', image: 'ghcr.io/team/first:1' }]);
  expect(other.regions).toMatchObject([{ runtime: 'first', image: `ghcr.io/team/first@${digest}` }]);
  expect(one.digest).not.toBe(other.digest);
});

test('a runtime whose image the region does not allow is passed over, and refused where it is named', async () => {
  await using core = await open('docker.io/any/first:1', ['ghcr.io/team/*']);
  expect((await plan(core)).regions).toMatchObject([{ runtime: 'second', image: 'ghcr.io/team/second:1' }]);
  await expect(plan(core, { runtime: 'first' })).rejects.toMatchObject({ code: 'image_not_allowed' });
});

test('the policy sees code of the model that a variable of the region turns on', async () => {
  await using core = await open('ghcr.io/team/first:1', undefined, undefined, { TRUST_REMOTE_CODE: '1' });
  await expect(core.run('launch_instance', { model: 'tiny' })).rejects.toMatchObject({ code: 'remote_code_not_named' });
  await expect(
    core.run('launch_instance', { model: 'tiny', arguments: ['--trust-remote-code'] }),
  ).rejects.toMatchObject({ code: 'policy_denied', message: expect.stringContaining('No code of models here.') });
});

test('the policy sees pickle files and code of the model', async () => {
  await using core = await open('ghcr.io/team/first:1');
  const denied = (message: string) => ({ code: 'policy_denied', message: expect.stringContaining(message) });
  await expect(core.run('launch_instance', { model: 'pickled', allow_pickle: true })).rejects.toMatchObject(
    denied('No pickles here.'),
  );
  await expect(
    core.run('launch_instance', { model: 'tiny', arguments: ['--trust-remote-code'] }),
  ).rejects.toMatchObject(denied('No code of models here.'));
  expect(await core.run('launch_instance', { model: 'tiny' })).toMatchObject({ instance: 1 });
  // Nobody let pickle files in when it was launched.
  await expect(core.run('restart_instance', { instance: '1', model: 'pickled' })).rejects.toMatchObject({
    code: 'pickle_not_allowed',
  });
});
