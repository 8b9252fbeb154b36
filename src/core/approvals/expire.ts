import { moveApproval, searchApprovals } from './table.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';

/** Ends what nobody decided in time, and what was approved but could not be run by then. */
export async function expireDue(deps: Pick<ApprovalDeps, 'store' | 'changes' | 'now'>): Promise<void> {
  const now = deps.now().toISOString();
  for (const { id, state } of await searchApprovals(deps.store.db, { states: ['pending', 'approved'], overBy: now })) {
    const reason = {
      code: 'request_expired',
      message: state === 'pending' ? 'Nobody decided in time.' : 'It was approved, but could not be run in time.',
    };
    if (await moveApproval(deps.store.db, id, state, 'expired', { reason })) publish(deps, id);
  }
}
