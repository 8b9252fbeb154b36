import { saying } from '../../support/plain.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { tiny } from '../../support/model-folder.ts';
import { decisionPlace } from './place.ts';
import type { DecisionPlace } from './place.ts';

let p: DecisionPlace;
let ada: Caller;
let max: Caller;
let agent: Caller;
beforeEach(async () => {
  p = await decisionPlace();
  ({ ada, max } = p);
  agent = await p.withToken('max', { agent: true });
  await p.run(max, 'launch_instance', { model: 'tiny' });
});
afterEach(() => p[Symbol.asyncDispose]());

const restart = (who: Caller, more: object = {}) => p.run(who, 'restart_instance', { instance: '1', ...more });

test('a restart asks too where the folder is not the one that was registered, and goes on with the digest it names', async () => {
  await restart(max);
  await p.write('tiny/config.json', '{"model_type":"other"}');
  const refusal = await restart(max).catch((thrown: unknown) => thrown);
  expect(refusal).toMatchObject({
    code: 'changed_since_registration',
    message: expect.stringContaining('config.json'),
    nextStep: saying('restart again with "plan_digest"'),
  });
  const [digest = ''] = (refusal as { validValues: string[] }).validValues;
  await expect(restart(max, { plan_digest: 'something else' })).rejects.toMatchObject({ code: 'plan_changed' });
  // Other bytes than were registered are something that an agent adds.
  expect(await restart(agent, { plan_digest: digest })).toMatchObject({ state: 'awaiting_approval' });
  expect(await restart(max, { plan_digest: digest })).toMatchObject({ state: 'pending' });
});

test('what an approver relies on is what it serves until now, what it goes on with, and how its folder is', async () => {
  await p.run(max, 'register_model', { ...tiny, name: 'other' });
  expect(await restart(agent, { model: 'other' })).toMatchObject({ approval: { id: 1 } });
  expect((await p.approval(1))['summary']).toEqual([
    'Restart tiny:1 with fresh replicas',
    'Until now it served tiny (nfs:tiny)',
    'It goes on with other (nfs:tiny)',
    'In local: 1 replica, any',
    'Cost: 0 per hour',
  ]);
  await p.write('tiny/config.json', '{"model_type":"other"}');
  await expect(p.run(ada, 'approve_request', { approval: '1' })).rejects.toMatchObject({
    code: 'request_stale',
    message: expect.stringContaining('changed since registration'),
  });
});
