import { durationMs } from '../base/duration.ts';
import type { KnownFacts, PolicyFacts } from './facts.ts';
import { cheapMismatch, isCheap, mismatch } from './match.ts';
import type { PolicyRule, Requirement, Who } from './schema.ts';

/** A requirement as it is held to: every one of the sets must name whoever votes. */
export interface Needs extends Omit<Requirement, 'approvers'> {
  approvers: Who[];
}

/** What stands between a request and its run, and the rule that says so. */
export type PolicyAnswer =
  | { answer: 'allow'; rule: string }
  | { answer: 'deny'; rule: string; reason: string }
  | { answer: 'require'; rule: string; needs: Needs };

/** A rule under the name that people read. */
export interface NamedRule extends PolicyRule {
  name: string;
}

export interface Consideration {
  rule: string;
  /** Absent for the rule that answers. */
  passedOver?: string;
}

/** What no rule is about. */
const nothingApplies: PolicyAnswer = { answer: 'allow', rule: 'no rule applies' };

/** The first rule that fits answers. */
export function decide(rules: readonly NamedRule[], facts: PolicyFacts): PolicyAnswer {
  const rule = rules.find((each) => mismatch(each.when, facts) === undefined);
  return rule ? answerOf(rule) : nothingApplies;
}

/** Every rule that was looked at, in order, and why each but the last does not fit. */
export function consider(rules: readonly NamedRule[], facts: PolicyFacts): Consideration[] {
  const looked: Consideration[] = [];
  for (const { name, when } of rules) {
    const why = mismatch(when, facts);
    looked.push(why === undefined ? { rule: name } : { rule: name, passedOver: why });
    if (why === undefined) break;
  }
  return looked;
}

/** The answer where it follows without a preview, which costs calls to regions and the Hub; undefined where it takes one. */
export function decideAtOnce(rules: readonly NamedRule[], facts: KnownFacts): PolicyAnswer | undefined {
  const first = rules.find((each) => cheapMismatch(each.when, facts) === undefined);
  if (!first) return nothingApplies;
  if (!isCheap(first.when) || first.require) return undefined;
  return answerOf(first);
}

function answerOf({ name, deny, require }: NamedRule): PolicyAnswer {
  if (deny !== undefined) return { answer: 'deny', rule: name, reason: deny };
  if (require === undefined) return { answer: 'allow', rule: name };
  return { answer: 'require', rule: name, needs: { ...require, approvers: [require.approvers] } };
}

/** For the record: the answer and the rule that gave it. */
export function ruleText({ answer, rule }: Pick<PolicyAnswer, 'answer' | 'rule'>): string {
  return `${answer}: ${rule}`;
}

/** What holds where a request was held back by one set of rules and is judged again by another: the stricter of both. */
export function stricter(then: Needs, now: PolicyAnswer): PolicyAnswer {
  if (now.answer === 'deny') return now;
  if (now.answer === 'allow') return { answer: 'require', rule: now.rule, needs: then };
  const known = new Set(then.approvers.map((who) => JSON.stringify(who)));
  const more = now.needs.approvers.filter((who) => !known.has(JSON.stringify(who)));
  return {
    answer: 'require',
    rule: now.rule,
    needs: {
      approvers: [...then.approvers, ...more],
      quorum: Math.max(then.quorum, now.needs.quorum),
      ttl: durationMs(now.needs.ttl) < durationMs(then.ttl) ? now.needs.ttl : then.ttl,
      reason_required: then.reason_required || now.needs.reason_required,
      requester_may_approve: then.requester_may_approve && now.needs.requester_may_approve,
      ...(then.remind_after === undefined ? {} : { remind_after: then.remind_after }),
      // More people may decide only where both rules say so.
      ...(then.escalate && now.needs.escalate ? { escalate: then.escalate } : {}),
    },
  };
}
