import { z } from 'zod';
import { namesRisk } from '../operation/preview.ts';
import { shortDigest } from '../base/ids.ts';
import { waitForChange } from '../base/wait-for-change.ts';
import { proseSchema, run, say } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import type { Caller } from '../base/caller.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import { urlOfRequest } from '../notify/outbox-table.ts';
import { findApproval, searchApprovals, votesOn } from './table.ts';
import type { Approval, UnreadableApproval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import { expireDue } from './expire.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { findVisible, mayRead } from './visibility.ts';
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
  const visible: (Approval | UnreadableApproval)[] = [];
  let before = decodeCursor(input.cursor, 'number');
  const states = input.state === undefined ? undefined : [input.state];
  while (visible.length <= input.limit) {
    const page = await searchApprovals(deps.store.db, { states, before, limit: 100 });
    for (const each of page) if (await mayRead(deps, each, caller)) visible.push(each);
    before = page.at(-1)?.id;
    if (page.length < 100) break;
  }
  return pageOf(visible, input.limit, (row) => row.id, summary);
}

function summary(approval: Approval | UnreadableApproval) {
  return {
    id: approval.id,
    state: approval.state,
    operation: approval.operation,
    what: 'unreadable' in approval ? unreadable : (approval.preview.summary[0] ?? approval.operation),
    requester: approval.requester.name,
    agent: approval.requester.agent,
    asked_at: approval.askedAt,
    expires_at: approval.expiresAt,
  };
}

const unreadable = 'What it asks for cannot be read.';

export async function getApproval(
  deps: ApprovalDeps,
  reference: string,
  caller: Caller,
  waitSeconds = 0,
  signal?: AbortSignal,
) {
  await expireDue(deps);
  const first = await findVisible(deps, reference, caller);
  if (waitSeconds > 0 && !isOver(first.state)) await changeOf(deps, first, waitSeconds * 1000, signal);
  return viewOf(deps, await findVisible(deps, reference, caller));
}

/** Changes that another server makes are not published here, so the row is read again after this time. */
const pollMs = 1000;

async function changeOf(
  deps: ApprovalDeps,
  first: Approval,
  forMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hasChanged = async (): Promise<boolean> => {
    await expireDue(deps);
    return (await findApproval(deps.store.db, first.id))?.state !== first.state;
  };
  await waitForChange(deps, { kind: 'approval', id: String(first.id), hasChanged, forMs, pollMs, signal });
}

export async function viewOf(deps: Pick<ApprovalDeps, 'access' | 'store' | 'now' | 'shownIn'>, approval: Approval) {
  const url = await urlOfRequest(deps.store.db, approval.id);
  const { needs, requester, preview, outcome, reason } = approval;
  const eligible = await eligibleFor(deps, needs, requester.id, approval.askedAt);
  const votes = await votesOn(deps.store.db, approval.id);
  const { counted, missing } = tally(votes, new Set(eligible.keys()), needs);
  const approvers = [...eligible.values()].map(({ name }) => name);
  return {
    ...summary(approval),
    summary: preview.summary,
    input: JSON.stringify(preview.input),
    digest: shortDigest(approval.digest),
    rule: approval.rule,
    identity: requester.identity,
    approvers,
    quorum: needs.quorum,
    assurance: needs.assurance,
    missing,
    votes: votes.map(({ name, vote, at, reason: why, person, assurance }) => ({
      person: name,
      vote,
      at,
      counts: vote !== 'approve' || counted.some((each) => each.person === person),
      reason: why,
      assurance,
    })),
    broken_glass: approval.brokenGlass,
    private: preview.private ?? false,
    decided_by: approval.decidedBy,
    decided_at: approval.decidedAt,
    reason,
    ...outcomeOf(outcome),
    url,
    next_step: nextStep(approval, approvers, whereDecided(deps, approval.id, url)),
  };
}

/** What approvers decide on, as data. Absent: it does not apply. A null cost is unknown. */
export interface RequestFacts {
  /** Why the requester wants it, in their words. */
  why: string | undefined;
  regions: readonly string[];
  accelerators: readonly string[];
  /** Accelerators that it adds. */
  gpus: number | undefined;
  cost_per_hour: number | null | undefined;
  /** How long it runs. Absent: until somebody stops it. */
  stop_after: string | undefined;
  /** What the arguments of a launch can do, and what it does beyond serving. Nothing of it may be cut. */
  risks: readonly string[];
  /** True if it takes something away. */
  destroys: boolean;
}

export type ShownApproval = ApprovalView & { facts: RequestFacts };

const textsOf = z.object({
  reason: z.string().optional().catch(undefined),
  stop_after: z.string().optional().catch(undefined),
});

export function factsOf({ preview: { facts, input, costPerHour, summary: lines } }: Approval): { facts: RequestFacts } {
  const { reason, stop_after } = textsOf.parse(input);
  return {
    facts: {
      why: reason,
      regions: facts.regions ?? [],
      accelerators: facts.accelerators ?? [],
      gpus: facts.gpus,
      cost_per_hour: costPerHour,
      stop_after,
      risks: [
        ...lines.filter(namesRisk),
        ...(facts.trustRemoteCode ? ['It runs code that comes with the model.'] : []),
        ...(facts.pickle ? ['Its weights are pickle files. Loading them can run code.'] : []),
      ],
      destroys: facts.destroys ?? false,
    },
  };
}

function outcomeOf(outcome: Record<string, unknown> | undefined) {
  const { instance, model, model_id: modelId } = outcome ?? {};
  return {
    instance: typeof instance === 'number' ? instance : undefined,
    model: typeof model === 'string' ? model : undefined,
    model_id: typeof modelId === 'string' ? modelId : undefined,
  };
}

function nextStep({ id, state, outcome }: Approval, approvers: readonly string[], where: Prose): Prose {
  switch (state) {
    case 'pending':
      return say`It waits for ${approvers.join(' or ') || 'somebody who may approve'}. People decide ${where}.`;
    case 'approved':
      return 'It runs by itself in a moment.';
    case 'running':
      return say`It runs. Follow it with ${run('get_approval', { approval: id })}.`;
    case 'done': {
      const next = proseSchema.safeParse(outcome?.['next_step']);
      return next.success ? next.data : 'It was done.';
    }
    case 'failed':
      return 'It was approved, and failed for the reason above. Remove the cause and repeat the call.';
    case 'denied':
      return 'It was denied for the reason above and never runs.';
    case 'cancelled':
      return 'The requester took it back. It never runs.';
    case 'expired':
      return 'Nobody decided in time. It never runs. The same call makes a new request.';
    case 'stale':
      return 'What it asked for has changed since, so it never runs. The same call makes a new request.';
  }
}
