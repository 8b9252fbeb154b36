import type { KnownBlock, PlainTextElement } from '@slack/types';
import { plainText } from '../../core/base/format.ts';

/** Slack refuses a section with more. */
const sectionLimit = 3000;

/** Text from outside, so that it can neither ping a channel nor forge a link: Slack gives meaning to `<…>` and `&`. */
export function escape(text: string): string {
  return plainText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A value set in code; a backtick inside would end it early. */
export function code(text: string): string {
  return `\`${escape(text).replaceAll('`', 'ˋ')}\``;
}

/** A moment in the reader's own time zone. */
export function when(iso: string): string {
  return `<!date^${Math.floor(Date.parse(iso) / 1000)}^{date_short_pretty} {time}|${iso}>`;
}

export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Cutting inside `&amp;` or between surrogates would show half of it.
  return `${text.slice(0, limit - 1).replace(/(?:&[a-z]*|[\uD800-\uDBFF])$/, '')}…`;
}

/** Plain text of a label, button or menu: Slack takes no markup there and wants at least one character. */
export function plain(text: string, limit: number): PlainTextElement {
  return { type: 'plain_text', text: shorten(plainText(text) || ' ', limit) };
}

/** A paragraph of Slack's markup. What comes from outside must have passed `escape`. */
export function section(markup: string, blockId?: string): KnownBlock {
  return {
    type: 'section',
    text: { type: 'mrkdwn', text: shorten(markup, sectionLimit) },
    ...(blockId === undefined ? {} : { block_id: blockId }),
  };
}

/** A small grey line. */
export function note(markup: string, blockId?: string): KnownBlock {
  return {
    type: 'context',
    elements: [{ type: 'mrkdwn', text: shorten(markup, sectionLimit) }],
    ...(blockId === undefined ? {} : { block_id: blockId }),
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

/** A message of Slack: the blocks, and the text that notifications and screen readers show instead of them. */
export interface SlackMessage {
  text: string;
  blocks: KnownBlock[];
}

/** A value of unknown kind as text, or undefined where it is none: an object would read `[object Object]`. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
