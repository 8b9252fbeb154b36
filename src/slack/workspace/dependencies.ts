import type { AllMiddlewareArgs } from '@slack/bolt';
import type { KnownBlock } from '@slack/types';
import { z } from 'zod';
import type { Caller } from '../../core/base/caller.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { proseSchema } from '../../core/base/prose.ts';
import type { Core } from '../../core/core.ts';
import type { EcolinkError } from '../../core/base/errors.ts';
import type { ApprovalMessages } from '../messages/approval-messages.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import type { Home } from '../home/home.ts';
import type { Cards } from '../messages/cards.ts';

/** The fields that we show of the output of any operation with a form. */
export const receiptSchema = z.object({
  model: z.string().optional(),
  model_id: z.string().optional(),
  instance: z.int().optional(),
  state: z.string(),
  next_step: proseSchema,
});
export type Receipt = z.output<typeof receiptSchema>;

/** The outcome of a submission. */
export type Outcome =
  | { receipt: Receipt; caller: Caller; card?: KnownBlock[] }
  | { error: EcolinkError }
  /** The person may do nothing, or the work takes too long. */
  | { ended: SlackMessage };

/** The dependencies of the handlers of commands, clicks and forms. */
export interface SlackDeps {
  core: Core;
  bots: Bots;
  live: Cards;
  approvals: ApprovalMessages;
  home: Home;
  /** Submissions without an outcome yet, by form id. */
  awaited: Map<string, { closed: boolean; work: Promise<Outcome> }>;
  /** Milliseconds that a submission may take before its form says that it is being checked. Slack gives 3,000. */
  patience: number;
}

/** What Bolt adds to an event. */
export type EventContext = Pick<AllMiddlewareArgs, 'context'>;

/** The bot of the workspace where the event happened, which may not be the user's own. */
export function botAt(
  { bots }: SlackDeps,
  { teamId, enterpriseId }: EventContext['context'],
): Promise<Bot | undefined> {
  return bots.of({ team: teamId, enterprise: enterpriseId });
}
