import { atLeast } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import { findApproval } from './table.ts';
import type { Approval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import type { ApprovalDeps } from './dependencies.ts';

/** Who sees a request: who asked, who may decide, and approvers and admins unless it is about something private. */
export async function mayRead(
  deps: Pick<ApprovalDeps, 'access' | 'now'>,
  { requester, preview, needs, askedAt }: Approval,
  { person }: Caller,
): Promise<boolean> {
  if (requester.id === person.id || person.role === 'admin') return true;
  if (atLeast(person.role, 'approver') && preview.private !== true) return true;
  return (await eligibleFor(deps, needs, requester.id, askedAt)).has(person.id);
}

/** Throws `approval_not_found`, for a request that exists but is not this caller's to see too. */
export async function findReadable(
  deps: Pick<ApprovalDeps, 'access' | 'store' | 'now'>,
  reference: string,
  caller: Caller,
  seesAll = false,
): Promise<Approval> {
  const id = /^[1-9][0-9]{0,8}$/.test(reference) ? Number(reference) : undefined;
  const found = id === undefined ? undefined : await findApproval(deps.store.db, id);
  if (found && (seesAll || (await mayRead(deps, found, caller)))) return found;
  throw fail('approval_not_found', `There is no request "${reference.slice(0, 40)}".`, {
    nextStep: say`${run('list_approvals')} shows the approval requests.`,
    field: 'approval',
  });
}
