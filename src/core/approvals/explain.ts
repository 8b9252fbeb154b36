import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { findOperation } from '../operations/catalogue.ts';
import { parseInput } from '../operation/parse-input.ts';
import { considerRules, decide } from '../policy/decide.ts';
import { eligibleFor } from './eligible.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { factsOf, knownFacts, makePreview, rulesNow } from './policy-input.ts';

export interface ExplainInput {
  operation: string;
  input: string;
  agent: boolean;
}

/** Which rule would answer this very call of the caller's, and why none before it did. Asks for nothing. */
export async function explain(deps: ApprovalDeps, given: ExplainInput, caller: Caller) {
  const operation = findOperation(given.operation.replaceAll('-', '_'));
  if (!operation) {
    throw fail('operation_not_found', `There is no operation "${given.operation.slice(0, 64)}".`, {
      nextStep: 'Name one that the help shows.',
      field: 'operation',
    });
  }
  if (operation.effect === 'read' || operation.neverHeldBack) {
    return {
      operation: operation.name,
      answer: 'allow' as const,
      rule: 'it is never held back',
      considered: [],
      summary: [],
    };
  }
  const asker = { ...caller, agent: given.agent || caller.agent };
  const preview = await makePreview(deps, operation, parseInput(operation, parseJson(given.input)), asker, false);
  const rules = await rulesNow(deps);
  const known = knownFacts(operation, asker, deps.now());
  const facts = await factsOf(deps, known, preview, caller.person.id);
  const answer = decide(rules, facts);
  const needs = answer.answer === 'require' ? answer.needs : undefined;
  const approvers =
    needs &&
    [...(await eligibleFor(deps, needs, caller.person.id, deps.now().toISOString())).values()].map(({ name }) => name);
  return {
    operation: operation.name,
    answer: answer.answer,
    rule: rules.length === 0 ? 'there is no policy, and nobody but you' : answer.rule,
    ...(answer.answer === 'deny' ? { reason: answer.reason } : {}),
    ...(needs ? { approvers, quorum: needs.quorum, ttl: needs.ttl } : {}),
    considered: considerRules(rules, facts).map(({ rule, mismatch }) => `${rule}: ${mismatch ?? 'it fits'}`),
    summary: preview.summary,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fail('bad_field', '"input" is not JSON.', {
      nextStep: 'Give the operation\'s input as one JSON object, such as {"model": "tiny"}.',
      field: 'input',
    });
  }
}
