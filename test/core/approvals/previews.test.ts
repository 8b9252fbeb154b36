import { saying } from '../../support/plain.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { inSlack } from '../../support/callers.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { machine } from './place.ts';

const config = `${machine}
people:
  - { name: root, role: admin, identities: [local] }
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
runtimes:
  - { name: any, kind: local, categories: [chat], formats: [safetensors], command: [sleep, "60"] }
policy:
  - when: { agent: true }
    require: { approvers: { people: [ada] } }
`;

let hub: Hub;
let place: TestCore;
let agent: Caller;
let ada: Caller;
beforeAll(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', { files: { 'model.safetensors': { size: 1000, seed: 1 } } });
  place = await startCore({ config, environment: { HF_ENDPOINT: hub.endpoint } });
  ada = await inSlack(place.core, 'ADA');
  const made = await place.core.access.createToken(place.local.person, 'agent', ['operate'], { agent: true });
  agent = (await place.core.access.callerOfToken(made.token, 'http')) ?? expect.fail('a good token');
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await hub.close();
});

/** Held back, looked at, approved, and run to its end. */
async function approved(operation: string, input: object): Promise<{ summary: string[]; input: object }> {
  const held = await place.run(operation, input, agent);
  expect(held).toMatchObject({ state: 'awaiting_approval' });
  const approval = String((held['approval'] as { id: number }).id);
  const { summary, input: frozen } = await place.run('approve_request', { approval }, ada);
  await expect
    .poll(async () => (await place.run('get_approval', { approval })) as object, { timeout: 20_000 })
    .toMatchObject({ state: 'done' });
  return { summary: summary as string[], input: JSON.parse(frozen as string) as object };
}

test('every kind of change says what it would do, and is that when it has run', { timeout: 60_000 }, async () => {
  const source = { source: 'huggingface', repo: 'acme/tiny', category: 'chat' };
  const registered = await approved('register_model', { name: 'tiny', ...source });
  const model = await place.run('get_model', { model: 'tiny' });
  expect(registered.summary).toEqual([
    'Register tiny from acme/tiny',
    `1 kB in 1 file at ${String(model['commit']).slice(0, 12)}`,
    'Licence: not stated',
  ]);
  expect(registered.input).toMatchObject({ revision: model['commit'] });

  const fetched = await approved('prefetch_model', { model: 'tiny' });
  expect(fetched).toMatchObject({ input: { regions: ['local'] }, summary: [expect.any(String), 'At most 1 kB'] });
  await expect
    .poll(async () => (await place.run('list_cache'))['items'], { timeout: 20_000 })
    .toMatchObject([{ state: 'ready' }]);

  await approved('launch_instance', { model: 'tiny', accelerator: 'h100' });
  const scaled = await approved('scale_instance', { instance: 'tiny:1', replicas: 2 });
  expect(scaled.summary).toEqual([
    'Scale tiny:1 from 1 to 2 replicas',
    'In local: 2 replicas on 1 × h100, any',
    'Cost: 4 per hour',
    'At most 1 kB to fetch',
  ]);
  expect(await place.run('get_instance', { instance: '1' })).toMatchObject({ replicas: 2 });
  expect((await approved('restart_instance', { instance: '1' })).summary[0]).toBe('Restart tiny:1 with fresh replicas');
  expect((await approved('stop_instance', { instance: '1' })).summary).toEqual([
    'Stop tiny:1 of root',
    '2 replicas in local',
  ]);
  await expect
    .poll(async () => (await place.run('get_instance', { instance: '1' }))['state'], { timeout: 20_000 })
    .toBe('stopped');

  const evicted = await approved('evict_cache', { model: 'tiny' });
  expect(evicted.summary).toEqual([
    expect.stringContaining('Delete the weights of acme/tiny in local'),
    'Instances that use them: 1',
  ]);
  expect((await approved('delete_instance', { instance: '1' })).summary[0]).toBe('Delete tiny:1 of root');
  expect((await approved('delete_model', { model: 'tiny' })).summary[1]).toBe('Nothing uses it');
  expect(await place.run('list_models')).toMatchObject({ items: [] });
});

test('what has no preview of its own shows its input', async () => {
  await place.run('register_model', { name: 'other', source: 'huggingface', repo: 'acme/tiny', category: 'chat' });
  await place.run('prefetch_model', { model: 'other' });
  expect((await approved('pin_cache', { model: 'other' })).summary).toEqual([
    'Pin cached weights',
    'model: "other"',
    'pinned: true',
  ]);
});

test('a request about what cannot be asked for now is not stale: it goes on waiting', async () => {
  const input = { name: 'later', source: 'huggingface', repo: 'acme/tiny', category: 'chat' };
  const held = await place.run('register_model', input, agent);
  const approval = String((held['approval'] as { id: number }).id);
  const away = hub.faults.status('api', 503, { times: 1000 });
  await expect(place.run('approve_request', { approval }, ada)).rejects.toMatchObject({
    kind: 'unavailable',
    retryable: true,
    nextStep: saying('stays pending'),
  });
  expect(away.hits).toBeGreaterThan(0);
  expect(await place.run('get_approval', { approval })).toMatchObject({ state: 'pending', votes: [] });
  away.left = 0;
  await place.run('approve_request', { approval }, ada);
  await expect
    .poll(async () => (await place.run('get_approval', { approval }))['state'], { timeout: 20_000 })
    .toBe('done');
});
