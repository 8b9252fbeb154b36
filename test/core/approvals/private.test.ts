import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { tiny } from '../../support/model-folder.ts';
import { decisionPlace } from './place.ts';
import type { DecisionPlace } from './place.ts';

// What is done with a private model is private: the instance, the approval request and the rows of the audit.

let p: DecisionPlace;
let max: Caller;
let mia: Caller;
let ada: Caller;
beforeEach(async () => {
  p = await decisionPlace();
  ({ max, mia, ada } = p);
  await p.run(max, 'register_model', { ...tiny, name: 'secret', private: true });
});
afterEach(() => p[Symbol.asyncDispose]());

const view = (who: Caller, instance = '1') => p.run(who, 'get_instance', { instance });

test('a launch of a private model is private, and cannot be made public', async () => {
  await p.run(max, 'launch_instance', { model: 'secret' });
  expect(await view(max)).toMatchObject({ private: true });
  await expect(view(mia)).rejects.toMatchObject({ code: 'instance_not_found' });
  await expect(p.run(max, 'launch_instance', { model: 'secret', private: false })).rejects.toMatchObject({
    code: 'model_private',
    field: 'private',
  });
});

test('a restart with a private model makes the instance private, and the next model does not make it public', async () => {
  await p.run(max, 'launch_instance', { model: 'tiny' });
  expect(await view(mia)).toMatchObject({ private: false });
  await p.run(max, 'restart_instance', { instance: '1', model: 'secret' });
  expect(await view(max)).toMatchObject({ private: true });
  await expect(view(mia)).rejects.toMatchObject({ code: 'instance_not_found' });
  expect((await p.run(mia, 'list_instances'))['items']).toEqual([]);
  await p.run(max, 'restart_instance', { instance: '1', model: 'tiny' });
  expect(await view(max)).toMatchObject({ private: true });
});

test('a request to restart with a private model is private, and so is its run', async () => {
  await p.run(max, 'launch_instance', { model: 'tiny' });
  const agent = await p.withToken('max', { agent: true });
  await p.run(agent, 'restart_instance', { instance: '1', model: 'secret' });
  expect(await p.approval(1)).toMatchObject({ private: true });
  await p.approve(ada);
  await p.reaches('done');
  await expect(view(mia)).rejects.toMatchObject({ code: 'instance_not_found' });
});

test.each([
  ['scale_instance', { replicas: 2 }],
  ['extend_instance', { stop_after: '8h' }],
  ['restart_instance', {}],
])('%s of what an older version left public on a private model asks privately', async (operation, more) => {
  await p.run(max, 'launch_instance', { model: 'secret' });
  p.meddle('update instances set private = 0');
  const agent = await p.withToken('max', { agent: true });
  expect(await p.run(agent, operation, { instance: '1', ...more })).toMatchObject({ state: 'awaiting_approval' });
  expect(await p.approval(1)).toMatchObject({ private: true });
});

test('an approver reads in the audit that somebody called, not with which private names', async () => {
  await p.run(max, 'launch_instance', { model: 'secret' });
  await p.run(max, 'restart_instance', { instance: '1', model: 'secret' });
  await p.run(max, 'launch_instance', { model: 'tiny' });
  // It fails before it is known whether the model is private.
  await expect(p.run(max, 'launch_instance', { model: 'secret', replicas: 3, accelerator: 'none' })).rejects.toThrow();
  const text = async (who: Caller) => JSON.stringify(await p.run(who, 'list_audit', { limit: 100 }));
  expect(await text(ada)).not.toContain('secret');
  expect(await text(ada)).toContain('tiny');
  expect(await text(await p.as('root'))).toContain('secret');
  expect((await p.place.core.execute('verify_audit', { replay: true }, await p.as('root'))).findings).toEqual([]);
});
