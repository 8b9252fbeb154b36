import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { assuranceOf } from '../../../src/core/base/caller.ts';
import { inSlack } from '../../support/callers.ts';
import { saying } from '../../support/plain.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const policyWith = (more: string): string => `
policy:
  - name: terminal only
    when: { operations: [launch_instance] }
    require: { approvers: { roles: [approver] }${more} }
approvals: { break_glass: [ada, root] }
`;

let p: DecisionPlace;
let max: Caller;
let ada: Caller;
let root: Caller;
beforeEach(async () => {
  p = await decisionPlace(policyWith(', assurance: terminal'));
  ({ max, ada } = p);
  root = await p.as('root');
});
afterEach(() => p[Symbol.asyncDispose]());

const launch = () => p.run(max, 'launch_instance', { model: 'tiny' });

test('how a vote is made follows from how the caller signed in', async () => {
  expect(assuranceOf(root)).toBe('terminal');
  expect(assuranceOf({ ...root, source: 'http' })).toBe('page');
  expect(assuranceOf(await inSlack(p.place.core, 'ADA'))).toBe('slack');
  expect(assuranceOf(ada)).toBe('page');
  const token = await p.withToken('ada', { mayDecide: true }, 'cli');
  expect(assuranceOf(token)).toBe('token');
});

test('a rule that demands the terminal counts no other vote, says where to vote, and records how each was made', async () => {
  await launch();
  const slack = await inSlack(p.place.core, 'ADA');
  const token = await p.withToken('ada', { mayDecide: true }, 'cli');
  for (const [who, place] of [
    [slack, 'in Slack'],
    [token, 'with a token that may decide'],
    [ada, 'over HTTP without a token'],
  ] as const) {
    await expect(p.approve(who)).rejects.toMatchObject({
      code: 'assurance_missing',
      kind: 'denied',
      message: `The rule "terminal only" does not count a vote that is made ${place}.`,
      nextStep: saying("Decide at the server's terminal: "),
    });
  }
  await expect(p.run(ada, 'break_glass', { approval: '1', reason: 'now' })).rejects.toMatchObject({
    code: 'assurance_missing',
  });
  expect(await p.approval(1)).toMatchObject({ state: 'pending', assurance: ['terminal'], votes: [] });
  await p.approve(root);
  await p.reaches('done');
  expect((await p.approval(1))['votes']).toMatchObject([{ person: 'root', assurance: 'terminal', counts: true }]);
});

test('a denial counts however it is made', async () => {
  await launch();
  expect(await p.run(ada, 'deny_request', { approval: '1', reason: 'no' })).toMatchObject({ state: 'denied' });
});

test('a rule that demands it later makes earlier votes count no more, those of older versions too', async () => {
  await p.configure(people + policyWith(', quorum: 2'));
  await launch();
  await p.approve(ada);
  await p.configure(people + policyWith(', quorum: 2, assurance: [terminal, slack]'));
  await expect(p.approve(p.bo)).rejects.toMatchObject({ code: 'assurance_missing' });
  await p.approve(await inSlack(p.place.core, 'BO'));
  expect(await p.approval(1)).toMatchObject({
    state: 'pending',
    missing: 1,
    votes: [
      { person: 'ada', assurance: 'page', counts: false },
      { person: 'bo', assurance: 'slack', counts: true },
    ],
  });
  p.meddle('update votes set assurance = null');
  expect(await p.approval(1)).toMatchObject({ missing: 2 });
});

test('two rules that exclude each other let nobody approve, and say what to do', async () => {
  await launch();
  await p.configure(people + policyWith(', assurance: slack'));
  for (const who of [root, await inSlack(p.place.core, 'ADA')])
    await expect(p.approve(who)).rejects.toMatchObject({
      code: 'assurance_missing',
      nextStep: saying('Deny it ('),
    });
});

test('a request that nobody could approve in the demanded way is refused at once', async () => {
  await p.configure(people + policyWith(', quorum: 2, assurance: terminal'));
  await expect(launch()).rejects.toMatchObject({
    code: 'too_few_approvers',
    message: expect.stringContaining("2 approvals by the role approver at the server's terminal. For max, only root"),
  });
});
