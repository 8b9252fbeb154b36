import { assuranceOf } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import { fieldRef, run, say } from '../base/prose.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { refuseUnassured } from './assurance.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { expireDue } from './expire.ts';
import { recheck } from './recheck.ts';
import type { Unchanged } from './recheck.ts';
import { isOver } from './states.ts';
import { findApproval, insertVote, lockApproval, moveApproval, saveNeeds, votesOn } from './table.ts';
import type { Approval } from './table.ts';
import { tally } from './tally.ts';
import { findVisible } from './visibility.ts';

export interface VoteInput {
  approval: string;
  reason?: string | undefined;
}

/** A decision that the caller may make. */
export interface PreparedVote {
  vote: 'approve' | 'deny' | 'break_glass' | 'cancel';
  found: Approval;
  caller: Caller;
  reason: string | undefined;
  /** Only for an approval: who may decide, and how many must. */
  unchanged?: Unchanged;
}

/** Checks the request again. Throws if it is not pending, has changed, or the caller may not approve it. */
export async function prepareApprove(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  const found = await findPending(deps, input, caller);
  const unchanged = await stillUnchanged(deps, found);
  refuseUnlessEligible(found, unchanged, caller);
  refuseUnassured(found, unchanged.needs, caller);
  refuseWithoutReason(deps, found, unchanged, input);
  return { vote: 'approve', found, caller, reason: input.reason, unchanged };
}

export async function prepareDeny(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  const found = await findPending(deps, input, caller);
  const reason = needReason(input, 'A denial');
  const unchanged = await stillUnchanged(deps, found);
  refuseUnlessEligible(found, unchanged, caller);
  return { vote: 'deny', found, caller, reason };
}

/** Runs a pending request without its approvers. Only for people that the configuration lists, and with a reason. */
export async function prepareBreakGlass(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  const listed = deps.rules().approvals.break_glass;
  const isListed = listed.includes(caller.person.name);
  const found = await findPending(deps, input, caller, isListed);
  if (!isListed) {
    throw fail('may_not_break_glass', `${caller.person.name} may not break glass.`, {
      nextStep: `${listed.join(' or ') || 'Nobody'} may. The list is approvals.break_glass in ecolink.yaml.`,
    });
  }
  const reason = needReason(input, 'Breaking glass');
  const { needs } = await stillUnchanged(deps, found);
  refuseUnassured(found, needs, caller);
  return { vote: 'break_glass', found, caller, reason };
}

/** Only the requester and their agents may cancel. */
export async function prepareCancel(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<PreparedVote> {
  await expireDue(deps);
  const found = await findVisible(deps, input.approval, caller);
  if (found.requester.id !== caller.person.id) {
    throw fail(
      'not_requester',
      `Approval request ${found.id} belongs to ${found.requester.name}. Only they can cancel it.`,
      {
        nextStep: say`An approver can deny it: ${run('deny_request', { approval: found.id })}.`,
      },
    );
  }
  if (isOver(found.state) || found.state === 'running') throw decidedAlready(found);
  return { vote: 'cancel', found, caller, reason: input.reason };
}

/** Stores the decision, if the request is still open. With the last approval that it needs, the request runs. */
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
    const isFirst = await insertVote(db, id, {
      person: caller.person.id,
      identity: caller.identity,
      assurance: assuranceOf(caller),
      at,
      reason,
      vote,
    });
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
    const { missing } = tally(await votesOn(db, id), new Set(unchanged.eligible.keys()), unchanged.needs);
    if (missing === 0) await moveApproval(db, id, 'pending', 'approved', decided);
  }
}

function logBrokenGlass({ log }: ApprovalDeps, { found, caller, reason }: PreparedVote): void {
  log.warn({ approval: found.id, person: caller.person.name, reason }, 'GLASS BROKEN: a request runs unapproved');
}

/** Finds a pending request. Callers who may never decide were refused before, by the operation's `decides`. */
async function findPending(deps: ApprovalDeps, input: VoteInput, caller: Caller, seesAll = false): Promise<Approval> {
  await expireDue(deps);
  const found = await findVisible(deps, input.approval, caller, seesAll);
  if (found.state !== 'pending') throw decidedAlready(found);
  return found;
}

async function stillUnchanged(deps: ApprovalDeps, found: Approval): Promise<Unchanged> {
  const now = await recheck(deps, found);
  if (now.result === 'unchanged') return now;
  const { reason } = now;
  if (now.result === 'waits') {
    // The reason's own code says what is unavailable.
    throw new EcolinkError(
      'unavailable',
      reason.code,
      `Approval request ${found.id} cannot be checked now: ${reason.message}`,
      {
        nextStep: 'It stays pending. Decide again later.',
      },
    );
  }
  const decided = { decidedAt: deps.now().toISOString(), reason };
  if (await moveApproval(deps.store.db, found.id, 'pending', now.state, decided)) publish(deps, found.id);
  const code = now.state === 'stale' ? 'request_stale' : 'request_denied';
  throw fail(code, `Approval request ${found.id} is ${now.state}: ${reason.message}`, {
    nextStep: `${found.requester.name} can repeat the call. That makes a new request.`,
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
    const what = found.requester.agent ? 'requests of their own agent' : 'their own request';
    throw fail('own_request', `Nobody decides on ${what}.`, {
      nextStep: say`${who}. ${run('cancel_request', { approval: found.id })} takes it back.`,
    });
  }
  throw fail('not_an_approver', `${caller.person.name} may not decide on approval request ${found.id}.`, {
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
  return fail('voted_already', `You have voted on approval request ${found.id} already. A vote cannot be changed.`, {
    nextStep: say`See it with ${run('get_approval', { approval: found.id })}.`,
  });
}

function decidedAlready(found: Approval): Error {
  const by = found.decidedBy === undefined ? '' : ` by ${found.decidedBy}`;
  const at = found.decidedAt === undefined ? '' : ` at ${found.decidedAt}`;
  return fail('already_decided', `Approval request ${found.id} is ${found.state} already${by}${at}.`, {
    nextStep: say`See it with ${run('get_approval', { approval: found.id })}. Nothing was changed.`,
  });
}
