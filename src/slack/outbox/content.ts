import type { KnownBlock } from '@slack/types';
import { z } from 'zod';
import { note, section, shorten } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** What a message in the outbox shows. `reply_broadcast`: a reply that the channel sees too. */
export interface Content extends SlackMessage {
  reply_broadcast?: boolean;
}

const contentSchema = z.object({
  text: z.string(),
  // The outbox keeps what our own block functions made.
  blocks: z.array(z.custom<KnownBlock>()),
  reply_broadcast: z.boolean().optional(),
});

export function writeContent({ text, blocks, reply_broadcast }: Content): string {
  return JSON.stringify({ text, blocks, reply_broadcast });
}

export function readContent(stored: string): Content {
  return contentSchema.parse(JSON.parse(stored));
}

/** The text alone, for a Slack that does not take the blocks. */
export function withoutBlocks({ text, reply_broadcast }: Content): Content {
  return { text: shorten(text, 3000), blocks: [section(text)], reply_broadcast };
}

/** Says why a message for a channel went to a person. */
export function redirected(content: Content, channel: string): Content {
  const why = note(`You get this here because I cannot write in <#${channel}>. To change that, \`/invite\` me there.`);
  return { ...content, blocks: [...content.blocks, why] };
}
