import type { Caller } from '../base/caller.ts';
import { destroysAlways } from '../operation/operation.ts';
import type { Operation } from '../operation/operation.ts';
import type { Preview } from '../operation/preview.ts';
import type { NamedRule, Needs } from '../policy/decide.ts';
import { policyFacts } from '../policy/facts.ts';
import type { KnownFacts, PolicyFacts } from '../policy/facts.ts';
import { rulesOf } from '../policy/rules.ts';
import { reachVerdict } from '../policy/verdict.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { Queries } from '../store/store.ts';
import { isAlone } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { usageOfPerson } from './usage.ts';

export async function rulesNow(deps: Pick<ApprovalDeps, 'access' | 'rules'>): Promise<NamedRule[]> {
  return rulesOf(deps.rules(), await isAlone(deps));
}

export function knownFacts(operation: Operation, caller: Caller, askedAt: Date): KnownFacts {
  return {
    operation: operation.name,
    role: caller.person.role,
    agent: caller.agent,
    destroys: destroysAlways(operation),
    askedAt,
  };
}

/** The question to the policy about one call of one person. */
export interface PolicyQuestion {
  rules: readonly NamedRule[];
  known: KnownFacts;
  preview: Preview;
  /** The requester's id. */
  person: string;
  /** An approval request that does not count towards the requester's usage: the one that the question is about. */
  except?: number | undefined;
}

/** The facts of the preview. Totals include what the requester uses and has requested besides. */
export async function factsOf(
  { fleet }: Pick<ApprovalDeps, 'fleet'>,
  db: Queries,
  question: PolicyQuestion,
): Promise<PolicyFacts> {
  const { known, preview, person, except } = question;
  return policyFacts(known, preview.facts, await usageOfPerson(db, fleet, person, except));
}

/** `earlier`: what the open request needs that the question is about. */
export async function verdictOn(
  deps: Pick<ApprovalDeps, 'fleet'>,
  db: Queries,
  question: PolicyQuestion,
  earlier?: Needs,
): Promise<Verdict> {
  return reachVerdict(question.rules, await factsOf(deps, db, question), earlier);
}

/** True if parallel calls of the same person may change the answer. */
export function dependsOnUsage({ rules, preview: { facts } }: PolicyQuestion): boolean {
  if (facts.gpus === undefined && facts.costPerHour === undefined) return false;
  return rules.some(({ when }) => when.gpus !== undefined || when.cost_per_hour !== undefined);
}
