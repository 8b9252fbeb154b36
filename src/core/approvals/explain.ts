import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import { considerRules, decide } from '../policy/decide.ts';
import type { PolicyAnswer } from '../policy/decide.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { eligibleFor } from './eligible.ts';
import { factsOf, knownFacts, rulesNow } from './policy-input.ts';

export interface ExplainInput {
  operation: string;
  input: string;
  agent: boolean;
}

/** Names the rule that answers this call, and says why the rules before it do not fit. Stores and runs nothing. */
export async function explain(deps: ApprovalDeps, given: ExplainInput, caller: Caller) {
  const operation = deps.operations.find(given.operation.replaceAll('-', '_'));
  if (!operation) {
    throw fail('operation_not_found', `There is no operation "${given.operation.slice(0, 64)}".`, {
      nextStep: 'Use the name of an operation that exists.',
      field: 'operation',
    });
  }
  const { name } = operation;
  if (operation.effect === 'read' || operation.neverHeldBack) {
    return { operation: name, answer: 'allow' as const, rule: 'it never needs approval', considered: [], summary: [] };
  }
  const asker = { ...caller, agent: given.agent || caller.agent };
  const { preview } = await deps.operations.prepare(name, parseInput(given.input, name), asker, false);
  const rules = await rulesNow(deps);
  const known = knownFacts(operation, asker, deps.now());
  const facts = await factsOf(deps, deps.store.db, { rules, known, preview, person: caller.person.id });
  const answer = decide(rules, facts);
  return {
    operation: name,
    answer: answer.answer,
    rule: rules.length === 0 ? 'there is no policy, and you are the only person' : answer.rule,
    reason: answer.answer === 'deny' ? answer.reason : undefined,
    ...(await needsOf(deps, answer, caller)),
    considered: considerRules(rules, facts).map(({ rule, mismatch }) => `${rule}: ${mismatch ?? 'it fits'}`),
    summary: preview.summary,
  };
}

async function needsOf(deps: ApprovalDeps, answer: PolicyAnswer, caller: Caller) {
  if (answer.answer !== 'require') return {};
  const { needs } = answer;
  const eligible = await eligibleFor(deps, needs, caller.person.id, deps.now().toISOString());
  return { approvers: [...eligible.values()].map(({ name }) => name), quorum: needs.quorum, ttl: needs.ttl };
}

function parseInput(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fail('bad_field', say`${fieldRef('input')} is not JSON.`, {
      nextStep: `Give the input of ${name} as one JSON object, such as {"model": "tiny"}.`,
      field: 'input',
    });
  }
}
