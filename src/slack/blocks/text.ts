import type { KnownBlock, PlainTextElement } from '@slack/types';
import { plainText } from '../../core/base/format.ts';

/** Slack refuses a section with more. */
const sectionLimit = 3000;

/** Escapes text from outside: Slack reads `<…>` and `&` as mentions and links. */
export function escape(text: string): string {
  return plainText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A value in code format. A backtick inside would end the code early. */
export function code(text: string): string {
  return `\`${escape(text).replaceAll('`', 'ˋ')}\``;
}

/** A moment in the reader's own time zone. */
export function when(iso: string): string {
  return `<!date^${Math.floor(Date.parse(iso) / 1000)}^{date_short_pretty} {time}|${iso}>`;
}

export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // A cut inside `&amp;` or between surrogates would leave half a character.
  return `${text.slice(0, limit - 1).replace(/(?:&[a-z]*|[\uD800-\uDBFF])$/, '')}…`;
}

/** Text of a label, button or menu. Slack takes no markup there and needs at least one character. */
export function plain(text: string, limit: number): PlainTextElement {
  return { type: 'plain_text', text: shorten(plainText(text) || ' ', limit) };
}

/** A paragraph of Slack's markup. The caller escapes text from outside. */
export function section(markup: string, blockId?: string): KnownBlock {
  return {
    type: 'section',
    text: { type: 'mrkdwn', text: shorten(markup, sectionLimit) },
    block_id: blockId,
  };
}

/** A small grey line. */
export function note(markup: string, blockId?: string): KnownBlock {
  return {
    type: 'context',
    elements: [{ type: 'mrkdwn', text: shorten(markup, sectionLimit) }],
    block_id: blockId,
  };
}

/** Lines in as few sections as their length allows. */
export function sectionsOf(lines: readonly string[]): KnownBlock[] {
  const texts: string[] = [];
  for (const line of lines) {
    const last = texts.at(-1);
    if (last === undefined || last.length + line.length + 1 > sectionLimit) texts.push(line);
    else texts[texts.length - 1] = `${last}\n${line}`;
  }
  return texts.map((text) => section(text));
}

/** `131k`, as people name context lengths. */
export function tokens(length: number): string {
  return length >= 1000 ? `${Math.floor(length / 1000)}k` : String(length);
}

/** A message: the blocks, and the text for notifications and screen readers. */
export interface SlackMessage {
  text: string;
  blocks: KnownBlock[];
}

/** A string, number or boolean as text. Undefined for other values. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
