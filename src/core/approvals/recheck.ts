import { atLeast } from '../base/caller.ts';
import type { Caller, Person } from '../base/caller.ts';
import { EcolinkError } from '../base/errors.ts';
import { findOperation } from '../operations/catalogue.ts';
import type { Operation } from '../operation/operation.ts';
import { decide, stricter } from '../policy/decide.ts';
import type { Needs } from '../policy/decide.ts';
import { isTokenGood } from './table.ts';
import type { Approval, ApprovalReason } from './table.ts';
import { eligibleFor } from './eligible.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { driftBetween } from '../operation/preview.ts';
import type { Preview } from '../operation/preview.ts';
import { factsOf, knownFacts, makePreview, rulesNow } from './policy-input.ts';

/** A request that still is what it was: who may decide, and what would be run as whom. */
export interface Holds {
  verdict: 'holds';
  operation: Operation;
  caller: Caller;
  preview: Preview;
  needs: Needs;
  eligible: Map<string, Person>;
}

export type Verdict =
  | Holds
  | { verdict: 'ends'; state: 'stale' | 'denied'; reason: ApprovalReason }
  /** The world cannot be asked now: nothing is known to have changed. */
  | { verdict: 'waits'; reason: ApprovalReason };

/** Looks at everything once more, as at every vote and before the run: requester, role, policy, approvers, drift. */
export async function judge(deps: ApprovalDeps, approval: Approval): Promise<Verdict> {
  const operation = findOperation(approval.operation);
  if (!operation) return stale('operation_gone', `There is no operation ${approval.operation} any more.`);
  const caller = await callerNow(deps, approval);
  if (!caller) return stale('requester_gone', `${approval.requester.name} may not ask for anything any more.`);
  if (!atLeast(caller.person.role, operation.role)) {
    return stale(
      'role_missing',
      `${caller.person.name} has the role ${caller.person.role} now; it takes ${operation.role}.`,
    );
  }
  try {
    return await judgeWorld(deps, approval, operation, caller);
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.kind === 'unexpected') throw thrown;
    const reason = { code: thrown.code, message: thrown.message };
    return thrown.retryable ? { verdict: 'waits', reason } : { verdict: 'ends', state: 'stale', reason };
  }
}

async function judgeWorld(
  deps: ApprovalDeps,
  approval: Approval,
  operation: Operation,
  caller: Caller,
): Promise<Verdict> {
  const preview = await makePreview(deps, operation, approval.preview.input, caller, true);
  const drift = driftBetween(approval.preview, preview);
  if (drift.length > 0) return stale('changed', `Since it was asked, ${drift.join('; ')}.`);
  const known = knownFacts(operation, caller, new Date(approval.askedAt));
  const facts = await factsOf(deps, known, preview, caller.person.id, approval.id);
  const answer = stricter(approval.needs, decide(await rulesNow(deps), facts));
  if (answer.answer !== 'require') {
    const why = answer.answer === 'deny' ? answer.reason : '';
    return {
      verdict: 'ends',
      state: 'denied',
      reason: { code: 'policy_denied', message: `The policy denies it now: ${why}` },
    };
  }
  const { needs } = answer;
  return {
    verdict: 'holds',
    operation,
    caller,
    preview,
    needs,
    eligible: await eligibleFor(deps, needs, caller.person.id, approval.askedAt),
  };
}

function stale(code: string, message: string): Verdict {
  return { verdict: 'ends', state: 'stale', reason: { code, message } };
}

/** The requester with the role of now; undefined where they, or the token they asked with, are gone. Never decides. */
async function callerNow({ access, store }: ApprovalDeps, { requester }: Approval): Promise<Caller | undefined> {
  const person = await access.current(requester.id);
  if (!person || !(await isTokenGood(store.db, requester.identity))) return undefined;
  const { identity, agent, source, scopes } = requester;
  return { person, identity, agent, source, scopes, mayDecide: false };
}
