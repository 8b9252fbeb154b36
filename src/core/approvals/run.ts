import type { Caller } from '../base/caller.ts';
import { asEcolinkError } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import type { Requeue } from '../base/work-queue.ts';
import type { Operation } from '../operation/operation.ts';
import { claimRun, findApproval, moveApproval, renewClaim, saveNeeds, votesOn } from './table.ts';
import type { Approval, Vote } from './table.ts';
import { expireDue } from './expire.ts';
import { judge } from './recheck.ts';
import type { Holds } from './recheck.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { tally } from './tally.ts';

type Outcome = Record<string, unknown>;

/** One vote, as the audit keeps it. */
type Decision = Omit<Vote, 'person'> & { counts: boolean };

/** How `execute` runs what was approved: with the ledger's row of this approval, so that a second run is a replay. */
export interface Runner {
  /** What an earlier run of this approval came to, if one did. */
  replay(approval: Approval): Promise<Outcome | undefined>;
  run(
    approval: Approval,
    operation: Operation,
    input: Outcome,
    caller: Caller,
    decisions: readonly Decision[],
  ): Promise<Outcome>;
}

/** A server that has not renewed its claim for so long is taken for dead, and its run is done again. */
const claimMs = 30_000;
const renewMs = 10_000;
const tryAgainMs = 5_000;

/**
 * One look at one request. It may be killed anywhere: what was done is in the ledger, written in the effect's own
 * transaction, and whoever looks next goes on from there.
 */
export async function runApproval(deps: ApprovalDeps, runner: Runner, id: number): Promise<Requeue> {
  await expireDue(deps);
  const approval = await findApproval(deps.store.db, id);
  if (!approval || (approval.state !== 'approved' && approval.state !== 'running')) return 'when_nudged';
  const before = await runner.replay(approval);
  if (before) return finish(deps, approval, before);
  const again = approval.state === 'running';
  const verdict = await judge(deps, approval);
  if (verdict.verdict === 'waits') return tryAgainMs;
  if (!again && verdict.verdict === 'ends') {
    const decided = { reason: verdict.reason };
    if (await moveApproval(deps.store.db, id, 'approved', verdict.state, decided)) publish(deps, id);
    return 'when_nudged';
  }
  if (!again && verdict.verdict === 'holds' && !(await votesStillCount(deps, approval, verdict))) return 'when_nudged';
  if (!(await claimRun(deps.store.db, id, at(deps), at(deps, claimMs)))) return claimMs;
  publish(deps, id);
  if (verdict.verdict === 'ends') return endInterrupted(deps, approval, verdict.reason);
  return carryOut(deps, runner, approval, verdict);
}

function at({ now }: ApprovalDeps, later = 0): string {
  return new Date(now().getTime() + later).toISOString();
}

/** Back to waiting where votes that were needed do not count any more. */
async function votesStillCount(deps: ApprovalDeps, approval: Approval, holds: Holds): Promise<boolean> {
  if (approval.brokenGlass) return true;
  const votes = await votesOn(deps.store.db, approval.id);
  if (tally(votes, new Set(holds.eligible.keys()), holds.needs.quorum).missing === 0) return true;
  await saveNeeds(deps.store.db, approval.id, holds.needs);
  if (await moveApproval(deps.store.db, approval.id, 'approved', 'pending')) publish(deps, approval.id);
  return false;
}

async function carryOut(deps: ApprovalDeps, runner: Runner, approval: Approval, holds: Holds): Promise<Requeue> {
  const { id } = approval;
  const renewing = setInterval(() => {
    renewClaim(deps.store.db, id, at(deps, claimMs)).catch((thrown: unknown) =>
      deps.log.warn({ err: thrown, approval: id }, 'a claim could not be renewed'),
    );
  }, renewMs);
  try {
    const votes = decisionsOf(await votesOn(deps.store.db, id), holds);
    const outcome = await runner.run(approval, holds.operation, holds.preview.input, holds.caller, votes);
    return await finish(deps, { ...approval, state: 'running' }, outcome);
  } catch (thrown) {
    return await fail(deps, approval, asEcolinkError(thrown, approval.request));
  } finally {
    clearInterval(renewing);
  }
}

function decisionsOf(votes: readonly Vote[], { eligible, needs }: Holds): Decision[] {
  const { dropped } = tally(votes, new Set(eligible.keys()), needs.quorum);
  return votes.map((vote) => {
    const { person: _id, ...shown } = vote;
    return { ...shown, counts: !dropped.includes(vote) };
  });
}

async function finish(deps: ApprovalDeps, approval: Approval, outcome: Outcome): Promise<Requeue> {
  const { db } = deps.store;
  // Found done before anybody claimed it: only where the server died between the effect and this.
  if (approval.state === 'approved') await claimRun(db, approval.id, at(deps), at(deps, claimMs));
  if (await moveApproval(db, approval.id, 'running', 'done', { outcome })) publish(deps, approval.id);
  return 'when_nudged';
}

async function fail(deps: ApprovalDeps, { id }: Approval, error: EcolinkError): Promise<Requeue> {
  const retried = error.retryable && error.kind !== 'unexpected';
  const reason = { code: error.code, message: error.message };
  const moved = retried
    ? await moveApproval(deps.store.db, id, 'running', 'approved', { claimedUntil: null })
    : await moveApproval(deps.store.db, id, 'running', 'failed', { reason });
  if (moved) publish(deps, id);
  return retried ? tryAgainMs : 'when_nudged';
}

/**
 * A run that was killed, and whose preview does not hold any more. What takes away may have been done but for its last
 * word (nothing but the ledger would know): what is gone is what was wanted.
 */
async function endInterrupted(
  deps: ApprovalDeps,
  approval: Approval,
  reason: { code: string; message: string },
): Promise<Requeue> {
  const gone = reason.code.endsWith('_not_found') && /^(?:delete|evict)_/.test(approval.operation);
  const moved = gone
    ? await moveApproval(deps.store.db, approval.id, 'running', 'done', {
        outcome: { state: 'deleted', next_step: 'Nothing is left to do.' },
      })
    : await moveApproval(deps.store.db, approval.id, 'running', 'failed', { reason });
  if (moved) publish(deps, approval.id);
  return 'when_nudged';
}
