import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { WorkQueue } from '../base/work-queue.ts';
import { tellOnce } from '../notify/notify-once.ts';
import { idempotencyKeyUsed } from '../operation/idempotency.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { answerAgain } from './answer-changed.ts';
import { ask, askEarly, hashOfInput, request } from './ask.ts';
import type { OperationCall, RequiringVerdict } from './ask.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { expireDue } from './expire.ts';
import { explain } from './explain.ts';
import type { ExplainInput } from './explain.ts';
import type { PolicyQuestion } from './policy-input.ts';
import { factsOf, getApproval, listApprovals, viewOf } from './read.ts';
import type { ApprovalView, ListApprovalsInput, ShownApproval } from './read.ts';
import { waitingReceipt } from './receipt.ts';
import { recentVoters } from './recent-voters.ts';
import { remind } from './remind.ts';
import { runApproval } from './run.ts';
import type { Runner } from './run.ts';
import { findApproval, findByIdempotencyKey, searchHeads } from './table.ts';
import type { Approval } from './table.ts';
import { unsettledApprovals } from './unsettled.ts';
import { approvalNotFound, mayRead } from './visibility.ts';
import { commitVote, prepareApprove, prepareBreakGlass, prepareCancel, prepareDeny } from './vote.ts';
import type { PreparedVote, VoteInput } from './vote.ts';

type Outcome = Record<string, unknown>;

/** What a front end needs to show approval requests to the people who decide. Decisions go through `execute`. */
export interface ApprovalBoard {
  /** Returns undefined if the request does not exist. */
  view(id: number): Promise<ShownApproval | undefined>;
  /** Open requests, and ended ones whose approvers were not told of the end. Newest first. */
  unsettled(): Promise<number[]>;
  /** Tells people something about a request once, across all servers and restarts. See `tellOnce`. */
  once(id: number, about: 'asked' | 'broken_glass' | 'ended', tell: () => Promise<void>): Promise<boolean>;
  /** Tells requesters from now on that this front end shows requests. Returns a function that ends that. */
  showIn(frontEnd: string): () => void;
  /** The names, those who decided most recently first. */
  mostRecentFirst(names: readonly string[]): Promise<string[]>;
  /** Calls `tell` once for each request whose reminder is due. */
  remind(tell: (id: number, at: string) => Promise<void>): Promise<void>;
}

export type Approvals = ReturnType<typeof createApprovals>;

const keptMs = 7 * 24 * 3600_000;

export function createApprovals(given: Omit<ApprovalDeps, 'nudge' | 'shownIn'>) {
  const runs: { nudge: (id: number) => void } = { nudge: () => {} };
  const deps: ApprovalDeps = { ...given, shownIn: new Set(), nudge: (id) => runs.nudge(id) };
  return {
    askEarly: (call: OperationCall) => askEarly(deps, call),
    ask: (question: PolicyQuestion) => ask(deps, question),
    askAgain: (question: PolicyQuestion, before: Verdict, unit: UnitOfWork) =>
      answerAgain(deps, question, before, unit),
    request: (call: OperationCall, question: PolicyQuestion, verdict: RequiringVerdict) =>
      request(deps, call, question, verdict),
    replay: (call: OperationCall) => replay(deps, call),
    prepareApprove: (input: VoteInput, caller: Caller) => prepareApprove(deps, input, caller),
    prepareDeny: (input: VoteInput, caller: Caller) => prepareDeny(deps, input, caller),
    prepareBreakGlass: (input: VoteInput, caller: Caller) => prepareBreakGlass(deps, input, caller),
    prepareCancel: (input: VoteInput, caller: Caller) => prepareCancel(deps, input, caller),
    commitVote: (prepared: PreparedVote, unit: UnitOfWork) => commitVote(deps, prepared, unit),
    /** The request as it is now. Throws `approval_not_found`. */
    view: (id: number) => present(deps, id),
    list: (input: ListApprovalsInput, caller: Caller) => listApprovals(deps, input, caller),
    get: (reference: string, caller: Caller, waitSeconds?: number, signal?: AbortSignal) =>
      getApproval(deps, reference, caller, waitSeconds, signal),
    /** Whether the caller may know of the request. */
    maySee: async (id: number, caller: Caller) => {
      const found = await findApproval(deps.store.db, id);
      return found !== undefined && (await mayRead(deps, found, caller));
    },
    explain: (input: ExplainInput, caller: Caller) => explain(deps, input, caller),
    board: boardOf(deps),
    /** Runs approved requests from now on, and finishes runs of servers that died. */
    start: (runner: Runner) => start(deps, runner, runs),
  };
}

async function present(deps: ApprovalDeps, id: number): Promise<ApprovalView> {
  const found = await findApproval(deps.store.db, id);
  if (!found) throw approvalNotFound(String(id));
  return viewOf(deps, found);
}

/** How many of the people who decided last are told apart. */
const votersRead = 1000;

function boardOf(deps: ApprovalDeps): ApprovalBoard {
  return {
    async view(id) {
      await expireDue(deps);
      const found = await findApproval(deps.store.db, id);
      return found && { ...(await viewOf(deps, found)), ...factsOf(found) };
    },
    async unsettled() {
      await expireDue(deps);
      return unsettledApprovals(deps.store.db);
    },
    once: (id, about, tell) => tellOnce(deps, { kind: 'approval', subject: id, about }, tell),
    showIn(frontEnd) {
      deps.shownIn.add(frontEnd);
      return () => deps.shownIn.delete(frontEnd);
    },
    async mostRecentFirst(names) {
      const recent = await recentVoters(deps.store.db, votersRead);
      const rank = new Map(recent.map((name, index) => [name, index]));
      return names.toSorted((a, b) => (rank.get(a) ?? votersRead) - (rank.get(b) ?? votersRead));
    },
    remind: (tell) => remind(deps, tell),
  };
}

/**
 * The request that an earlier call with this idempotency key made, as it is now. A request that ended without a run
 * frees its key. A denied request does not: the denial is its answer.
 */
async function replay(
  deps: ApprovalDeps,
  { operation, input, caller }: OperationCall,
): Promise<{ outcome: Outcome } | { receipt: Outcome } | undefined> {
  const key = input['idempotency_key'];
  if (typeof key !== 'string') return undefined;
  await expireDue(deps);
  const since = new Date(deps.now().getTime() - keptMs).toISOString();
  const by = { person: caller.person.id, operation: operation.name, key, since };
  const found = await findByIdempotencyKey(deps.store.db, by);
  if (!found) return undefined;
  if (found.state === 'denied') throw denied(found);
  if (['failed', 'cancelled', 'expired', 'stale'].includes(found.state)) return undefined;
  if (found.inputHash !== hashOfInput(input)) throw idempotencyKeyUsed();
  return found.outcome ? { outcome: found.outcome } : { receipt: await waitingReceipt(deps, found) };
}

function denied({ id, decidedBy, decidedAt, reason }: Approval): Error {
  const who = decidedBy === undefined ? 'denied' : `denied by ${decidedBy}`;
  return fail('request_denied', `Approval request ${id} was ${who} at ${decidedAt}: ${reason?.message ?? ''}`, {
    nextStep: 'Change the input, or talk to them. A new idempotency key makes a new request.',
  });
}

const sweepMs = 2000;

async function start(
  deps: ApprovalDeps,
  runner: Runner,
  runs: { nudge: (id: number) => void },
): Promise<AsyncDisposable> {
  const queue = new WorkQueue({
    clock: deps.clock,
    width: 4,
    work: (key) => runApproval(deps, runner, Number(key)),
    onError: (key, thrown) =>
      deps.log.error({ err: thrown, approval: Number(key) }, 'running an approved request failed; it is tried again'),
  });
  runs.nudge = (id) => queue.nudge(String(id));
  const sweep = async (): Promise<void> => {
    await expireDue(deps);
    const open = await searchHeads(deps.store.db, { states: ['approved', 'running'] });
    for (const { id } of open) runs.nudge(id);
  };
  await sweep();
  const timer = deps.clock.every(sweepMs, () => {
    sweep().catch((thrown: unknown) => deps.log.error({ err: thrown }, 'looking for approved requests failed'));
  });
  return {
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]();
      await queue.close();
    },
  };
}
