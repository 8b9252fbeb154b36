import type { Caller } from '../base/caller.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import { fieldRef, run, say } from '../base/prose.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { expireDue } from './expire.ts';
import { recheck } from './recheck.ts';
import type { Unchanged } from './recheck.ts';
import { isOver } from './states.ts';
import { findApproval, insertVote, lockApproval, moveApproval, saveNeeds, votesOn } from './table.ts';
import type { Approval } from './table.ts';
import { tally } from './tally.ts';
import { findReadable } from './visibility.ts';

export interface VoteInput {
  approval: string;
  reason?: string | undefined;
}

/** A decision that its maker may make. */
export interface PreparedVote {
  vote: 'approve' | 'deny' | 'break_glass' | 'cancel';
  found: Approval;
  caller: Caller;
  reason: string | undefined;
  /** For an approval: who may decide, and how many must. */
  unchanged?: Unchanged;
}

/** Looks at the request anew. Throws if it does not wait any more, has changed, or is not this caller's to approve. */
export async function prepareApprove(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  const found = await waiting(deps, input, caller);
  const unchanged = await stillUnchanged(deps, found);
  refuseUnlessEligible(found, unchanged, caller);
  refuseWithoutReason(deps, found, unchanged, input);
  return { vote: 'approve', found, caller, reason: input.reason, unchanged };
}

export async function prepareDeny(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  const found = await waiting(deps, input, caller);
  const reason = needReason(input, 'A denial');
  const unchanged = await stillUnchanged(deps, found);
  refuseUnlessEligible(found, unchanged, caller);
  return { vote: 'deny', found, caller, reason };
}

/** Runs a waiting request without its approvers: for people that the configuration lists, with a reason. */
export async function prepareBreakGlass(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  const listed = deps.rules().approvals.break_glass;
  const isListed = listed.includes(caller.person.name);
  const found = await waiting(deps, input, caller, isListed);
  if (!isListed) {
    throw fail('may_not_break_glass', `${caller.person.name} may not break glass.`, {
      nextStep: `${listed.join(' or ') || 'Nobody'} may. The list is approvals.break_glass in ecolink.yaml.`,
    });
  }
  const reason = needReason(input, 'Breaking glass');
  await stillUnchanged(deps, found);
  return { vote: 'break_glass', found, caller, reason };
}

/** The requester, or an agent of theirs, takes the request back. */
export async function prepareCancel(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  await expireDue(deps);
  const found = await findReadable(deps, input.approval, caller);
  if (found.requester.id !== caller.person.id) {
    throw fail('not_requester', `${found.requester.name} asked for request ${found.id}. Only they can cancel it.`, {
      nextStep: 'Somebody who may decide can deny it instead.',
    });
  }
  if (isOver(found.state) || found.state === 'running') throw decidedAlready(found);
  return { vote: 'cancel', found, caller, reason: input.reason };
}

/** Counts the decision, if nobody decided meanwhile. An approval that reaches the quorum lets the request run. */
export async function commitVote(
  deps: ApprovalDeps,
  prepared: PreparedVote,
  unit: UnitOfWork,
): Promise<{ id: number }> {
  const { found, caller, vote, reason } = prepared;
  const { db } = unit;
  const { id } = found;
  const at = deps.now().toISOString();
  const state = await lockApproval(db, id);
  const isOpen = state === 'pending' || (vote === 'cancel' && state === found.state);
  if (!isOpen) throw decidedAlready((await findApproval(db, id)) ?? found);
  const decided = { decidedAt: at, decidedBy: caller.person.id };
  if (vote === 'cancel') {
    const why = { code: 'request_cancelled', message: reason ?? `${caller.person.name} took it back.` };
    await moveApproval(db, id, state, 'cancelled', { ...decided, reason: why });
  } else {
    const isFirst = await insertVote(db, id, { person: caller.person.id, identity: caller.identity, at, reason, vote });
    if (!isFirst && vote === 'deny') throw votedAlready(found);
    await act(prepared, unit, decided);
  }
  unit.afterCommit(() => {
    if (vote === 'break_glass') logBrokenGlass(deps, prepared);
    publish(deps, id);
    deps.nudge(id);
  });
  return { id };
}

async function act(
  { found: { id }, vote, reason, unchanged }: PreparedVote,
  { db }: UnitOfWork,
  decided: { decidedAt: string; decidedBy: string },
): Promise<void> {
  const message = reason ?? '';
  if (vote === 'deny') {
    await moveApproval(db, id, 'pending', 'denied', { ...decided, reason: { code: 'request_denied', message } });
  } else if (vote === 'break_glass') {
    const why = { code: 'broken_glass', message };
    await moveApproval(db, id, 'pending', 'approved', { ...decided, brokenGlass: true, reason: why });
  } else if (unchanged) {
    await saveNeeds(db, id, unchanged.needs);
    const { missing } = tally(await votesOn(db, id), new Set(unchanged.eligible.keys()), unchanged.needs.quorum);
    if (missing === 0) await moveApproval(db, id, 'pending', 'approved', decided);
  }
}

function logBrokenGlass({ log }: ApprovalDeps, { found, caller, reason }: PreparedVote): void {
  log.warn({ approval: found.id, person: caller.person.name, reason }, 'GLASS BROKEN: a request runs unapproved');
}

/** The request, if it waits for a decision. The operation's `decides` keeps callers out who decide nothing. */
async function waiting(deps: ApprovalDeps, input: VoteInput, caller: Caller, seesAll = false): Promise<Approval> {
  await expireDue(deps);
  const found = await findReadable(deps, input.approval, caller, seesAll);
  if (found.state !== 'pending') throw decidedAlready(found);
  return found;
}

async function stillUnchanged(deps: ApprovalDeps, found: Approval): Promise<Unchanged> {
  const verdict = await recheck(deps, found);
  if (verdict.verdict === 'unchanged') return verdict;
  const { reason } = verdict;
  if (verdict.verdict === 'waits') {
    // The reason's own code: the caller sees what is unavailable.
    throw new EcolinkError('unavailable', reason.code, `Request ${found.id} cannot be checked now: ${reason.message}`, {
      nextStep: 'The request goes on waiting. Decide again later.',
    });
  }
  const decided = { decidedAt: deps.now().toISOString(), reason };
  if (await moveApproval(deps.store.db, found.id, 'pending', verdict.state, decided)) publish(deps, found.id);
  const code = verdict.state === 'stale' ? 'request_stale' : 'request_denied';
  throw fail(code, `Request ${found.id} is ${verdict.state}: ${reason.message}`, {
    nextStep: `${found.requester.name} can ask again. The same call makes a new request for what is true now.`,
  });
}

function refuseUnlessEligible(found: Approval, { eligible, needs }: Unchanged, caller: Caller): void {
  const own = found.requester.id === caller.person.id;
  // If there is nobody else, the requester may approve: at the terminal only.
  const elsewhere = own && !needs.requester_may_approve && caller.identity !== 'local';
  if (eligible.has(caller.person.id) && !elsewhere) return;
  const names = [...eligible.values()].map(({ name }) => name);
  const who = names.length === 0 ? 'Nobody can now' : `${names.join(' or ')} can`;
  if (own) {
    const what = found.requester.agent ? 'what their own agent asked for' : 'their own request';
    throw fail('own_request', `Nobody decides on ${what}.`, {
      nextStep: say`${who}. ${run('cancel_request', { approval: found.id })} takes it back.`,
    });
  }
  throw fail('not_an_approver', `${caller.person.name} may not decide on request ${found.id}.`, {
    nextStep: `${who}, by the rule "${found.rule}".`,
  });
}

function refuseWithoutReason(deps: ApprovalDeps, found: Approval, { needs }: Unchanged, input: VoteInput): void {
  const asks = deps.operations.find(found.operation)?.input.shape;
  // If the requester had a field for it, the reason is there already.
  if (needs.reason_required && !(asks && 'reason' in asks))
    needReason(input, `By the rule "${found.rule}" an approval`);
}

function needReason({ reason }: VoteInput, what: string): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw fail('reason_missing', `${what} needs a reason.`, {
    nextStep: say`Give ${fieldRef('reason')}.`,
    field: 'reason',
  });
}

function votedAlready(found: Approval): Error {
  return fail('voted_already', `You have voted on request ${found.id} already. A vote cannot be changed.`, {
    nextStep: say`See it with ${run('get_approval', { approval: found.id })}.`,
  });
}

function decidedAlready(found: Approval): Error {
  const by = found.decidedBy === undefined ? '' : ` by ${found.decidedBy}`;
  const at = found.decidedAt === undefined ? '' : ` at ${found.decidedAt}`;
  return fail('already_decided', `Request ${found.id} is ${found.state} already${by}${at}.`, {
    nextStep: say`See it with ${run('get_approval', { approval: found.id })}. Nothing was changed.`,
  });
}
