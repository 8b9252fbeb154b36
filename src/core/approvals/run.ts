import { asEcolinkError } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import type { Requeue } from '../base/work-queue.ts';
import { AnswerChanged } from './answer-changed.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { publish } from './dependencies.ts';
import { expireDue } from './expire.ts';
import { recheck } from './recheck.ts';
import type { Unchanged } from './recheck.ts';
import { claimRun, findApproval, moveApproval, renewClaim, saveNeeds, votesOn } from './table.ts';
import type { Approval, Vote } from './table.ts';
import { tally } from './tally.ts';

type Outcome = Record<string, unknown>;

/** One vote, as the audit keeps it. */
type Decision = Omit<Vote, 'person'> & { counts: boolean };

/** Runs approved requests through `execute`. The ledger has a row for each, so a second run is a replay. */
export interface Runner {
  /** The outcome of an earlier run of this request. Undefined if there was none. */
  replay(approval: Approval): Promise<Outcome | undefined>;
  run(approval: Approval, unchanged: Unchanged, decisions: readonly Decision[]): Promise<Outcome>;
}

/** If a server has not renewed its claim for this long, it counts as dead, and another one runs the request. */
const claimMs = 30_000;
const renewMs = 10_000;
const tryAgainMs = 5_000;

/**
 * Runs one request if it is approved. It may be killed at any point: the ledger is written in the transaction of the
 * effect, and the next try reads it.
 */
export async function runApproval(deps: ApprovalDeps, runner: Runner, id: number): Promise<Requeue> {
  await expireDue(deps);
  const approval = await findApproval(deps.store.db, id);
  if (!approval || (approval.state !== 'approved' && approval.state !== 'running')) return 'when_nudged';
  const before = await runner.replay(approval);
  if (before) return finish(deps, approval, before);
  const again = approval.state === 'running';
  const now = await recheck(deps, approval);
  if (now.result === 'waits') return tryAgainMs;
  if (!again && now.result === 'ends') {
    const decided = { reason: now.reason };
    if (await moveApproval(deps.store.db, id, 'approved', now.state, decided)) publish(deps, id);
    return 'when_nudged';
  }
  if (!again && now.result === 'unchanged' && !(await votesStillCount(deps, approval, now))) return 'when_nudged';
  if (!(await claimRun(deps.store.db, id, at(deps), at(deps, claimMs)))) return claimMs;
  publish(deps, id);
  if (now.result === 'ends') return endInterrupted(deps, approval, now.reason);
  return runNow(deps, runner, approval, now);
}

function at({ now }: ApprovalDeps, later = 0): string {
  return new Date(now().getTime() + later).toISOString();
}

/** Returns false and makes the request pending again, if votes that it needs do not count any more. */
async function votesStillCount(deps: ApprovalDeps, approval: Approval, unchanged: Unchanged): Promise<boolean> {
  if (approval.brokenGlass) return true;
  const votes = await votesOn(deps.store.db, approval.id);
  if (tally(votes, new Set(unchanged.eligible.keys()), unchanged.needs).missing === 0) return true;
  await saveNeeds(deps.store.db, approval.id, unchanged.needs);
  if (await moveApproval(deps.store.db, approval.id, 'approved', 'pending')) publish(deps, approval.id);
  return false;
}

async function runNow(deps: ApprovalDeps, runner: Runner, approval: Approval, unchanged: Unchanged): Promise<Requeue> {
  const { id } = approval;
  using _renewing = deps.clock.every(renewMs, () => {
    renewClaim(deps.store.db, id, at(deps, claimMs)).catch((thrown: unknown) =>
      deps.log.warn({ err: thrown, approval: id }, 'a claim could not be renewed'),
    );
  });
  try {
    const votes = decisionsOf(await votesOn(deps.store.db, id), unchanged);
    const outcome = await runner.run(approval, unchanged, votes);
    return await finish(deps, { ...approval, state: 'running' }, outcome);
  } catch (thrown) {
    if (thrown instanceof AnswerChanged) return await tryAgain(deps, approval);
    return await failed(deps, approval, asEcolinkError(thrown, approval.request));
  }
}

function decisionsOf(votes: readonly Vote[], { eligible, needs }: Unchanged): Decision[] {
  const { dropped } = tally(votes, new Set(eligible.keys()), needs);
  return votes.map((vote) => {
    const { person: _id, ...shown } = vote;
    return { ...shown, counts: !dropped.includes(vote) };
  });
}

/** Parallel calls changed the policy's answer. The next try denies the request, waits for more votes, or runs it. */
async function tryAgain(deps: ApprovalDeps, { id }: Approval): Promise<Requeue> {
  await moveApproval(deps.store.db, id, 'running', 'approved', { claimedUntil: null });
  return 0;
}

async function finish(deps: ApprovalDeps, approval: Approval, outcome: Outcome): Promise<Requeue> {
  const { db } = deps.store;
  // A server died after the effect and before this, so nobody has claimed the run.
  if (approval.state === 'approved') await claimRun(db, approval.id, at(deps), at(deps, claimMs));
  if (await moveApproval(db, approval.id, 'running', 'done', { outcome })) publish(deps, approval.id);
  return 'when_nudged';
}

async function failed(deps: ApprovalDeps, { id }: Approval, error: EcolinkError): Promise<Requeue> {
  const retried = error.retryable && error.kind !== 'unexpected';
  const reason = { code: error.code, message: error.message };
  const moved = retried
    ? await moveApproval(deps.store.db, id, 'running', 'approved', { claimedUntil: null })
    : await moveApproval(deps.store.db, id, 'running', 'failed', { reason });
  if (moved) publish(deps, id);
  return retried ? tryAgainMs : 'when_nudged';
}

/**
 * The run was killed, and the world has changed since. A deletion may have happened without its ledger row: if its
 * target is gone, the request is done.
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
