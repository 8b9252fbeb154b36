import { WebAPIPlatformError } from '@slack/web-api';
import type { SlackWorkspace } from '../../core/core.ts';
import { workspaceOf } from '../connect/bots.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import { note } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** Where a message goes: to the channel if the app may write there, else to the user directly. */
export interface Destination {
  user: string;
  /** The user's workspace or organisation. */
  at: SlackWorkspace;
  /** `T1/C1` if the channel is in another workspace than the user. */
  channel?: string | undefined;
}

/** A message that Slack has, and the id of the bot that wrote it. */
export interface Posted {
  team: string;
  channel: string;
  ts: string;
}

/** Slack's errors if the app is not in the channel or may not write there. */
const notWritable = new Set([
  'not_in_channel',
  'channel_not_found',
  'is_archived',
  'restricted_action',
  'no_permission',
]);

/** Posts a message and returns it. Undefined if the app is not installed in that workspace. */
export async function post(bots: Bots, destination: Destination, message: SlackMessage): Promise<Posted | undefined> {
  const own = await bots.of(destination.at);
  if (destination.channel === undefined) return own && send(own, destination.user, message);
  const [team, channel] = destination.channel.includes('/')
    ? destination.channel.split('/', 2)
    : [undefined, destination.channel];
  const bot = team === undefined ? own : await bots.of(workspaceOf(team));
  if (!bot || channel === undefined) return own && send(own, destination.user, message);
  try {
    return await send(bot, channel, message);
  } catch (thrown) {
    if (!own || !(thrown instanceof WebAPIPlatformError) || !notWritable.has(thrown.data.error)) throw thrown;
    const why = note(
      `You get this here because I cannot write in <#${channel}>. To change that, \`/invite\` me there.`,
    );
    return send(own, destination.user, { ...message, blocks: [...message.blocks, why] });
  }
}

async function send(bot: Bot, to: string, message: SlackMessage): Promise<Posted> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
  const sent = await bot.client.chat.postMessage({ channel: to, ...message, unfurl_links: false, unfurl_media: false });
  return { team: bot.id, channel: sent.channel ?? to, ts: sent.ts ?? '' };
}
