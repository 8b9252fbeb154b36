import type { AllMiddlewareArgs } from '@slack/bolt';
import type { Core } from '../../core/core.ts';
import type { EcolinkError } from '../../core/base/errors.ts';
import type { ApprovalMessages } from '../messages/approval-messages.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import type { LiveMessages } from '../messages/live-messages.ts';

/** What came of a submission. */
export type Outcome = { receipt: Record<string, unknown> } | { error: EcolinkError };

/** What the handlers of commands, clicks and forms work with. */
export interface Desk {
  core: Core;
  bots: Bots;
  live: LiveMessages;
  approvals: ApprovalMessages;
  /** Submissions whose outcome is still awaited, by form id. */
  awaited: Map<string, { closed: boolean; work: Promise<Outcome> }>;
  /** Milliseconds that a submission may take before its form says that it is being checked. Slack gives 3,000. */
  patience: number;
}

/** What Bolt knows of an event besides what Slack sent. */
export type Where = Pick<AllMiddlewareArgs, 'context'>;

/** The bot that an event was for: of the workspace where it happened, which need not be the user's own. */
export function botAt({ bots }: Desk, { teamId, enterpriseId }: Where['context']): Promise<Bot | undefined> {
  return bots.of({ team: teamId, enterprise: enterpriseId });
}
