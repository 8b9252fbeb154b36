import { moveApproval, searchHeads } from './table.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';

/** Ends requests that nobody decided in time, and approved ones that could not run in time. */
export async function expireDue(deps: Pick<ApprovalDeps, 'store' | 'changes' | 'now'>): Promise<void> {
  const now = deps.now().toISOString();
  for (const { id, state } of await searchHeads(deps.store.db, { states: ['pending', 'approved'], expiredBy: now })) {
    const reason = {
      code: 'request_expired',
      message: state === 'pending' ? 'Nobody decided in time.' : 'It was approved, but could not be run in time.',
    };
    if (await moveApproval(deps.store.db, id, state, 'expired', { reason })) publish(deps, id);
  }
}
