import { atLeast } from '../base/caller.ts';
import type { Caller, Person } from '../base/caller.ts';
import { EcolinkError } from '../base/errors.ts';
import type { PreparedMutation } from '../operation/mutation.ts';
import type { Operation } from '../operation/operation.ts';
import { driftBetween } from '../operation/preview.ts';
import type { Needs } from '../policy/decide.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { answerAgain } from './answer-changed.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { eligibleFor } from './eligible.ts';
import { knownFacts, rulesNow, verdictOn } from './policy-input.ts';
import type { PolicyQuestion } from './policy-input.ts';
import { isIdentityValid } from './table.ts';
import type { Approval, ApprovalReason } from './table.ts';

/** The request would still do what was asked for. */
export interface Unchanged {
  result: 'unchanged';
  operation: Operation;
  caller: Caller;
  prepared: PreparedMutation;
  needs: Needs;
  eligible: Map<string, Person>;
  /** What the policy says now. It still requires approval. */
  verdict: Verdict;
  /** Asks the policy again, inside the transaction of the run. Throws `AnswerChanged`. */
  answerAgain: (unit: UnitOfWork) => Promise<Verdict>;
}

export type Recheck =
  | Unchanged
  | { result: 'ends'; state: 'stale' | 'denied'; reason: ApprovalReason }
  /** The world cannot be read now, so it is not known whether something has changed. */
  | { result: 'waits'; reason: ApprovalReason };

/** Checks requester, role, policy, approvers and drift again: at every vote and before the run. */
export async function recheck(deps: ApprovalDeps, approval: Approval): Promise<Recheck> {
  const operation = deps.operations.find(approval.operation);
  if (!operation) return stale('operation_gone', `The operation ${approval.operation} does not exist any more.`);
  const caller = await callerNow(deps, approval);
  if (!caller)
    return stale('requester_gone', `${approval.requester.name} has no role any more, or their token was revoked.`);
  if (!atLeast(caller.person.role, operation.role)) {
    const { name, role } = caller.person;
    return stale('role_missing', `${name} has the role ${role} now. This needs the role ${operation.role}.`);
  }
  try {
    return await recheckWorld(deps, approval, operation, caller);
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.kind === 'unexpected') throw thrown;
    const reason = { code: thrown.code, message: thrown.message };
    return thrown.retryable ? { result: 'waits', reason } : { result: 'ends', state: 'stale', reason };
  }
}

async function recheckWorld(
  deps: ApprovalDeps,
  approval: Approval,
  operation: Operation,
  caller: Caller,
): Promise<Recheck> {
  const prepared = await deps.operations.prepare(operation.name, approval.preview.input, caller, true);
  const { preview } = prepared;
  const drift = driftBetween(approval.preview, preview);
  if (drift.length > 0) return stale('changed', `Since the request was made, ${drift.join('; ')}.`);
  const question: PolicyQuestion = {
    rules: await rulesNow(deps),
    known: knownFacts(operation, caller, new Date(approval.askedAt)),
    preview,
    person: caller.person.id,
    except: approval.id,
  };
  const verdict = await verdictOn(deps, deps.store.db, question, approval.needs);
  const { answer } = verdict;
  if (answer.answer !== 'require') {
    const why = answer.answer === 'deny' ? answer.reason : '';
    const reason = { code: 'policy_denied', message: `The policy denies it now: ${why}` };
    return { result: 'ends', state: 'denied', reason };
  }
  const { needs } = answer;
  return {
    result: 'unchanged',
    operation,
    caller,
    prepared,
    needs,
    eligible: await eligibleFor(deps, needs, caller.person.id, approval.askedAt),
    verdict,
    answerAgain: (unit) => answerAgain(deps, question, verdict, unit),
  };
}

function stale(code: string, message: string): Recheck {
  return { result: 'ends', state: 'stale', reason: { code, message } };
}

/** The requester with their present role. Undefined if they have none, or the token of the call was revoked. */
async function callerNow({ access, store }: ApprovalDeps, { requester }: Approval): Promise<Caller | undefined> {
  const person = await access.current(requester.id);
  if (!person || !(await isIdentityValid(store.db, requester.identity))) return undefined;
  const { identity, agent, source, scopes } = requester;
  return { person, identity, agent, source, scopes, mayDecide: false };
}
