import type { BlockAction, ButtonAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import type { MessageKey } from '../../core/core.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import type { SlackMessage } from '../blocks/text.ts';

export type Click = SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & EventContext;

/** A message that only the person who clicked sees. */
export async function answerClick({ respond }: Pick<Click, 'respond'>, message: SlackMessage): Promise<void> {
  await respond({ response_type: 'ephemeral', replace_original: false, ...message });
}

/** The post that has the button. Undefined for a message that only one person sees: nothing keeps that up to date. */
export function clickedPost({ container }: BlockAction): { channel: string; ts: string } | undefined {
  const { channel_id: channel, message_ts: ts, is_ephemeral: isEphemeral } = container;
  return typeof channel === 'string' && typeof ts === 'string' && isEphemeral !== true ? { channel, ts } : undefined;
}

/** A post whose answer was lost is in no record until somebody clicks it. From then on it is kept true like its twin. */
export async function adoptClicked(
  deps: SlackDeps,
  { body, context }: Pick<Click, 'body' | 'context'>,
  key: MessageKey,
) {
  const post = clickedPost(body);
  const bot = post && (await botAt(deps, context));
  if (post && bot) await deps.core.outbox.adopt(key, { ...post, team: bot.id });
}
