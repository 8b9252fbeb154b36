import type { RichTextBlock, RichTextElement, RichTextText } from '@slack/types';
import { plainText } from '../../core/base/format.ts';
import { shorten } from './text.ts';

// Slack reads no markup, emoji or link in the text of these elements, so a reason cannot imitate EcoLink.

/** Text from outside, as it was written. */
export function words(text: string, limit = 2000, style?: RichTextText['style']): RichTextText {
  return { type: 'text', text: shorten(plainText(text) || ' ', limit), style };
}

/** A person: by a mention if they have an account here, else by name. */
export function person(name: string, user: string | undefined): RichTextElement {
  return user === undefined ? words(name, 200, { bold: true }) : { type: 'user', user_id: user };
}

export function richLine(elements: readonly RichTextElement[]): RichTextBlock {
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [...elements] }] };
}

export function richQuote(text: string, limit: number): RichTextBlock {
  return { type: 'rich_text', elements: [{ type: 'rich_text_quote', elements: [words(text, limit)] }] };
}

/** Text that people copy, in a box. */
export function richBox(text: string): RichTextBlock {
  // Line breaks stay: the text is ours.
  return { type: 'rich_text', elements: [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text }] }] };
}
