import { saying } from '../../support/plain.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const policy = `
policy:
  - name: two for h100
    when: { accelerators: [h100] }
    require: { approvers: { people: [ada, bo] }, quorum: 2 }
  - name: never at three
    when: { operations: [scale_instance] }
    deny: Scale in the config.
approvals: { open_requests: 3, break_glass: [mia], person_cost_per_hour: 100 }
`;
const big = { model: 'tiny', accelerator: 'h100' };

let p: DecisionPlace;
let ada: Caller;
let bo: Caller;
let max: Caller;
let mia: Caller;
let agent: Caller;
beforeEach(async () => {
  p = await decisionPlace(policy);
  ({ ada, bo, max, mia } = p);
  agent = await p.withToken('max', { agent: true }, 'mcp');
});
afterEach(() => p[Symbol.asyncDispose]());

const instances = async () => (await p.place.run('list_instances'))['items'] as { id: number; owner: string }[];

describe('what is held back', () => {
  test('answers with who may decide, and runs once when they have, as the one who asked', async () => {
    const held = await p.run(max, 'launch_instance', big);
    expect(held).toMatchObject({
      model: 'tiny',
      state: 'awaiting_approval',
      approval: { id: 1, approvers: ['ada', 'bo'] },
      next_step: expect.stringContaining('2 of ada, bo decide'),
    });
    expect(await p.approve(ada)).toMatchObject({ state: 'pending', missing: 1 });
    expect(await p.approve(ada)).toMatchObject({ state: 'pending', missing: 1, votes: [{ person: 'ada' }] });
    expect(await instances()).toEqual([]);
    await p.approve(bo);
    await p.reaches('done');
    expect(await instances()).toMatchObject([{ id: 1, owner: 'max' }]);
    expect(await p.approval(1)).toMatchObject({ instance: 1, model_id: 'tiny:1', decided_by: 'bo', missing: 0 });
  });

  test('freezes the input with its defaults, and says what would happen', async () => {
    await p.run(max, 'launch_instance', big);
    const shown = await p.approval(1);
    expect(JSON.parse(shown['input'] as string)).toMatchObject({
      ...big,
      regions: ['local'],
      replicas: 1,
      accelerator_count: 1,
      runtime: 'any',
      private: false,
    });
    expect(shown['summary']).toEqual([
      'Launch tiny (nfs:tiny)',
      'In local: 1 replica on 1 × h100, any',
      'Cost: 2 per hour',
    ]);
  });

  test('is joined by the same request, and not by another person’s or an agent’s', async () => {
    await p.run(max, 'launch_instance', big);
    expect(await p.run(max, 'launch_instance', { ...big, replicas: 1 })).toMatchObject({ approval: { id: 1 } });
    expect(await p.run(agent, 'launch_instance', big)).toMatchObject({ approval: { id: 2 } });
    expect(await p.run(mia, 'launch_instance', big)).toMatchObject({ approval: { id: 3 } });
  });

  test('may wait so many times for one person', async () => {
    for (const replicas of [1, 2, 3]) await p.run(max, 'launch_instance', { ...big, replicas });
    await expect(p.run(max, 'launch_instance', { ...big, replicas: 4 })).rejects.toMatchObject({
      code: 'too_many_requests',
    });
    await p.run(max, 'cancel_request', { approval: '2' });
    expect(await p.run(max, 'launch_instance', { ...big, replicas: 4 })).toMatchObject({ state: 'awaiting_approval' });
  });

  test('is refused at once where too few could ever approve, and by a rule that denies', async () => {
    await expect(p.run(ada, 'launch_instance', big)).rejects.toMatchObject({
      code: 'too_few_approvers',
      message: expect.stringContaining('For ada, only bo could approve'),
      nextStep: saying('root'),
    });
    await p.run(max, 'launch_instance', { model: 'tiny' });
    await expect(p.run(max, 'scale_instance', { instance: '1', replicas: 3 })).rejects.toMatchObject({
      code: 'policy_denied',
      kind: 'denied',
      message: expect.stringContaining('Scale in the config.'),
    });
  });

  test('is what the bad input of an operation never becomes', async () => {
    await expect(p.run(max, 'launch_instance', { ...big, replicas: 65 })).rejects.toMatchObject({
      code: 'not_enough_accelerators',
    });
    await expect(p.run(agent, 'delete_instance', { instance: '9' })).rejects.toMatchObject({
      code: 'instance_not_found',
    });
    expect((await p.place.run('list_approvals'))['items']).toEqual([]);
  });

  test('counts what the requester holds and waits for: many small launches are one large one', async () => {
    await p.configure(`${people}
approvals: { person_cost_per_hour: 5 }`);
    expect(await p.run(max, 'launch_instance', big)).toMatchObject({ instance: 1 });
    expect(await p.run(max, 'launch_instance', big)).toMatchObject({ instance: 2 });
    expect(await p.run(max, 'launch_instance', big)).toMatchObject({ state: 'awaiting_approval' });
    expect(await p.run(mia, 'launch_instance', big)).toMatchObject({ instance: 3 });
    expect(await p.run(max, 'launch_instance', { model: 'tiny' })).toMatchObject({ state: 'awaiting_approval' });
  });

  test('by an agent is all that adds or destroys, and nothing that reads', async () => {
    await p.run(max, 'launch_instance', { model: 'tiny' });
    expect(await p.run(agent, 'list_instances')).toMatchObject({ items: [{ id: 1 }] });
    for (const [operation, input] of [
      ['launch_instance', { model: 'tiny' }],
      ['stop_instance', { instance: '1' }],
    ] as const)
      expect(await p.run(agent, operation, input)).toMatchObject({ state: 'awaiting_approval' });
  });
});

describe('an idempotency key', () => {
  const keyed = { ...big, idempotency_key: 'k-1' };

  test('answers with the request as it stands, and after the run with the instance', async () => {
    expect(await p.run(max, 'launch_instance', keyed)).toMatchObject({ approval: { id: 1 } });
    expect(await p.run(max, 'launch_instance', keyed)).toMatchObject({
      state: 'awaiting_approval',
      approval: { id: 1 },
    });
    await expect(p.run(max, 'launch_instance', { ...keyed, replicas: 2 })).rejects.toMatchObject({
      code: 'idempotency_key_used',
    });
    await p.approve(ada);
    await p.approve(bo);
    await p.reaches('done');
    expect(await p.run(max, 'launch_instance', keyed)).toMatchObject({ instance: 1, model_id: 'tiny:1' });
    expect(await instances()).toHaveLength(1);
  });

  test('of a denied request says so, and of a cancelled one is free', async () => {
    await p.run(max, 'launch_instance', keyed);
    await p.run(max, 'cancel_request', { approval: '1' });
    expect(await p.run(max, 'launch_instance', keyed)).toMatchObject({ approval: { id: 2 } });
    await p.run(ada, 'deny_request', { approval: '2', reason: 'too dear' });
    await expect(p.run(max, 'launch_instance', keyed)).rejects.toMatchObject({
      code: 'request_denied',
      exitStatus: 7,
      message: expect.stringMatching(/denied by ada at .*too dear/),
    });
  });
});

describe('the end', () => {
  test('comes with one no, which needs a reason', async () => {
    await p.run(max, 'launch_instance', big);
    await p.approve(ada);
    await expect(p.run(bo, 'deny_request', { approval: '1', reason: ' ' })).rejects.toMatchObject({
      code: 'reason_missing',
    });
    expect(await p.run(bo, 'deny_request', { approval: '1', reason: 'no budget' })).toMatchObject({
      state: 'denied',
      decided_by: 'bo',
      reason: { message: 'no budget' },
    });
    await expect(p.approve(bo)).rejects.toMatchObject({
      code: 'already_decided',
      message: expect.stringMatching(/^Approval request 1 is denied already by bo at 2/),
    });
  });

  test('comes by the requester or their agent taking it back, and by nobody else', async () => {
    await p.run(max, 'launch_instance', big);
    await expect(p.run(ada, 'cancel_request', { approval: '1' })).rejects.toMatchObject({ code: 'not_requester' });
    await expect(p.run(mia, 'cancel_request', { approval: '1' })).rejects.toMatchObject({ code: 'approval_not_found' });
    expect(await p.run(agent, 'cancel_request', { approval: '1' })).toMatchObject({ state: 'cancelled' });
    await expect(p.approve(ada)).rejects.toMatchObject({ code: 'already_decided' });
  });

  test('comes by itself, and never approves', async () => {
    await p.configure(`${people}
policy: [{ require: { approvers: { roles: [approver] }, ttl: 1m } }]`);
    await p.run(max, 'launch_instance', big);
    p.meddle(`update approvals set expires_at = '2026-01-01T00:00:00.000Z'`);
    await expect(p.approve(ada)).rejects.toMatchObject({
      code: 'already_decided',
      message: expect.stringContaining('expired'),
    });
    expect(await instances()).toEqual([]);
  });

  test('comes at once for whom the config lets break glass, with a reason', async () => {
    await p.run(max, 'launch_instance', big);
    const input = { approval: '1', reason: 'production is down' };
    await expect(p.run(ada, 'break_glass', input)).rejects.toMatchObject({ code: 'may_not_break_glass' });
    await p.run(mia, 'break_glass', input);
    await p.reaches('done');
    expect(await p.approval(1)).toMatchObject({ broken_glass: true, decided_by: 'mia' });
  });
});

test('those who decide are reminded once, after a failure too, and later more people may decide', async () => {
  await p.configure(`${people}
policy:
  - require:
      approvers: { people: [ada] }
      remind_after: 1h
      escalate: { after: 2h, approvers: { people: [bo] } }
`);
  await p.run(max, 'launch_instance', big);
  const { approvals } = p.place.core;
  const reminded = async (): Promise<number[]> => {
    const told: number[] = [];
    await approvals.remind(async (id) => void told.push(id));
    return told;
  };
  expect(await reminded()).toEqual([]);
  await expect(p.approve(bo)).rejects.toMatchObject({ code: 'not_an_approver' });
  const ago = (hours: number) => new Date(Date.now() - hours * 3600_000).toISOString();
  p.meddle(`update approvals set asked_at = '${ago(1.5)}', remind_at = '${ago(0.5)}'`);
  await expect(approvals.remind(() => Promise.reject(new Error('Slack is away')))).rejects.toThrow('Slack is away');
  expect(await reminded()).toEqual([]);
  p.meddle(`update notices set claimed_until = '${ago(1)}'`);
  expect(await reminded()).toEqual([1]);
  expect(await reminded()).toEqual([]);
  p.meddle(`update approvals set asked_at = '${ago(2.5)}'`);
  expect(await reminded()).toEqual([]);
  p.meddle(`update approvals set remind_at = '${ago(0.5)}'`);
  expect(await reminded()).toEqual([1]);
  expect(await p.approval(1)).toMatchObject({ approvers: ['ada', 'bo'] });
  await p.approve(bo);
  await p.reaches('done');
});

test('waiting ends at the next change of state', async () => {
  await p.run(max, 'launch_instance', big);
  await p.approve(ada);
  const waiting = p.run(agent, 'get_approval', { approval: '1', wait_seconds: 30 });
  await p.run(bo, 'deny_request', { approval: '1', reason: 'no' });
  expect(await waiting).toMatchObject({ state: 'denied' });
});

test('the policy explains itself without asking for anything', async () => {
  const input = JSON.stringify(big);
  expect(await p.run(await p.as('root'), 'explain_policy', { operation: 'launch-instance', input })).toMatchObject({
    answer: 'require',
    rule: 'two for h100',
    approvers: ['ada', 'bo'],
    considered: ['two for h100: it fits'],
  });
  const cheap = JSON.stringify({ model: 'tiny' });
  expect(
    await p.run(await p.as('root'), 'explain_policy', { operation: 'launch_instance', input: cheap, agent: true }),
  ).toMatchObject({ answer: 'require', rule: 'default: an agent adds' });
  expect((await p.place.run('list_approvals'))['items']).toEqual([]);
});
