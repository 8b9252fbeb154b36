import { moveApproval, searchApprovals } from './table.ts';
import { publish } from './dependencies.ts';
import type { ApprovalParts } from './dependencies.ts';

/** Ends what nobody decided in time, and what was approved but could not be run by then. */
export async function expireDue(parts: Pick<ApprovalParts, 'store' | 'changes' | 'now'>): Promise<void> {
  const now = parts.now().toISOString();
  for (const { id, state } of await searchApprovals(parts.store.db, { states: ['pending', 'approved'], overBy: now })) {
    const reason = {
      code: 'request_expired',
      message: state === 'pending' ? 'Nobody decided in time.' : 'It was approved, but could not be run in time.',
    };
    if (await moveApproval(parts.store.db, id, state, 'expired', { reason })) publish(parts, id);
  }
}
