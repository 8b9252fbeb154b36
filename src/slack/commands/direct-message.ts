import type { SlackEventMiddlewareArgs } from '@slack/bolt';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { onCommand } from './command.ts';

type Message = SlackEventMiddlewareArgs<'message'> & EventContext;

/** How many events are remembered. Slack sends one again if an acknowledgement was late. */
const eventsKept = 1000;

/** Somebody writes to the app directly: the text is a command, with or without `/ecolink` before it. */
export function directMessages(deps: SlackDeps): (message: Message) => Promise<void> {
  const seen = new Set<string>();
  return async ({ event, body, context }) => {
    // Only messages that a person wrote. The app's own come as events, too.
    if (event.channel_type !== 'im' || event.subtype !== undefined || event.bot_id !== undefined) return;
    if (seen.has(body.event_id)) return;
    seen.add(body.event_id);
    for (const oldest of seen) if (seen.size > eventsKept) seen.delete(oldest);
    const bot = await botAt(deps, context);
    if (!bot) return;
    const { channel, user, team = body.team_id } = event;
    await onCommand(deps, {
      command: {
        text: (event.text ?? '').replace(/^[*_~`\s]*\/?ecolink\b/i, ''),
        user_id: user,
        user_name: user,
        team_id: team,
        enterprise_id: body.enterprise_id,
        channel_id: channel,
      },
      context,
      ack: async () => {},
      respond: async ({ text, blocks }) => {
        await bot.client.chat.postMessage({ channel, text, blocks });
      },
    });
  };
}
