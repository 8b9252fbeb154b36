import { atLeast } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import { findApproval } from './table.ts';
import type { Approval, UnreadableApproval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import type { ApprovalDeps } from './dependencies.ts';

/**
 * True for the requester, admins, and people who may decide. Other approvers see requests about things that are not
 * private. An unreadable request is shown to the requester and admins only.
 */
export async function mayRead(
  deps: Pick<ApprovalDeps, 'access' | 'now'>,
  approval: Approval | UnreadableApproval,
  { person }: Caller,
): Promise<boolean> {
  if (approval.requester.id === person.id || person.role === 'admin') return true;
  if ('unreadable' in approval) return false;
  const { requester, preview, needs, askedAt } = approval;
  if (atLeast(person.role, 'approver') && preview.private !== true) return true;
  return (await eligibleFor(deps, needs, requester.id, askedAt)).has(person.id);
}

/** Throws `approval_not_found` if the request does not exist, or the caller may not see it. */
export async function findVisible(
  deps: Pick<ApprovalDeps, 'access' | 'store' | 'now'>,
  reference: string,
  caller: Caller,
  seesAll = false,
): Promise<Approval> {
  const id = /^[1-9][0-9]{0,8}$/.test(reference) ? Number(reference) : undefined;
  const found = id === undefined ? undefined : await findApproval(deps.store.db, id);
  if (found && (seesAll || (await mayRead(deps, found, caller)))) return found;
  throw approvalNotFound(reference);
}

export function approvalNotFound(reference: string): Error {
  return fail('approval_not_found', `There is no approval request "${reference.slice(0, 40)}".`, {
    nextStep: say`${run('list_approvals')} shows the approval requests.`,
    field: 'approval',
  });
}
