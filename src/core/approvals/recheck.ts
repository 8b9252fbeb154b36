import { atLeast } from '../base/caller.ts';
import type { Caller, Person } from '../base/caller.ts';
import { EcolinkError } from '../base/errors.ts';
import type { PreparedMutation } from '../operation/mutation.ts';
import type { Operation } from '../operation/operation.ts';
import { driftBetween } from '../operation/preview.ts';
import { stricter } from '../policy/decide.ts';
import type { Needs, PolicyAnswer } from '../policy/decide.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { answerAgain } from './answer-changed.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { eligibleFor } from './eligible.ts';
import { answerTo, knownFacts, rulesNow } from './policy-input.ts';
import type { PolicyQuestion } from './policy-input.ts';
import { isTokenGood } from './table.ts';
import type { Approval, ApprovalReason } from './table.ts';

/** A request that is still what was asked: who may decide, and what would run as whom. */
export interface Unchanged {
  verdict: 'unchanged';
  operation: Operation;
  caller: Caller;
  prepared: PreparedMutation;
  needs: Needs;
  eligible: Map<string, Person>;
  /** Asks the policy again inside the run's transaction. Throws `AnswerChanged`. */
  answerAgain(unit: UnitOfWork): Promise<void>;
}

export type Verdict =
  | Unchanged
  | { verdict: 'ends'; state: 'stale' | 'denied'; reason: ApprovalReason }
  /** The world cannot be asked now. Nothing is known to have changed. */
  | { verdict: 'waits'; reason: ApprovalReason };

/** Looks at everything again, once, at every vote and before the run: requester, role, policy, approvers, drift. */
export async function recheck(deps: ApprovalDeps, approval: Approval): Promise<Verdict> {
  const operation = deps.operations.find(approval.operation);
  if (!operation) return stale('operation_gone', `There is no operation ${approval.operation} any more.`);
  const caller = await callerNow(deps, approval);
  if (!caller) return stale('requester_gone', `${approval.requester.name} may not ask for anything any more.`);
  if (!atLeast(caller.person.role, operation.role)) {
    const { name, role } = caller.person;
    return stale('role_missing', `${name} has the role ${role} now. This needs the role ${operation.role}.`);
  }
  try {
    return await recheckWorld(deps, approval, operation, caller);
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.kind === 'unexpected') throw thrown;
    const reason = { code: thrown.code, message: thrown.message };
    return thrown.retryable ? { verdict: 'waits', reason } : { verdict: 'ends', state: 'stale', reason };
  }
}

async function recheckWorld(
  deps: ApprovalDeps,
  approval: Approval,
  operation: Operation,
  caller: Caller,
): Promise<Verdict> {
  const prepared = await deps.operations.prepare(operation.name, approval.preview.input, caller, true);
  const { preview } = prepared;
  const drift = driftBetween(approval.preview, preview);
  if (drift.length > 0) return stale('changed', `Since it was asked, ${drift.join('; ')}.`);
  const question: PolicyQuestion = {
    rules: await rulesNow(deps),
    known: knownFacts(operation, caller, new Date(approval.askedAt)),
    preview,
    person: caller.person.id,
    except: approval.id,
  };
  const withThen = (now: PolicyAnswer): PolicyAnswer => stricter(approval.needs, now);
  const answer = withThen(await answerTo(deps, deps.store.db, question));
  if (answer.answer !== 'require') {
    const why = answer.answer === 'deny' ? answer.reason : '';
    const reason = { code: 'policy_denied', message: `The policy denies it now: ${why}` };
    return { verdict: 'ends', state: 'denied', reason };
  }
  const { needs } = answer;
  return {
    verdict: 'unchanged',
    operation,
    caller,
    prepared,
    needs,
    eligible: await eligibleFor(deps, needs, caller.person.id, approval.askedAt),
    answerAgain: (unit) => answerAgain(deps, question, answer, unit, withThen),
  };
}

function stale(code: string, message: string): Verdict {
  return { verdict: 'ends', state: 'stale', reason: { code, message } };
}

/** The requester with the role of now; undefined if they, or the token they asked with, are gone. Such a caller never decides. */
async function callerNow({ access, store }: ApprovalDeps, { requester }: Approval): Promise<Caller | undefined> {
  const person = await access.current(requester.id);
  if (!person || !(await isTokenGood(store.db, requester.identity))) return undefined;
  const { identity, agent, source, scopes } = requester;
  return { person, identity, agent, source, scopes, mayDecide: false };
}
