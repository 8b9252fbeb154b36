import { expect, test } from 'vitest';
import { inSlack } from '../../support/callers.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { tiny } from '../../support/model-folder.ts';
import { runPlainly } from '../../support/plain.ts';
import { toyConfig, toyKind } from '../../support/toy-region.ts';

const config = `
${toyConfig}
people:
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
  - { name: bo, role: approver, identities: ["slack:T1/BO"] }
  - { name: max, role: member, identities: ["slack:T1/MAX"] }
`;

const twoVotes = `
policy:
  - name: two votes
    when: { operations: [launch_instance] }
    require: { approvers: { roles: [approver] }, quorum: 2 }
`;

interface Place extends TestCore {
  as(user: 'ADA' | 'BO' | 'MAX', operation: string, input: object): Promise<Record<string, unknown>>;
  /** How often the folder of the model was listed since the last call. */
  looks(): number;
}

/** A core with one region, which counts how often it lists a folder. The reconciler lists none. */
async function startPlace(policy = ''): Promise<Place> {
  let count = 0;
  const listFolder = async (): Promise<void> => {
    count += 1;
  };
  const place = await startCore({ config: config + policy, regionKinds: [toyKind({ listFolder })] });
  return {
    ...place,
    async as(user, operation, input) {
      const caller = { ...(await inSlack(place.core, user)), source: 'http' as const };
      return runPlainly(place.core, operation, input, caller);
    },
    looks() {
      const counted = count;
      count = 0;
      return counted;
    },
  };
}

test('a registration and a launch each list the folder of the model once', async () => {
  await using place = await startPlace();
  await place.as('MAX', 'register_model', tiny);
  expect(place.looks()).toBe(1);
  expect(await place.as('MAX', 'launch_instance', { model: 'tiny' })).toMatchObject({ state: 'pending' });
  expect(place.looks()).toBe(1);
});

test('a launch with two votes lists the folder once for the request, for each vote and for the run', async () => {
  await using place = await startPlace(twoVotes);
  await place.as('MAX', 'register_model', tiny);
  place.looks();
  expect(await place.as('MAX', 'launch_instance', { model: 'tiny' })).toMatchObject({ state: 'awaiting_approval' });
  expect(place.looks(), 'for the request').toBe(1);
  expect(await place.as('ADA', 'approve_request', { approval: '1' })).toMatchObject({ state: 'pending' });
  expect(place.looks(), 'for the first vote').toBe(1);
  expect(await place.as('BO', 'approve_request', { approval: '1' })).toMatchObject({ state: 'approved' });
  const atSecondVote = place.looks();
  await expect.poll(async () => (await place.run('get_approval', { approval: '1' }))['state']).toBe('done');
  expect(atSecondVote + place.looks(), 'for the second vote and the run').toBe(2);
});
