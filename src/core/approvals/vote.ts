import type { Transaction } from 'kysely';
import type { Caller } from '../base/caller.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import { findOperation } from '../operations/catalogue.ts';
import { findApproval, insertVote, lockApproval, moveApproval, saveNeeds, votesOn } from './table.ts';
import type { Approval } from './table.ts';
import type { Database } from '../store/schema.ts';
import { expireDue } from './expire.ts';
import { judge } from './recheck.ts';
import type { Holds } from './recheck.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { findReadable } from './visibility.ts';
import { isOver } from './states.ts';
import { tally } from './tally.ts';

export interface VoteInput {
  approval: string;
  reason?: string | undefined;
}

/** Counts one person's yes; the last that is needed moves the request to *approved*, from where it runs by itself. */
export async function approve(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<number> {
  const found = await open(deps, input, caller);
  const holds = await stillHolds(deps, found);
  refuseUnlessEligible(found, holds, caller);
  refuseWithoutReason(found, holds, input);
  await decideOnce(deps, found, async (transaction, at) => {
    await insertVote(transaction, found.id, { ...voteOf(caller, input, at), vote: 'approve' });
    await saveNeeds(transaction, found.id, holds.needs);
    const { missing } = tally(await votesOn(transaction, found.id), new Set(holds.eligible.keys()), holds.needs.quorum);
    if (missing > 0) return;
    await moveApproval(transaction, found.id, 'pending', 'approved', { decidedAt: at, decidedBy: caller.person.id });
  });
  return announce(deps, found.id);
}

/** One no ends it. */
export async function deny(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<number> {
  const found = await open(deps, input, caller);
  const reason = needReason(input, 'A denial');
  const holds = await stillHolds(deps, found);
  refuseUnlessEligible(found, holds, caller);
  await decideOnce(deps, found, async (transaction, at) => {
    if (!(await insertVote(transaction, found.id, { ...voteOf(caller, input, at), vote: 'deny' })))
      throw votedAlready(found);
    await moveApproval(transaction, found.id, 'pending', 'denied', {
      decidedAt: at,
      decidedBy: caller.person.id,
      reason: { code: 'request_denied', message: reason },
    });
  });
  return announce(deps, found.id);
}

/** Runs a waiting request without its approvers: for people whom the config lists, with a reason, and loudly. */
export async function breakGlass(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<number> {
  const listed = deps.rules().approvals.break_glass;
  const found = await open(deps, input, caller, listed.includes(caller.person.name));
  if (!listed.includes(caller.person.name)) {
    throw fail('may_not_break_glass', `${caller.person.name} may not break glass.`, {
      nextStep: `${listed.join(' or ') || 'Nobody'} may; the list is approvals.break_glass in ecolink.yaml.`,
    });
  }
  const reason = needReason(input, 'Breaking glass');
  await stillHolds(deps, found);
  await decideOnce(deps, found, async (transaction, at) => {
    await insertVote(transaction, found.id, { ...voteOf(caller, input, at), vote: 'break_glass' });
    await moveApproval(transaction, found.id, 'pending', 'approved', {
      decidedAt: at,
      decidedBy: caller.person.id,
      brokenGlass: true,
      reason: { code: 'broken_glass', message: reason },
    });
  });
  deps.log.warn({ approval: found.id, person: caller.person.name, reason }, 'GLASS BROKEN: a request runs unapproved');
  return announce(deps, found.id);
}

/** Taken back by who asked, or by an agent of theirs. */
export async function cancel(deps: ApprovalDeps, input: VoteInput, caller: Caller): Promise<number> {
  await expireDue(deps);
  const found = await findReadable(deps, input.approval, caller);
  if (found.requester.id !== caller.person.id) {
    throw fail('not_requester', `${found.requester.name} asked for request ${found.id}, and alone can cancel it.`, {
      nextStep: 'Who may decide can deny it instead.',
    });
  }
  if (isOver(found.state) || found.state === 'running') throw decidedAlready(found);
  const reason = { code: 'request_cancelled', message: input.reason ?? `${caller.person.name} took it back.` };
  const decided = { decidedAt: deps.now().toISOString(), decidedBy: caller.person.id, reason };
  if (!(await moveApproval(deps.store.db, found.id, found.state, 'cancelled', decided))) {
    throw decidedAlready(await findReadable(deps, input.approval, caller));
  }
  return announce(deps, found.id);
}

/** Runs in one transaction that holds the request; throws who was first where it is decided by then. */
async function decideOnce(
  deps: ApprovalDeps,
  found: Approval,
  work: (transaction: Transaction<Database>, at: string) => Promise<void>,
): Promise<void> {
  const first = await deps.store.transaction(async (transaction) => {
    if ((await lockApproval(transaction, found.id)) !== 'pending') return false;
    await work(transaction, deps.now().toISOString());
    return true;
  });
  if (!first) throw decidedAlready((await findApproval(deps.store.db, found.id)) as Approval);
}

/** The request, if it waits for a decision. That the caller is somebody who decides at all is known: `decides` of the operation. */
async function open(deps: ApprovalDeps, input: VoteInput, caller: Caller, seesAll = false): Promise<Approval> {
  await expireDue(deps);
  const found = await findReadable(deps, input.approval, caller, seesAll);
  if (found.state !== 'pending') throw decidedAlready(found);
  return found;
}

async function stillHolds(deps: ApprovalDeps, found: Approval): Promise<Holds> {
  const verdict = await judge(deps, found);
  if (verdict.verdict === 'holds') return verdict;
  const { reason } = verdict;
  if (verdict.verdict === 'waits') {
    throw new EcolinkError('unavailable', reason.code, `Request ${found.id} cannot be checked now: ${reason.message}`, {
      nextStep: 'It goes on waiting. Decide again in a while.',
    });
  }
  const decided = { decidedAt: deps.now().toISOString(), reason };
  if (await moveApproval(deps.store.db, found.id, 'pending', verdict.state, decided)) publish(deps, found.id);
  throw fail(
    verdict.state === 'stale' ? 'request_stale' : 'request_denied',
    `Request ${found.id} is ${verdict.state}: ${reason.message}`,
    {
      nextStep: `${found.requester.name} can ask again: the same call makes a new request for what is true now.`,
    },
  );
}

function refuseUnlessEligible(found: Approval, { eligible, needs }: Holds, caller: Caller): void {
  const own = found.requester.id === caller.person.id;
  // Where there is nobody else, the requester may: at the terminal only.
  const elsewhere = own && !needs.requester_may_approve && caller.identity !== 'local';
  if (eligible.has(caller.person.id) && !elsewhere) return;
  const names = [...eligible.values()].map(({ name }) => name);
  const who = names.length === 0 ? 'Nobody can now' : `${names.join(' or ')} can`;
  if (own) {
    const what = found.requester.agent ? 'what their own agent asked for' : 'their own request';
    throw fail('own_request', `Nobody decides on ${what}.`, {
      nextStep: `${who}; cancel_request ${found.id} takes it back.`,
    });
  }
  throw fail('not_an_approver', `${caller.person.name} is not among those who decide on request ${found.id}.`, {
    nextStep: `${who}, by the rule "${found.rule}".`,
  });
}

function refuseWithoutReason(found: Approval, { needs }: Holds, input: VoteInput): void {
  const asks = findOperation(found.operation)?.input.shape;
  // Where the requester had a field for it, the reason is there already.
  if (needs.reason_required && !(asks && 'reason' in asks))
    needReason(input, `By the rule "${found.rule}" an approval`);
}

function needReason({ reason }: VoteInput, what: string): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw fail('reason_missing', `${what} needs a reason.`, { nextStep: 'Give "reason".', field: 'reason' });
}

function voteOf(caller: Caller, { reason }: VoteInput, at: string) {
  return {
    person: caller.person.id,
    identity: caller.identity,
    at,
    ...(reason === undefined ? {} : { reason }),
  };
}

function announce(deps: ApprovalDeps, id: number): number {
  publish(deps, id);
  deps.nudge(id);
  return id;
}

function votedAlready(found: Approval): Error {
  return fail('voted_already', `You have voted on request ${found.id} already; a vote is not changed.`, {
    nextStep: `See it with get_approval ${found.id}.`,
  });
}

function decidedAlready(found: Approval): Error {
  const by = found.decidedBy === undefined ? '' : ` by ${found.decidedBy}`;
  const at = found.decidedAt === undefined ? '' : ` at ${found.decidedAt}`;
  return fail('already_decided', `Request ${found.id} is ${found.state} already${by}${at}.`, {
    nextStep: `See it with get_approval ${found.id}. Nothing was changed.`,
  });
}
