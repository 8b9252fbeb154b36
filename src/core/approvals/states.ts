export const approvalStates = [
  'pending',
  'approved',
  'running',
  'done',
  'failed',
  'denied',
  'cancelled',
  'expired',
  'stale',
] as const;
export type ApprovalState = (typeof approvalStates)[number];

/**
 * The states that may follow a state. *approved* becomes *pending* again if votes stop counting before the run. *running*
 * becomes *approved* again if the run must be tried again.
 */
const moves: Record<ApprovalState, readonly ApprovalState[]> = {
  pending: ['approved', 'denied', 'cancelled', 'expired', 'stale'],
  approved: ['pending', 'running', 'denied', 'cancelled', 'expired', 'stale'],
  running: ['approved', 'done', 'failed'],
  done: [],
  failed: [],
  denied: [],
  cancelled: [],
  expired: [],
  stale: [],
};

export function mayBecome(from: ApprovalState, to: ApprovalState): boolean {
  return moves[from].includes(to);
}

/** True for a state that never changes again. */
export function isOver(state: ApprovalState): boolean {
  return moves[state].length === 0;
}
