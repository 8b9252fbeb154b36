import { saying } from '../../support/plain.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const rule = (more = '') => `
policy:
  - name: launches
    when: { operations: [launch_instance] }
    require: { approvers: { roles: [approver] }${more} }
`;

let p: DecisionPlace;
let ada: Caller;
let bo: Caller;
let max: Caller;
const launch = { model: 'tiny' };
const place = async (policy = rule()) => {
  p = await decisionPlace(policy);
  ({ ada, bo, max } = p);
};
afterEach(() => p[Symbol.asyncDispose]());

const ask = (who: Caller, input: object = launch) => p.run(who, 'launch_instance', input);
const instances = async () => ((await p.place.run('list_instances'))['items'] as object[]).length;

describe('nobody approves their own request', () => {
  beforeEach(() => place());

  test('by any pair of identities of one person, nor what an agent of theirs asked for', async () => {
    // Another workspace of theirs, a token that may decide, the first identity again; and for root the terminal.
    const identitiesOf = async (name: string): Promise<Caller[]> => [
      await p.as(name),
      { ...(await p.as(name)), identity: `slack:T2/${name.toUpperCase()}` },
      await p.withToken(name, { mayDecide: true }),
      await p.withToken(name, { mayDecide: true }, 'cli'),
    ];
    let id = 0;
    for (const name of ['bo', 'root']) {
      const identities = await identitiesOf(name);
      const askers = [
        ...identities,
        await p.withToken(name, { agent: true }, 'mcp'),
        await p.withToken(name, {}, 'mcp'),
      ];
      for (const [index, asker] of askers.entries()) {
        await ask(asker, { ...launch, replicas: index + 1 });
        id += 1;
        for (const decider of identities) {
          await expect(p.approve(decider, String(id))).rejects.toMatchObject({ code: 'own_request' });
          const no = p.run(decider, 'deny_request', { approval: String(id), reason: 'no' });
          await expect(no).rejects.toMatchObject({ code: 'own_request' });
        }
        await p.run(asker, 'cancel_request', { approval: String(id) });
      }
    }
    expect(await instances()).toBe(0);
  });

  test('unless the rule says so', async () => {
    await p.configure(people + rule(', requester_may_approve: true'));
    await ask(ada);
    await p.approve(ada);
    await p.reaches('done');
    expect(await instances()).toBe(1);
  });
});

describe('nobody decides who is not a person that may', () => {
  beforeEach(() => place());

  test('not an agent, whatever its token, nor an approver over MCP, nor with a token that was not made for it', async () => {
    await ask(max);
    for (const caller of [
      await p.withToken('ada', { agent: true }),
      await p.withToken('ada', { agent: true }, 'cli'),
      await p.withToken('ada', {}),
      await p.withToken('ada', { mayDecide: true }, 'mcp'),
      { ...ada, agent: true },
      { ...ada, mayDecide: false },
    ]) {
      for (const [operation, more] of [
        ['approve_request', {}],
        ['deny_request', { reason: 'no' }],
        ['break_glass', { reason: 'no' }],
      ] as const) {
        const tried = p.run(caller, operation, { approval: '1', ...more });
        const code = caller.source === 'mcp' ? 'not_offered_here' : 'may_not_decide';
        await expect(tried).rejects.toMatchObject({ code, kind: 'refused' });
      }
    }
    expect(await p.approval(1)).toMatchObject({ state: 'pending', votes: [] });
  });

  test('not a member, who learns nothing of others’ requests, nor a forged number', async () => {
    await ask(max);
    const { mia } = p;
    await expect(p.approve(mia)).rejects.toMatchObject({ code: 'approval_not_found' });
    expect(await p.run(mia, 'list_approvals')).toMatchObject({ items: [] });
    expect(await p.run(max, 'list_approvals')).toMatchObject({ items: [{ id: 1 }] });
    for (const id of ['2', '999999999'])
      await expect(p.approve(ada, id)).rejects.toMatchObject({ code: 'approval_not_found' });
    for (const id of ['0', '01', '-1', '1e3', '1 or 1=1', '../1'])
      await expect(p.approve(ada, id)).rejects.toMatchObject({ code: 'bad_field' });
  });

  test('not an approver whom the rule does not name', async () => {
    await p.configure(`${people}
policy: [{ require: { approvers: { people: [bo] } } }]`);
    await ask(max);
    await expect(p.approve(ada)).rejects.toMatchObject({ code: 'not_an_approver' });
    await p.approve(bo);
    await p.reaches('done');
  });
});

describe('a decision is made once', () => {
  beforeEach(() => place());

  test('a replayed one changes nothing and says who decided and when', async () => {
    await ask(max);
    await p.approve(ada);
    await p.reaches('done');
    for (const again of [
      p.approve(ada),
      p.approve(bo),
      p.run(bo, 'deny_request', { approval: '1', reason: 'late' }),
      p.run(max, 'cancel_request', { approval: '1' }),
    ])
      await expect(again).rejects.toMatchObject({
        code: 'already_decided',
        message: expect.stringMatching(/^Approval request 1 is done already by ada at \d{4}-/),
      });
    expect(await instances()).toBe(1);
  });

  test('many at once are one', async () => {
    await ask(max);
    const ends = await Promise.allSettled([ada, bo, ada, bo, ada].map((who) => p.approve(who)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await p.reaches('done');
    expect(await instances()).toBe(1);
  });
});

describe('between the request and its run', () => {
  test('a vote stops counting with the role, and the request waits for another', async () => {
    await place(rule(', quorum: 2'));
    await p.configure(
      `${people}  - { name: cleo, role: approver, identities: ["slack:T1/CLEO"] }\n${rule(', quorum: 2')}`,
    );
    await ask(max);
    await p.approve(ada);
    await p.configure(
      `${people.replace('name: ada, role: approver', 'name: ada, role: member')}  - { name: cleo, role: approver, identities: ["slack:T1/CLEO"] }\n${rule(', quorum: 2')}`,
    );
    expect(await p.approve(bo)).toMatchObject({
      state: 'pending',
      missing: 1,
      votes: [
        { person: 'ada', counts: false },
        { person: 'bo', counts: true },
      ],
    });
    expect(await instances()).toBe(0);
    await p.approve(await p.as('cleo'));
    await p.reaches('done');
  });

  test('an approver who lost the role decides no more, whoever gave it', async () => {
    await place();
    const root = await p.as('root');
    const give = (role: string) => p.run(root, 'set_role', { person: 'slack:T1/GIL', role, name: 'gil' });
    await give('approver');
    const person = (await p.place.core.access.personOfSlack('T1', 'GIL')) ?? expect.fail('Gil has a role');
    const gil: Caller = { ...ada, person, identity: 'slack:T1/GIL' };
    await ask(max);
    expect(await p.approval(1)).toMatchObject({
      approvers: expect.arrayContaining([person.name, 'ada', 'bo']) as unknown,
    });
    await give('none');
    await expect(p.approve(gil)).rejects.toMatchObject({ code: 'no_role' });
    await give('member');
    await expect(p.approve(gil)).rejects.toMatchObject({ code: 'approval_not_found' });
    await p.configure(
      people.replace(/ {2}- { name: ada.*\n/, '').replace('bo, role: approver', 'bo, role: viewer') + rule(),
    );
    await expect(p.approve(ada)).rejects.toMatchObject({ code: 'no_role' });
    await expect(p.approve(bo)).rejects.toMatchObject({ code: 'role_missing' });
    expect(await p.approval(1)).toMatchObject({ state: 'pending', votes: [] });
  });

  test('a group that vanished gives no approver', async () => {
    const grouped = (
      groups: string,
    ) => `${people.replace(/max, role: member/, 'max, role: member, groups: [gpu]')}${groups}
policy: [{ when: { operations: [launch_instance] }, require: { approvers: { groups: [gpu] } } }]
`;
    await place();
    await p.configure(grouped('groups: [{ name: gpu }]'));
    await ask(ada);
    await p.configure(`${people}
policy: []
`);
    await expect(p.approve(max)).rejects.toMatchObject({ kind: expect.stringMatching(/refused|not_found/) });
    expect(await p.approval(1)).toMatchObject({ state: 'pending', approvers: [] });
  });

  test('nor does one of Slack that is gone, or that Slack cannot be asked about, and a vote from it counts no more', async () => {
    const policy = `groups: [{ name: gpu, role: member, slack: T1/S1 }]
policy: [{ when: { operations: [launch_instance] }, require: { approvers: { groups: [gpu] }, quorum: 2 } }]
`;
    await place();
    const slack: { members: readonly string[] | undefined } = { members: ['slack:T1/GIL', 'slack:T1/ADA'] };
    p.place.core.access.lookUpGroupsWith({ members: async () => slack.members, active: async () => true });
    await p.configure(people + policy);
    const person = (await p.place.core.access.personOfSlack('T1', 'GIL')) ?? expect.fail('Gil is in the group');
    await ask(max);
    expect(await p.approve(ada)).toMatchObject({ state: 'pending', missing: 1 });
    const gil: Caller = { ...ada, person, identity: 'slack:T1/GIL' };
    for (const members of [[], undefined]) {
      slack.members = members;
      await expect(p.approve(gil)).rejects.toMatchObject({ code: 'no_role' });
    }
    slack.members = ['slack:T1/GIL'];
    expect(await p.approve(gil)).toMatchObject({
      state: 'pending',
      missing: 1,
      votes: [
        { person: 'ada', counts: false },
        { person: person.name, counts: true },
      ],
    });
    expect(await instances()).toBe(0);
  });

  test('a requester who lost the role, or the token, ends it', async () => {
    await place();
    await ask(max);
    const agent = await p.withToken('max', { agent: true }, 'mcp');
    await ask(agent);
    await p.place.core.access.revokeToken(agent.identity.slice('token:'.length));
    await expect(p.approve(ada, '2')).rejects.toMatchObject({ code: 'request_stale' });
    await p.configure(people.replace('name: max, role: member', 'name: max, role: viewer') + rule());
    await expect(p.approve(ada, '1')).rejects.toMatchObject({
      code: 'request_stale',
      message: expect.stringContaining('max has the role viewer now'),
    });
    expect(await p.approval(1)).toMatchObject({ state: 'stale' });
  });

  test('what was looked at may not change: the request is stale and says what did', async () => {
    await place();
    await ask(max);
    await p.write('tiny/config.json', '{"model_type":"other"}');
    await expect(p.approve(ada)).rejects.toMatchObject({
      code: 'request_stale',
      message: expect.stringContaining('changed since registration'),
      nextStep: saying('max can repeat the call'),
    });
    expect(await instances()).toBe(0);
  });

  test('a model that was deleted ends it', async () => {
    await place();
    await ask(max);
    await p.run(max, 'delete_model', { model: 'tiny' });
    await expect(p.approve(ada)).rejects.toMatchObject({
      code: 'request_stale',
      message: expect.stringContaining('tiny'),
    });
  });

  test('a rule that became stricter wins, and one that became looser does not', async () => {
    await place();
    await ask(max);
    await p.configure(people + rule(', quorum: 2'));
    expect(await p.approve(ada)).toMatchObject({ state: 'pending', missing: 1 });
    await p.configure(`${people}\npolicy: [{ allow: true }]`);
    expect(await p.approval(1)).toMatchObject({ state: 'pending' });
    await p.configure(`${people}\npolicy: [{ deny: not any more }]`);
    await expect(p.approve(bo)).rejects.toMatchObject({
      code: 'request_denied',
      message: expect.stringContaining('not any more'),
    });
    expect(await p.approval(1)).toMatchObject({ state: 'denied' });
    expect(await instances()).toBe(0);
  });
});

describe('with a single person', () => {
  const alone = (more = '') => `people: [{ name: root, role: admin, identities: [local] }]\n${more}`;

  test('and no policy nothing is held back, agents included', async () => {
    await place('');
    await p.configure(alone());
    const agent = await p.withToken('root', { agent: true }, 'mcp');
    expect(await ask(agent)).toMatchObject({ instance: 1 });
  });

  test('and a policy they approve at the terminal what their agent asks for, and nowhere else', async () => {
    await place();
    await p.configure(alone(rule()));
    const agent = await p.withToken('root', { agent: true }, 'mcp');
    expect(await ask(agent)).toMatchObject({ approval: { approvers: ['root'] } });
    await expect(p.approve(await p.withToken('root', { mayDecide: true }))).rejects.toMatchObject({
      code: 'own_request',
    });
    await p.approve(await p.as('root'));
    await p.reaches('done');
  });
});
