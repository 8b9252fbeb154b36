import { run, runNext, say } from '../base/prose.ts';
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
  const follow = runNext('get_approval', { approval: String(id), wait_seconds: 25 });
  const { model, name, instance } = preview.input;
  const subject = model ?? name;
  return {
    instance: numberOf(instance),
    what: preview.summary[0],
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

/** The number of an instance in a reference such as `3` or `tiny:3`. */
function numberOf(reference: unknown): number | undefined {
  const digits = typeof reference === 'string' ? /[0-9]+$/.exec(reference)?.[0] : undefined;
  return digits === undefined ? undefined : Number(digits);
}
