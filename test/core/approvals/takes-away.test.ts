import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

// The default policy, without a rule of the config: an agent asks before it takes something away.

let p: DecisionPlace;
let max: Caller;
let agent: Caller;
beforeEach(async () => {
  p = await decisionPlace();
  ({ max } = p);
  agent = await p.withToken('max', { agent: true });
  await p.run(max, 'launch_instance', { model: 'tiny', replicas: 3, stop_after: '4h' });
});
afterEach(() => p[Symbol.asyncDispose]());

const held = { state: 'awaiting_approval' };

test.each([
  ['scale_instance', { replicas: 2 }],
  ['scale_instance', { replicas: 1 }],
  ['restart_instance', {}],
  ['stop_instance', {}],
  ['extend_instance', { stop_after: '1h' }],
])('an agent asks before %s %j', async (operation, more) => {
  expect(await p.run(agent, operation, { instance: '1', ...more })).toMatchObject(held);
  expect(await p.run(max, operation, { instance: '1', ...more })).toMatchObject({ instance: 1 });
});

test('an agent asks before it gives an end to what has none, and a longer time is no loss', async () => {
  await p.run(max, 'launch_instance', { model: 'tiny' });
  expect(await p.run(agent, 'extend_instance', { instance: '2', stop_after: '8h' })).toMatchObject(held);
  await p.configure(`${people}\npolicy: [{ when: { destroys: true }, deny: No. }, { allow: true }]\n`);
  expect(await p.run(agent, 'extend_instance', { instance: '1', stop_after: '8h' })).toMatchObject({ instance: 1 });
  await expect(p.run(agent, 'extend_instance', { instance: '1', stop_after: '2h' })).rejects.toMatchObject({
    code: 'policy_denied',
  });
});

test('a rule about what destroys holds for people too, and not for what adds', async () => {
  await p.configure(`${people}\npolicy: [{ name: calm, when: { destroys: true }, deny: Not now. }]\n`);
  for (const [operation, more] of [
    ['scale_instance', { replicas: 2 }],
    ['restart_instance', {}],
  ] as const)
    await expect(p.run(max, operation, { instance: '1', ...more })).rejects.toMatchObject({ code: 'policy_denied' });
  expect(await p.run(max, 'scale_instance', { instance: '1', replicas: 4 })).toMatchObject({ instance: 1 });
});

test('a restart of what is stopped takes nothing away', async () => {
  await p.run(max, 'stop_instance', { instance: '1' });
  await expect.poll(async () => (await p.run(max, 'get_instance', { instance: '1' }))['state']).toBe('stopped');
  await p.configure(`${people}\npolicy: [{ when: { destroys: true }, deny: No. }, { allow: true }]\n`);
  expect(await p.run(agent, 'restart_instance', { instance: '1' })).toMatchObject({ instance: 1 });
});

test('every operation that may take something away says so', () => {
  const named = catalogue
    .filter(({ effect, mayDestroy }) => effect === 'destructive' || mayDestroy)
    .map(({ name }) => name);
  expect(named).toEqual([
    'delete_model',
    'stop_instance',
    'restart_instance',
    'scale_instance',
    'extend_instance',
    'delete_instance',
    'evict_cache',
    'pin_cache',
    'delete_credential',
  ]);
});
