import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const policy = `
policy:
  - name: two for a launch
    when: { operations: [launch_instance] }
    require: { approvers: { people: [ada, bo, mia] }, quorum: 2 }
  - { name: never scale, when: { operations: [scale_instance] }, deny: Launch another. }
`;

let p: DecisionPlace;
let ada: Caller;
let bo: Caller;
let max: Caller;
let mia: Caller;
beforeEach(async () => {
  p = await decisionPlace(policy);
  ({ ada, bo, max, mia } = p);
});
afterEach(() => p[Symbol.asyncDispose]());

const rows = async (operation: string) =>
  ((await p.place.run('list_audit', { operation }))['items'] as Record<string, unknown>[]).toReversed();

test('what ran after approval says in both its rows who decided what and when, dropped votes included', async () => {
  await p.run(max, 'launch_instance', { model: 'tiny' });
  await p.approve(mia);
  await p.configure(
    `${people.replace('  - { name: mia, role: member, identities: ["slack:T1/MIA"] }\n', '')}${policy.replace(', mia]', ']')}`,
  );
  await p.approve(ada, '1', { reason: 'fits the budget' });
  await p.approve(bo);
  await p.reaches('done');

  const [, asked, opened, closed] = await rows('launch_instance');
  expect(asked).toMatchObject({
    event: 'closed',
    person: 'max',
    policy: 'require: two for a launch',
    code: 'awaiting_approval',
    approval: 1,
  });
  expect(asked?.['decisions']).toBeUndefined();
  const ground = { person: 'max', policy: 'require: two for a launch', approval: 1, request: asked?.['request'] };
  expect(opened).toMatchObject({ event: 'opened', ...ground });
  expect(closed).toMatchObject({ event: 'closed', opened: opened?.['number'], outcome: 'done', ...ground });
  for (const row of [opened, closed]) {
    expect(JSON.parse(row?.['decisions'] as string)).toEqual([
      {
        name: 'mia',
        identity: 'slack:T1/MIA',
        vote: 'approve',
        at: expect.any(String),
        assurance: 'page',
        counts: false,
      },
      {
        name: 'ada',
        identity: 'slack:T1/ADA',
        vote: 'approve',
        at: expect.any(String),
        assurance: 'page',
        reason: 'fits the budget',
        counts: true,
      },
      { name: 'bo', identity: 'slack:T1/BO', vote: 'approve', at: expect.any(String), assurance: 'page', counts: true },
    ]);
  }
  expect(await p.place.run('verify_audit')).toMatchObject({ holds: true });
});

test('what the policy allows or denies says by which rule', async () => {
  await p.run(max, 'register_model', {
    name: 'other',
    source: 'filesystem',
    filesystem: 'nfs',
    subfolder: 'tiny',
    category: 'chat',
  });
  expect((await rows('register_model')).at(-1)).toMatchObject({ outcome: 'done', policy: 'allow: no rule applies' });
  await p.configure(`${people}\npolicy: [{ name: never, deny: Not today. }]`);
  await expect(p.run(max, 'launch_instance', { model: 'tiny' })).rejects.toMatchObject({ code: 'policy_denied' });
  expect((await rows('launch_instance')).at(-1)).toMatchObject({
    outcome: 'failed',
    code: 'policy_denied',
    policy: 'deny: never',
  });
});
