import { WebAPIPlatformError } from '@slack/web-api';
import type { SlackWorkspace } from '../../core/access/access.ts';
import type { Core } from '../../core/core.ts';
import { placeOf } from '../connect/bots.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import { note } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** Where an answer belongs: the channel of the command if the app may write there, else the user's messages with it. */
export interface Place {
  user: string;
  /** The user's workspace or organisation. */
  at: SlackWorkspace;
  /** With its workspace before it (`T1/C1`) where that is another than the user's. */
  channel?: string;
}

/** A message that Slack has, and the id of the bot that wrote it. */
export interface Posted {
  team: string;
  channel: string;
  ts: string;
}

/** What Slack says where the app is not, or may not write. */
const outside = new Set(['not_in_channel', 'channel_not_found', 'is_archived', 'restricted_action', 'no_permission']);

/** Posts to the place; answers with where it went, or with undefined where the app is not installed. */
export async function post(bots: Bots, place: Place, message: SlackMessage): Promise<Posted | undefined> {
  const own = await bots.of(place.at);
  if (place.channel === undefined) return own && send(own, place.user, message);
  const [team, channel] = place.channel.includes('/') ? place.channel.split('/', 2) : [undefined, place.channel];
  const bot = team === undefined ? own : await bots.of(placeOf(team));
  if (!bot || channel === undefined) return own && send(own, place.user, message);
  try {
    return await send(bot, channel, message);
  } catch (thrown) {
    if (!own || !(thrown instanceof WebAPIPlatformError) || !outside.has(thrown.data.error)) throw thrown;
    const why = note(`This comes here because I cannot write in <#${channel}>; \`/invite\` me there.`);
    return send(own, place.user, { ...message, blocks: [...message.blocks, why] });
  }
}

/** What Slack refuses for good (a message or an account that is gone) keeps nobody else from being told. */
export async function attempt<T>({ log }: Pick<Core, 'log'>, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof WebAPIPlatformError)) throw thrown;
    log.warn({ err: thrown }, 'Slack did not take a message');
    return undefined;
  }
}

async function send(bot: Bot, to: string, message: SlackMessage): Promise<Posted> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
  const sent = await bot.client.chat.postMessage({ channel: to, ...message, unfurl_links: false, unfurl_media: false });
  return { team: bot.id, channel: sent.channel ?? to, ts: sent.ts ?? '' };
}
