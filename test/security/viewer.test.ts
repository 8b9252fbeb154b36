import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/core/base/caller.ts';
import { atLeast } from '../../src/core/base/caller.ts';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { decisionPlace } from '../core/approvals/place.ts';
import type { DecisionPlace } from '../core/approvals/place.ts';
import { tiny } from '../support/model-folder.ts';

// A viewer looks at what is public, and does nothing.

const config = `
people:
  - { name: root, role: admin, identities: [local] }
  - { name: max, role: member, identities: ["slack:T1/MAX"] }
  - { name: vera, role: viewer, identities: ["slack:T1/VERA"] }
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
  - { name: bo, role: approver, identities: ["slack:T1/BO"] }
  - { name: mia, role: member, identities: ["slack:T1/MIA"] }
`;

let p: DecisionPlace;
let vera: Caller;
let max: Caller;
beforeAll(async () => {
  p = await decisionPlace();
  await p.configure(config);
  ({ max } = p);
  vera = await p.as('vera');
  await p.run(max, 'register_model', { ...tiny, name: 'secret', private: true });
  await p.run(max, 'launch_instance', { model: 'tiny' });
  await p.run(max, 'launch_instance', { model: 'secret' });
});
afterAll(() => p[Symbol.asyncDispose]());

const refused = { kind: 'refused', code: 'role_missing' };

test.each(
  catalogue.filter(({ role }) => !atLeast('viewer', role)).map(({ name, examples }) => [name, examples] as const),
)('cannot call %s, whatever its input', async (name, examples) => {
  for (const input of [{}, ...examples]) await expect(p.run(vera, name, input)).rejects.toMatchObject(refused);
});

test.each(catalogue.filter(({ effect }) => effect !== 'read').map(({ name }) => name))(
  'learns nothing from an explanation of %s',
  async (operation) => {
    await expect(p.run(vera, 'explain_policy', { operation, input: '{"model":"secret"}' })).rejects.toMatchObject({
      kind: expect.stringMatching(/^(?:refused|input|not_found)$/),
    });
  },
);

test('sees nothing of what is private', async () => {
  await expect(p.run(vera, 'get_model', { model: 'secret' })).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(p.run(vera, 'get_instance', { instance: '2' })).rejects.toMatchObject({ code: 'instance_not_found' });
  await expect(p.run(vera, 'get_instance_logs', { instance: '2' })).rejects.toMatchObject({ kind: 'not_found' });
  for (const list of ['list_models', 'list_instances', 'list_cache'])
    expect(JSON.stringify(await p.run(vera, list))).not.toContain('secret');
});

test('cannot hang the server by a pattern', async () => {
  for (const query of ['+(a+)b', `${'*a'.repeat(100)}b`, '%'.repeat(300), '_'.repeat(300)])
    expect((await p.run(vera, 'list_models', { query: query.slice(0, 100) }))['items']).toEqual([]);
});
