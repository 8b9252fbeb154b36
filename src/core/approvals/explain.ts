import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import { considerRules } from '../policy/decide.ts';
import type { PolicyAnswer } from '../policy/decide.ts';
import { ask, askEarly } from './ask.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { eligibleFor } from './eligible.ts';

export interface ExplainInput {
  operation: string;
  input: string;
  agent: boolean;
}

/**
 * Names the rule that answers this call, and says why the rules before it do not fit. Stores and runs nothing. It prepares
 * the call, so the caller must be allowed to make it: nobody learns more by explaining a call than by making it.
 */
export async function explain(deps: ApprovalDeps, given: ExplainInput, caller: Caller) {
  const operation = deps.operations.find(given.operation.replaceAll('-', '_'));
  if (!operation) {
    throw fail('operation_not_found', `There is no operation "${given.operation.slice(0, 64)}".`, {
      nextStep: 'Use the name of an operation that exists.',
      field: 'operation',
    });
  }
  const { name } = operation;
  const agent = given.agent || caller.agent;
  const asker = await deps.operations.authorise(operation, {
    ...caller,
    agent,
    mayDecide: caller.mayDecide && !agent,
  });
  if (operation.effect === 'read' || operation.neverHeldBack) {
    return { operation: name, answer: 'allow' as const, rule: 'it never needs approval', considered: [], summary: [] };
  }
  const { question, verdict: early } = await askEarly(deps, { operation, caller: asker });
  const input = parseInput(given.input, name);
  // A call that the policy denies anyway does not read the world.
  const denied = early?.answer.answer === 'deny';
  const preview = denied ? undefined : (await deps.operations.prepare(name, input, asker, false)).preview;
  const { answer, rules, facts } = preview ? await ask(deps, { ...question, preview }) : (early ?? missing(name));
  return {
    operation: name,
    answer: answer.answer,
    rule: rules.length === 0 ? 'there is no policy, and you are the only person' : answer.rule,
    reason: answer.answer === 'deny' ? answer.reason : undefined,
    ...(await needsOf(deps, answer, caller)),
    considered: considerRules(rules, facts).map(({ rule, mismatch }) => `${rule}: ${mismatch ?? 'it fits'}`),
    summary: preview?.summary ?? [],
  };
}

function missing(name: string): never {
  throw new Error(`${name} has neither an early verdict nor a preview.`);
}

async function needsOf(deps: ApprovalDeps, answer: PolicyAnswer, caller: Caller) {
  if (answer.answer !== 'require') return {};
  const { needs } = answer;
  const eligible = await eligibleFor(deps, needs, caller.person.id, deps.now().toISOString());
  return {
    approvers: [...eligible.values()].map(({ name }) => name),
    quorum: needs.quorum,
    ttl: needs.ttl,
    reason_required: needs.reason_required,
  };
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
