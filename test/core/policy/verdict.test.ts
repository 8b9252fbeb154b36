import { expect, test } from 'vitest';
import { assurances, roles } from '../../../src/core/base/caller.ts';
import type { KnownFacts, PolicyFacts } from '../../../src/core/policy/facts.ts';
import { defaultRules, rulesOf } from '../../../src/core/policy/rules.ts';
import { approvalsSchema, policySchema } from '../../../src/core/policy/schema.ts';
import type { Requirement } from '../../../src/core/policy/schema.ts';
import {
  hashOfRules,
  isAnswer,
  reachEarlyVerdict,
  reachVerdict,
  readRules,
  recordOf,
  replay,
} from '../../../src/core/policy/verdict.ts';
import type { Verdict, VerdictRecord } from '../../../src/core/policy/verdict.ts';
import { Random } from '../download/random.ts';

const operations = ['launch_instance', 'scale_instance', 'delete_model'];
const regions = ['eu', 'us'];
const cards = ['h100', 'l40s'];
const licences = ['mit', 'other', 'unknown'];

function maybe<T>(random: Random, make: () => T): T | undefined {
  return random.chance(0.35) ? make() : undefined;
}

function some<T>(random: Random, list: readonly T[]): T[] {
  return [random.pick(list), ...list.filter(() => random.chance(0.3))];
}

function randomWhen(random: Random): object {
  const flag = (): boolean => random.chance(0.5);
  return {
    operations: maybe(random, () => some(random, operations)),
    regions: maybe(random, () => some(random, regions)),
    accelerators: maybe(random, () => some(random, cards)),
    gpus: maybe(random, () => random.whole(1, 8)),
    cost_per_hour: maybe(random, () => random.whole(0, 40) / 4),
    licences: maybe(random, () => some(random, licences)),
    gated: maybe(random, flag),
    roles: maybe(random, () => some(random, roles)),
    agent: maybe(random, flag),
    adds: maybe(random, flag),
    destroys: maybe(random, flag),
    hours: maybe(random, () => ({ from: `0${random.whole(0, 9)}:00`, to: '18:30', zone: 'Asia/Tokyo' })),
  };
}

function randomRequirement(random: Random): object {
  return {
    approvers: { people: some(random, ['ada', 'bo']), roles: maybe(random, () => some(random, roles)) },
    quorum: random.whole(1, 3),
    ttl: random.pick(['1h', '8h']),
    assurance: maybe(random, () => (random.chance(0.5) ? random.pick(assurances) : some(random, assurances))),
    escalate: maybe(random, () => ({ after: '30m', approvers: { groups: ['ml'] } })),
  };
}

function randomRules(random: Random): Verdict['rules'] {
  const policy = Array.from({ length: random.whole(0, 5) }, (_, index) => ({
    name: maybe(random, () => `rule-${index} "é"`),
    when: randomWhen(random),
    ...random.pick([{ allow: true }, { deny: 'Not today.' }, { require: randomRequirement(random) }]),
  }));
  const approvals = approvalsSchema.parse({ person_cost_per_hour: maybe(random, () => 3) });
  return rulesOf({ policy: policySchema.parse(policy), approvals }, false);
}

function randomKnown(random: Random): KnownFacts {
  return {
    operation: random.pick(operations),
    role: random.pick(roles),
    agent: random.chance(0.5),
    destroys: maybe(random, () => random.chance(0.5)),
    askedAt: new Date(Date.UTC(2026, 10, random.whole(1, 28), random.whole(0, 23), random.whole(0, 59))),
  };
}

function randomFacts(random: Random): PolicyFacts {
  return {
    ...randomKnown(random),
    destroys: random.chance(0.5),
    adds: random.chance(0.5),
    regions: maybe(random, () => some(random, regions)),
    accelerators: maybe(random, () => some(random, cards)),
    gpus: maybe(random, () => random.whole(0, 8)),
    costPerHour: maybe(random, () => (random.chance(0.2) ? null : random.whole(0, 40) / 4)),
    licence: maybe(random, () => random.pick(licences)),
    gated: maybe(random, () => random.chance(0.5)),
  };
}

/** A verdict as a call, an early answer or the run of an open request reaches it. */
function randomVerdict(random: Random): Verdict {
  const rules = randomRules(random);
  if (random.chance(0.3)) {
    const early = reachEarlyVerdict(rules, randomKnown(random));
    if (early) return early;
  }
  const [first] = policySchema.parse([{ require: randomRequirement(random) }]);
  const requirement: Requirement | undefined = random.chance(0.3) ? first?.require : undefined;
  const earlier = requirement && { ...requirement, approvers: [requirement.approvers] };
  return reachVerdict(rules, randomFacts(random), earlier);
}

function answerOf({ rules, facts }: Pick<VerdictRecord, 'rules' | 'facts'>) {
  return replay(readRules(rules) ?? expect.fail('rules that can be read'), facts);
}

test('every recorded verdict can be recomputed from its record alone', () => {
  const answers = new Set<string>();
  for (let seed = 0; seed < 5000; seed++) {
    const verdict = randomVerdict(new Random(seed));
    // As the database keeps it.
    const record: VerdictRecord = { ...recordOf(verdict) };
    const again = answerOf(record) ?? expect.fail(`seed ${seed}: no answer`);
    expect(isAnswer(record.answer, again), `seed ${seed}`).toBe(true);
    expect(record.policyHash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOfRules(record.rules)).toBe(record.policyHash);
    answers.add(verdict.answer.answer);
  }
  expect([...answers].toSorted()).toEqual(['allow', 'deny', 'require']);
});

test('a record with other facts or rules that decide otherwise is found, and every changed byte of the rules', () => {
  let found = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const verdict = randomVerdict(random);
    const record = recordOf(verdict);
    const other = recordOf(reachVerdict(verdict.rules, randomFacts(random)));
    const swapped = answerOf({ rules: record.rules, facts: other.facts }) ?? expect.fail('an answer');
    expect(isAnswer(record.answer, swapped)).toBe(record.answer === other.answer);
    if (record.answer !== other.answer) found += 1;
    const at = random.whole(0, record.rules.length - 1);
    const flipped = String.fromCodePoint((record.rules.codePointAt(at) ?? 0) ^ 1);
    expect(hashOfRules(record.rules.slice(0, at) + flipped + record.rules.slice(at + 1))).not.toBe(record.policyHash);
  }
  expect(found).toBeGreaterThan(50);
});

test('a fact that this version does not know makes a verdict not replayable, never another verdict', () => {
  const facts = randomFacts(new Random(1));
  const record = recordOf(reachVerdict(defaultRules(approvalsSchema.parse({})), facts));
  const parsed = JSON.parse(record.facts) as { facts: object };
  expect(answerOf(record)).toBeDefined();
  const unknown = JSON.stringify({ ...parsed, facts: { ...parsed.facts, moonphase: 'full' } });
  expect(answerOf({ ...record, facts: unknown })).toBeUndefined();
  expect(answerOf({ ...record, facts: JSON.stringify({ ...parsed, version: 2 }) })).toBeUndefined();
  expect(readRules('[{"name":"a","when":{"moon":"full"},"allow":true}]')).toBeUndefined();
});
