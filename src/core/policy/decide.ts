import { durationMs } from '../base/duration.ts';
import type { KnownFacts, PolicyFacts } from './facts.ts';
import { knownMismatch, mismatch, needsPreview } from './match.ts';
import type { ApproverSet, PolicyRule, Requirement } from './schema.ts';

/** What an approval needs. An approver must be in every one of the sets. */
export interface Needs extends Omit<Requirement, 'approvers'> {
  approvers: ApproverSet[];
}

/** The answer of the policy, and the rule that gave it. */
export type PolicyAnswer =
  | { answer: 'allow'; rule: string }
  | { answer: 'deny'; rule: string; reason: string }
  | { answer: 'require'; rule: string; needs: Needs };

/** A rule with the name that people read. */
export interface NamedRule extends PolicyRule {
  name: string;
}

export interface ConsideredRule {
  rule: string;
  /** Why the rule does not fit. Undefined for the rule that answers. */
  mismatch?: string;
}

const nothingApplies: PolicyAnswer = { answer: 'allow', rule: 'no rule applies' };

/** The first rule that fits answers. If none fits, the operation is allowed. */
export function decide(rules: readonly NamedRule[], facts: PolicyFacts): PolicyAnswer {
  const rule = rules.find((each) => mismatch(each.when, facts) === undefined);
  return rule ? answerOf(rule) : nothingApplies;
}

/** The rules in order, up to the one that answers. Without facts of a preview, up to the one that answers early. */
export function considerRules(rules: readonly NamedRule[], facts: KnownFacts | PolicyFacts): ConsideredRule[] {
  const considered: ConsideredRule[] = [];
  for (const { name, when } of rules) {
    const why = 'adds' in facts ? mismatch(when, facts) : knownMismatch(when, facts);
    considered.push({ rule: name, mismatch: why });
    if (why === undefined) break;
  }
  return considered;
}

/**
 * The answer if it does not depend on a preview, else undefined. A preview costs calls to regions and the Hub. A rule
 * that requires approval always needs one: approvers read it.
 */
export function decideWithoutPreview(rules: readonly NamedRule[], facts: KnownFacts): PolicyAnswer | undefined {
  const first = rules.find((each) => knownMismatch(each.when, facts) === undefined);
  if (!first) return nothingApplies;
  return needsPreview(first.when, facts) || first.require ? undefined : answerOf(first);
}

function answerOf({ name, deny, require }: NamedRule): PolicyAnswer {
  if (deny !== undefined) return { answer: 'deny', rule: name, reason: deny };
  if (require === undefined) return { answer: 'allow', rule: name };
  return { answer: 'require', rule: name, needs: { ...require, approvers: [require.approvers] } };
}

/** The answer and its rule, for the audit log. */
export function ruleText({ answer, rule }: Pick<PolicyAnswer, 'answer' | 'rule'>): string {
  return `${answer}: ${rule}`;
}

/** Combines what an open request needs with the present answer of the rules: the stricter of both counts. */
export function stricter(then: Needs, now: PolicyAnswer): PolicyAnswer {
  if (now.answer === 'deny') return now;
  if (now.answer === 'allow') return { answer: 'require', rule: now.rule, needs: then };
  const known = new Set(then.approvers.map((set) => JSON.stringify(set)));
  const more = now.needs.approvers.filter((set) => !known.has(JSON.stringify(set)));
  return {
    answer: 'require',
    rule: now.rule,
    needs: {
      approvers: [...then.approvers, ...more],
      quorum: Math.max(then.quorum, now.needs.quorum),
      ttl: durationMs(now.needs.ttl) < durationMs(then.ttl) ? now.needs.ttl : then.ttl,
      reason_required: then.reason_required || now.needs.reason_required,
      requester_may_approve: then.requester_may_approve && now.needs.requester_may_approve,
      assurance: inBoth(then.assurance, now.needs.assurance),
      remind_after: then.remind_after,
      // An escalation lets more people decide, so both rules must have one.
      escalate: now.needs.escalate && then.escalate,
    },
  };
}

/** The ways to vote that both allow. Undefined: every way. */
function inBoth<T>(some: T[] | undefined, others: T[] | undefined): T[] | undefined {
  if (some === undefined || others === undefined) return some ?? others;
  return some.filter((each) => others.includes(each));
}
