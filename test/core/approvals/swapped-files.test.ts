import { stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { safetensorsBytes } from '../../support/weight-bytes.ts';
import { decisionPlace } from './place.ts';
import type { DecisionPlace } from './place.ts';

const approved = `
policy:
  - when: { operations: [launch_instance] }
    require: { approvers: { roles: [approver] } }
`;

let p: DecisionPlace;
beforeEach(async () => {
  p = await decisionPlace(approved);
});
afterEach(() => p[Symbol.asyncDispose]());

/** Other content of the same size, with the same time. */
async function swap(path: string, content: string | Buffer): Promise<void> {
  const file = join(p.folder, path);
  const { size, mtimeMs } = await stat(file);
  expect(content).toHaveLength(size);
  await p.write(path, content);
  // Half a millisecond more, so that rounding does not make it another millisecond.
  const seconds = (Math.trunc(mtimeMs) + 0.5) / 1000;
  await utimes(file, seconds, seconds);
}

test.each([
  ['weights', 'tiny/model.safetensors', safetensorsBytes('WEIGHTS')],
  ['a config', 'tiny/config.json', '{"model_type":"gemma"}'],
])('%s that were swapped after the request do not run: the request is stale', async (_, path, content) => {
  await p.run(p.max, 'launch_instance', { model: 'tiny' });
  await swap(path, content);
  await expect(p.approve(p.ada)).rejects.toMatchObject({ code: 'request_stale' });
  expect((await p.run(p.max, 'list_instances'))['items']).toEqual([]);
});

test('a change that was accepted with the request covers no further swap of the same file', async () => {
  await p.write('tiny/config.json', '{"model_type":"gemma"}');
  const { digest, changes } = await p.run(p.max, 'plan_launch', { model: 'tiny' });
  await p.run(p.max, 'launch_instance', { model: 'tiny', plan_digest: digest });
  await swap('tiny/config.json', '{"model_type":"bloom"}');
  expect((await p.run(p.max, 'plan_launch', { model: 'tiny' }))['changes']).toEqual(changes);
  await expect(p.approve(p.ada)).rejects.toMatchObject({
    code: 'request_stale',
    message: expect.stringContaining('the content of the files was'),
  });
});

test('a request whose folder is as it was runs', async () => {
  await p.run(p.max, 'launch_instance', { model: 'tiny' });
  await p.approve(p.ada);
  await p.reaches('done');
  expect((await p.run(p.max, 'list_instances'))['items']).toHaveLength(1);
});
