import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';

function runtime(format: string): string {
  return `{ name: ${format}-engine, kind: local, categories: [chat], formats: [${format}], command: [/bin/true] }`;
}

test('of a repo in two formats a model gets the one that a runtime here serves, unless the entry says otherwise', async () => {
  await using hub = await startHub();
  const files = { 'config.json': '{}', 'model.safetensors': { size: 2000, seed: 's' }, 'model.bin': Buffer.alloc(500) };
  hub.addRepo('acme/both', { files, pipeline_tag: 'text-generation' });
  const environment = { HF_ENDPOINT: hub.endpoint, PATH: '/nowhere' };
  const source = { source: 'huggingface', repo: 'acme/both' };
  await using pickles = await startCore({ environment, config: `runtimes: [${runtime('pytorch')}]\n` });
  const checked = await pickles.run('check_model', source);
  expect(checked).toMatchObject({ format: 'pytorch', bytes: 502, runtimes: [{ runtime: 'pytorch-engine' }] });
  expect(checked['warnings']).toContainEqual(expect.stringContaining('pytorch was chosen'));
  const included = { ...source, include: ['*.safetensors'] };
  expect(await pickles.run('check_model', included)).toMatchObject({ format: 'safetensors', bytes: 2000 });
  await pickles.run('register_model', { ...included, name: 'kept' });
  expect(await pickles.run('get_model', { model: 'kept' })).toMatchObject({
    include: ['*.safetensors'],
    files: [{ path: 'model.safetensors' }],
  });
  await using tensors = await startCore({ environment, config: `runtimes: [${runtime('safetensors')}]\n` });
  expect(await tensors.run('check_model', source)).toMatchObject({ format: 'safetensors', bytes: 2002 });
});
