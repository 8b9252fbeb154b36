import type { Approval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { urlSoon, whereDecided } from './message-url.ts';

/** What the caller of a held-back operation gets: a success that says who may decide. */
export async function heldReceipt(
  deps: Pick<ApprovalDeps, 'access' | 'now' | 'shownIn' | 'store'>,
  approval: Approval,
): Promise<Record<string, unknown>> {
  const { id, needs, requester, expiresAt, preview } = approval;
  const approvers = [...(await eligibleFor(deps, needs, requester.id, approval.askedAt)).values()].map(
    ({ name }) => name,
  );
  const url = await urlSoon(deps, approval);
  const { model, name } = preview.input;
  const subject = model ?? name;
  return {
    ...(typeof subject === 'string' ? { model: subject } : {}),
    state: approval.state === 'pending' ? 'awaiting_approval' : approval.state,
    approval: { id, ...(url === undefined ? {} : { url }), approvers, expires_at: expiresAt },
    next_step:
      approval.state === 'pending'
        ? `${whoDecides(approvers, needs.quorum)} by ${expiresAt}, ${whereDecided(deps, id, url)}. Follow it with get_approval ${id}; cancel_request ${id} takes it back.`
        : `It was approved and runs by itself. Follow it with get_approval ${id}.`,
  };
}

function whoDecides(approvers: readonly string[], quorum: number): string {
  const names = approvers.join(', ');
  if (approvers.length === 0) return 'Nobody can approve it now; it waits for somebody who can';
  if (approvers.length === 1) return `${names} decides`;
  return quorum === 1 ? `One of ${names} decides` : `${quorum} of ${names} decide`;
}
