import { WebAPIPlatformError } from '@slack/web-api';
import type { WebClient } from '@slack/web-api';
import { note } from './text.ts';
import type { SlackMessage } from './text.ts';

/** Where an answer belongs: the channel of the command if the app may write there, else the user's messages with it. */
export interface Place {
  user: string;
  channel?: string;
}

/** What Slack says where the app is not, or may not write. */
const outside = new Set(['not_in_channel', 'channel_not_found', 'is_archived', 'restricted_action', 'no_permission']);

/** Posts to the place; answers with where it went. */
export async function post(
  client: WebClient,
  place: Place,
  message: SlackMessage,
): Promise<{ channel: string; ts: string }> {
  if (place.channel === undefined) return send(client, place.user, message);
  try {
    return await send(client, place.channel, message);
  } catch (thrown) {
    if (!(thrown instanceof WebAPIPlatformError) || !outside.has(thrown.data.error)) throw thrown;
    const why = note(`This comes here because I cannot write in <#${place.channel}>; \`/invite\` me there.`);
    return send(client, place.user, { ...message, blocks: [...message.blocks, why] });
  }
}

async function send(
  client: WebClient,
  channel: string,
  message: SlackMessage,
): Promise<{ channel: string; ts: string }> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
  const sent = await client.chat.postMessage({ channel, ...message, unfurl_links: false, unfurl_media: false });
  return { channel: sent.channel ?? channel, ts: sent.ts ?? '' };
}
