import { run, say } from '../base/prose.ts';
import type { Approval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { waitForUrl, whereDecided } from './message-url.ts';

/** The output of a call that waits for approval. It says who may decide. */
export async function waitingReceipt(
  deps: Pick<ApprovalDeps, 'access' | 'now' | 'shownIn' | 'store' | 'clock'>,
  approval: Approval,
): Promise<Record<string, unknown>> {
  const { id, needs, requester, expiresAt, preview } = approval;
  const approvers = [...(await eligibleFor(deps, needs, requester.id, approval.askedAt)).values()].map(
    ({ name }) => name,
  );
  const url = await waitForUrl(deps, approval);
  const follow = run('get_approval', { approval: id });
  const { model, name } = preview.input;
  const subject = model ?? name;
  return {
    model: typeof subject === 'string' ? subject : undefined,
    state: approval.state === 'pending' ? 'awaiting_approval' : approval.state,
    approval: { id, url, approvers, expires_at: expiresAt },
    next_step:
      approval.state === 'pending'
        ? say`${whoDecides(approvers, needs.quorum)} by ${expiresAt}: ${whereDecided(deps, id, url)}. Follow it with ${follow}. ${run('cancel_request', { approval: id })} takes it back.`
        : say`It was approved and runs by itself. Follow it with ${follow}.`,
  };
}

function whoDecides(approvers: readonly string[], quorum: number): string {
  const names = approvers.join(', ');
  if (approvers.length === 0) return 'Nobody can approve it now. It waits for somebody who can, at the latest';
  if (approvers.length === 1) return `${names} decides`;
  return quorum === 1 ? `One of ${names} decides` : `${quorum} of ${names} decide`;
}
