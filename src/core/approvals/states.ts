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
 * What each state may become. *approved* falls back to *pending* where votes stopped counting before the run; *running*
 * falls back to *approved* where the run has to be tried again.
 */
export const moves = {
  pending: ['approved', 'denied', 'cancelled', 'expired', 'stale'],
  approved: ['pending', 'running', 'denied', 'cancelled', 'expired', 'stale'],
  running: ['approved', 'done', 'failed'],
  done: [],
  failed: [],
  denied: [],
  cancelled: [],
  expired: [],
  stale: [],
} satisfies Record<ApprovalState, ApprovalState[]>;

export function mayBecome(from: ApprovalState, to: ApprovalState): boolean {
  return (moves[from] as ApprovalState[]).includes(to);
}

/** States in which nothing more happens. */
export function isOver(state: ApprovalState): boolean {
  return moves[state].length === 0;
}
