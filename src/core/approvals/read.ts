import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from '../base/caller.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import { urlOf } from './messages-table.ts';
import { findApproval, searchApprovals, votesOn } from './table.ts';
import type { Approval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import { expireDue } from './expire.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { findReadable, mayRead } from './visibility.ts';
import type { ApprovalState } from './states.ts';
import { isOver } from './states.ts';
import { tally } from './tally.ts';
import { whereDecided } from './message-url.ts';

export interface ListApprovalsInput {
  state?: ApprovalState | undefined;
  cursor?: string | undefined;
  limit: number;
}

export type ApprovalView = Awaited<ReturnType<typeof viewOf>>;

export async function listApprovals(deps: ApprovalDeps, input: ListApprovalsInput, caller: Caller) {
  await expireDue(deps);
  const readable: Approval[] = [];
  let before = decodeCursor(input.cursor, 'number');
  const states = input.state === undefined ? undefined : [input.state];
  while (readable.length <= input.limit) {
    const page = await searchApprovals(deps.store.db, { states, before, limit: 100 });
    for (const each of page) if (await mayRead(deps, each, caller)) readable.push(each);
    before = page.at(-1)?.id;
    if (page.length < 100) break;
  }
  return pageOf(readable, input.limit, (row) => row.id, summary);
}

function summary(approval: Approval) {
  return {
    id: approval.id,
    state: approval.state,
    operation: approval.operation,
    what: approval.preview.summary[0] ?? approval.operation,
    requester: approval.requester.name,
    agent: approval.requester.agent,
    asked_at: approval.askedAt,
    expires_at: approval.expiresAt,
  };
}

export async function getApproval(
  deps: ApprovalDeps,
  reference: string,
  caller: Caller,
  waitSeconds = 0,
  signal?: AbortSignal,
) {
  await expireDue(deps);
  const first = await findReadable(deps, reference, caller);
  if (waitSeconds > 0 && !isOver(first.state)) await changeOf(deps, first, waitSeconds * 1000, signal);
  return viewOf(deps, await findReadable(deps, reference, caller));
}

/** Changes are hints: another server's may never arrive. */
const pollMs = 1000;

async function changeOf(
  deps: ApprovalDeps,
  first: Approval,
  forMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = Date.now() + forMs;
  const hint = { ring: (): void => {} };
  const end = deps.changes.subscribe(({ kind, id }) => {
    if (kind === 'approval' && id === String(first.id)) hint.ring();
  });
  try {
    for (;;) {
      const rung = new Promise<void>((resolve) => {
        hint.ring = resolve;
      });
      await expireDue(deps);
      const now = await findApproval(deps.store.db, first.id);
      const leftMs = deadline - Date.now();
      if (now?.state !== first.state || leftMs <= 0 || signal?.aborted === true) return;
      const timer = new AbortController();
      const ends = AbortSignal.any(signal ? [timer.signal, signal] : [timer.signal]);
      await Promise.race([rung, delay(Math.min(leftMs, pollMs), undefined, { signal: ends }).catch(() => {})]);
      timer.abort();
    }
  } finally {
    end();
  }
}

export async function viewOf(deps: Pick<ApprovalDeps, 'access' | 'store' | 'now' | 'shownIn'>, approval: Approval) {
  const url = await urlOf(deps.store.db, approval.id);
  const { needs, requester, preview, outcome, reason } = approval;
  const eligible = await eligibleFor(deps, needs, requester.id, approval.askedAt);
  const votes = await votesOn(deps.store.db, approval.id);
  const { counted, missing } = tally(votes, new Set(eligible.keys()), needs.quorum);
  const approvers = [...eligible.values()].map(({ name }) => name);
  return {
    ...summary(approval),
    summary: preview.summary,
    input: JSON.stringify(preview.input),
    digest: approval.digest,
    rule: approval.rule,
    identity: requester.identity,
    approvers,
    quorum: needs.quorum,
    missing,
    votes: votes.map(({ name, vote, at, reason: why, person }) => ({
      person: name,
      vote,
      at,
      counts: vote !== 'approve' || counted.some((each) => each.person === person),
      ...(why === undefined ? {} : { reason: why }),
    })),
    broken_glass: approval.brokenGlass,
    private: preview.private ?? false,
    ...(approval.decidedBy === undefined ? {} : { decided_by: approval.decidedBy }),
    ...(approval.decidedAt === undefined ? {} : { decided_at: approval.decidedAt }),
    ...(reason === undefined ? {} : { reason }),
    ...outcomeOf(outcome),
    ...(url === undefined ? {} : { url }),
    next_step: nextStep(approval, approvers, whereDecided(deps, approval.id, url)),
  };
}

function outcomeOf(outcome: Record<string, unknown> | undefined) {
  const { instance, model, model_id: modelId } = outcome ?? {};
  return {
    ...(typeof instance === 'number' ? { instance } : {}),
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof modelId === 'string' ? { model_id: modelId } : {}),
  };
}

function nextStep({ id, state, outcome }: Approval, approvers: readonly string[], where: string): string {
  const steps: Record<ApprovalState, string> = {
    pending: `It waits for ${approvers.join(' or ') || 'somebody who may approve'}. It is decided ${where}.`,
    approved: 'It runs by itself in a moment.',
    running: `It runs. Follow it with get_approval ${id}.`,
    done: typeof outcome?.['next_step'] === 'string' ? outcome['next_step'] : 'It was done.',
    failed: 'It was approved and failed for the reason above. Ask again once that is cured.',
    denied: 'It was denied for the reason above and never runs.',
    cancelled: 'It was taken back and never runs.',
    expired: 'Its time ran out and it never runs. The same call makes a new request.',
    stale: 'What was asked for is not what it would be now, so it never runs. The same call makes a new request.',
  };
  return steps[state];
}
