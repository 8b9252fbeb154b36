import { describe, expect, test } from 'vitest';
import { considerRules, decide, decideWithoutPreview, stricter } from '../../../src/core/policy/decide.ts';
import type { Needs, PolicyAnswer } from '../../../src/core/policy/decide.ts';
import { policyFacts } from '../../../src/core/policy/facts.ts';
import type { PolicyFacts } from '../../../src/core/policy/facts.ts';
import { rulesOf } from '../../../src/core/policy/rules.ts';
import { approvalsSchema, policySchema } from '../../../src/core/policy/schema.ts';

const launch: PolicyFacts = {
  operation: 'launch_instance',
  role: 'member',
  agent: false,
  destroys: false,
  askedAt: new Date('2026-11-23T12:00:00Z'),
  regions: ['eu'],
  accelerators: ['h100'],
  gpus: 2,
  costPerHour: 8,
  modelBytes: 1000,
  licence: 'apache-2.0',
  gated: false,
  adds: true,
};

function rules(policy?: unknown[], approvals: object = {}, alone = false) {
  return rulesOf(
    {
      policy: policy === undefined ? undefined : policySchema.parse(policy),
      approvals: approvalsSchema.parse(approvals),
    },
    alone,
  );
}

const no = 'not here';

describe('a matcher', () => {
  const cases: [string, object, Partial<PolicyFacts>, boolean][] = [
    ['operations', { operations: ['launch_instance'] }, {}, true],
    ['operations as the command line writes them', { operations: ['launch-instance'] }, {}, true],
    ['other operations', { operations: ['delete_model'] }, {}, false],
    ['a region among several', { regions: ['us', 'eu'] }, {}, true],
    ['another region', { regions: ['us'] }, {}, false],
    ['an accelerator', { accelerators: ['h100'] }, {}, true],
    ['an accelerator, and none is used', { accelerators: ['h100'] }, { accelerators: [] }, false],
    ['as many accelerators', { gpus: 2 }, {}, true],
    ['more accelerators', { gpus: 3 }, {}, false],
    ['a cost above', { cost_per_hour: 7.99 }, {}, true],
    ['a cost that is just met', { cost_per_hour: 8 }, {}, false],
    ['an unknown price', { cost_per_hour: 1000 }, { costPerHour: null }, true],
    ['more bytes', { model_bytes: 999 }, {}, true],
    ['as many bytes', { model_bytes: 1000 }, {}, false],
    ['a licence in other letters', { licences: ['Apache-2.0'] }, {}, true],
    ['another licence', { licences: ['other'] }, {}, false],
    ['gated', { gated: true }, { gated: true }, true],
    ['not gated', { gated: false }, {}, true],
    ['code of the model', { trust_remote_code: true }, { trustRemoteCode: true }, true],
    ['code of the model, and there is none', { trust_remote_code: true }, { trustRemoteCode: false }, false],
    ['pickle files', { pickle: true }, { pickle: true }, true],
    ['pickle files, and nothing is launched', { pickle: true }, {}, false],
    ['a role', { roles: ['member'] }, {}, true],
    ['another role', { roles: ['admin'] }, {}, false],
    ['an agent', { agent: true }, { agent: true }, true],
    ['an agent, and a person asks', { agent: true }, {}, false],
    ['hours', { hours: { from: '09:00', to: '18:00' } }, {}, true],
    ['hours, at their end', { hours: { from: '09:00', to: '12:00' } }, {}, false],
    [
      'hours over midnight',
      { hours: { from: '18:00', to: '08:00' } },
      { askedAt: new Date('2026-11-23T03:00:00Z') },
      true,
    ],
    ['hours over midnight, by day', { hours: { from: '18:00', to: '08:00' } }, {}, false],
    ['hours of a zone', { hours: { from: '20:00', to: '22:00', zone: 'Asia/Tokyo' } }, {}, true],
    ['launches without an end', { stop_after: false }, { stopAfter: false }, true],
    ['launches without an end, and this one has an end', { stop_after: false }, { stopAfter: true }, false],
    ['launches without an end, and this is no launch', { stop_after: false }, {}, false],
    ['adds', { adds: true }, { adds: false }, false],
    ['destroys', { destroys: true }, { destroys: true }, true],
    ['two at once, one of which does not', { regions: ['eu'], gated: true }, {}, false],
    ['nothing at all', {}, {}, true],
  ];
  test.each(cases)('of %s', (_name, when, facts, fits) => {
    const answer = decide(rules([{ when, deny: no }]), { ...launch, ...facts });
    expect(answer.answer === 'deny').toBe(fits);
  });

  test('about something that does not apply to the operation does not fit', () => {
    const { gpus: _gpus, costPerHour: _cost, modelBytes: _bytes, licence: _licence, gated: _gated, ...bare } = launch;
    for (const when of [
      { gpus: 1 },
      { cost_per_hour: 0 },
      { model_bytes: 0 },
      { licences: ['unknown'] },
      { gated: false },
    ])
      expect(decide(rules([{ when, deny: no }]), bare)).toMatchObject({ answer: 'allow' });
  });
});

describe('the rules', () => {
  test('are tried in order, and the first that fits answers', () => {
    const ordered = rules([{ when: { gated: true }, deny: 'first' }, { name: 'open', allow: true }, { deny: 'never' }]);
    expect(decide(ordered, launch)).toEqual({ answer: 'allow', rule: 'open' });
    expect(decide(ordered, { ...launch, gated: true })).toEqual({ answer: 'deny', rule: 'rule 1', reason: 'first' });
    expect(considerRules(ordered, launch)).toEqual([
      { rule: 'rule 1', mismatch: 'the model is not gated' },
      { rule: 'open' },
    ]);
  });

  test('are refused in the config if they have no answer or two', () => {
    expect(policySchema.safeParse([{ when: {} }]).success).toBe(false);
    expect(policySchema.safeParse([{ allow: true, deny: no }]).success).toBe(false);
    expect(policySchema.safeParse([{ require: { approvers: {} } }]).success).toBe(false);
    expect(policySchema.safeParse([{ when: { hours: { from: '1', to: '2' } }, deny: no }]).success).toBe(false);
    expect(
      policySchema.safeParse([{ when: { hours: { from: '01:00', to: '02:00', zone: 'Mars' } }, deny: no }]).success,
    ).toBe(false);
  });

  test('answer without a preview only if a preview cannot change the answer', () => {
    const agent = { ...launch, agent: true };
    expect(decideWithoutPreview(rules(), launch)).toMatchObject({ answer: 'allow' });
    expect(decideWithoutPreview(rules(), agent)).toBeUndefined();
    expect(decideWithoutPreview(rules([{ when: { agent: true }, deny: no }]), agent)).toMatchObject({ answer: 'deny' });
    expect(decideWithoutPreview(rules([{ when: { gated: true }, deny: no }, { allow: true }]), launch)).toBeUndefined();
  });
});

describe('without rules in the config', () => {
  test('an agent needs one approver to add and to destroy, and for nothing else', () => {
    const agent = { ...launch, agent: true };
    expect(decide(rules(), agent)).toMatchObject({
      answer: 'require',
      needs: { quorum: 1, requester_may_approve: false },
    });
    expect(decide(rules(), { ...agent, adds: false, destroys: true })).toMatchObject({ answer: 'require' });
    expect(decide(rules(), { ...agent, adds: false })).toMatchObject({ answer: 'allow' });
  });

  test('a person needs one above the configured cost, and an unknown price counts as above', () => {
    const limited = rules(undefined, { person_cost_per_hour: 10 });
    expect(decide(rules(), { ...launch, costPerHour: null })).toMatchObject({ answer: 'allow' });
    expect(decide(limited, launch)).toMatchObject({ answer: 'allow' });
    expect(decide(limited, { ...launch, costPerHour: 10.5 })).toMatchObject({ answer: 'require' });
    expect(decide(limited, { ...launch, costPerHour: null })).toMatchObject({ answer: 'require' });
    expect(decide(limited, { ...launch, costPerHour: 99, adds: false })).toMatchObject({ answer: 'allow' });
  });

  test('nothing needs approval if the person at the terminal is alone', () => {
    expect(decide(rules(undefined, {}, true), { ...launch, agent: true })).toMatchObject({ answer: 'allow' });
    expect(decide(rules([], {}, true), { ...launch, agent: true })).toMatchObject({ answer: 'require' });
  });
});

test('small launches add up: the sixth exceeds the limit of the person', () => {
  const { gpus: _gpus, costPerHour: _cost, ...known } = launch;
  const limited = rules(undefined, { person_cost_per_hour: 10 });
  const small = { adds: true, gpus: 1, costPerHour: 2 };
  const answers = [0, 1, 2, 3, 4, 5].map(
    (before) => decide(limited, policyFacts(known, small, { gpus: before, costPerHour: before * 2 })).answer,
  );
  expect(answers).toEqual(['allow', 'allow', 'allow', 'allow', 'allow', 'require']);
});

describe('a rule that changed while a request waits', () => {
  const needs: Needs = {
    approvers: [{ roles: ['approver'] }],
    quorum: 1,
    ttl: '24h',
    reason_required: false,
    requester_may_approve: true,
  };
  const now = (changed: Partial<Needs>): PolicyAnswer => ({
    answer: 'require',
    rule: 'r',
    needs: { ...needs, ...changed },
  });

  test('counts where it is stricter, and what was stricter stays', () => {
    const stricterNow = stricter(
      needs,
      now({ quorum: 2, reason_required: true, requester_may_approve: false, ttl: '1h' }),
    );
    const expected = { quorum: 2, reason_required: true, requester_may_approve: false, ttl: '1h' };
    expect(stricterNow).toMatchObject({ needs: expected });
    expect(stricter({ ...needs, ...expected }, now({}))).toMatchObject({ needs: expected });
  });

  test('never allows an open request, and ends it if it denies', () => {
    expect(stricter(needs, { answer: 'allow', rule: 'r' })).toMatchObject({ answer: 'require', needs });
    expect(stricter(needs, { answer: 'deny', rule: 'r', reason: no })).toMatchObject({ answer: 'deny' });
  });

  test('wants approvers that both rules name', () => {
    const approvers = [{ people: ['ada'] }];
    expect(stricter(needs, now({ approvers }))).toMatchObject({
      needs: { approvers: [{ roles: ['approver'] }, { people: ['ada'] }] },
    });
    expect(stricter(needs, now({}))).toMatchObject({ needs: { approvers: [{ roles: ['approver'] }] } });
  });
});
