import { mrkdwnHtml, plainHtml } from './mrkdwn.ts';

/** What is read of any block or element. Blocks that this renderer does not know are an error, so that none is missed. */
export interface Shape {
  type: string;
  text?: string | Shape;
  fields?: Shape[];
  elements?: Shape[];
  element?: Shape;
  accessory?: Shape;
  label?: Shape;
  hint?: Shape;
  placeholder?: Shape;
  optional?: boolean;
  style?: string | { bold?: boolean };
  options?: Option[];
  option_groups?: { label: Shape; options: Option[] }[];
  initial_option?: Option;
  initial_options?: Option[];
  initial_value?: string;
  initial_conversation?: string;
  multiline?: boolean;
  user_id?: string;
  name?: string;
}

interface Option {
  text: Shape;
  description?: Shape;
  value?: string;
}

/** Blocks as Slack draws them, near enough to judge a screen. */
export function blocksHtml(blocks: readonly Shape[]): string {
  return blocks.map(blockHtml).join('\n');
}

function blockHtml(block: Shape): string {
  switch (block.type) {
    case 'header':
      return `<h2>${textHtml(block.text)}</h2>`;
    case 'divider':
      return '<hr>';
    case 'section':
      return sectionHtml(block);
    case 'context':
      return `<div class="context">${(block.elements ?? []).map(textHtml).join(' ')}</div>`;
    case 'actions':
      return `<div class="actions">${(block.elements ?? []).map(elementHtml).join('')}</div>`;
    case 'input':
      return inputHtml(block);
    case 'rich_text':
      return `<div class="section">${(block.elements ?? []).map(richHtml).join('')}</div>`;
    default:
      throw new Error(`The renderer does not know the block ${block.type}.`);
  }
}

function sectionHtml({ text, fields = [], accessory }: Shape): string {
  const words = text === undefined ? '' : `<div>${textHtml(text)}</div>`;
  const grid =
    fields.length === 0
      ? ''
      : `<div class="fields">${fields.map((field) => `<div>${textHtml(field)}</div>`).join('')}</div>`;
  const beside = accessory === undefined ? '' : `<div class="accessory">${elementHtml(accessory)}</div>`;
  return `<div class="section"><div class="words">${words}${grid}</div>${beside}</div>`;
}

function inputHtml({ label, hint, optional, element }: Shape): string {
  const tail = optional === true ? ' <span class="optional">(optional)</span>' : '';
  const below = hint === undefined ? '' : `<div class="hint">${textHtml(hint)}</div>`;
  return `<div class="input"><label>${textHtml(label)}${tail}</label>${element ? elementHtml(element) : ''}${below}</div>`;
}

function elementHtml(element: Shape): string {
  const { type, options = [], initial_option: one, initial_options: many = [], initial_value: value } = element;
  switch (type) {
    case 'button':
      return `<span class="button ${typeof element.style === 'string' ? element.style : ''}">${textHtml(element.text)}</span>`;
    case 'plain_text_input':
      return `<div class="field ${element.multiline === true ? 'tall' : ''}">${valueOr(element, value)}</div>`;
    case 'number_input':
      return `<div class="field">${valueOr(element, value)}</div>`;
    case 'static_select':
    case 'external_select':
      return `<div class="field menu">${valueOr(element, one && words(one.text))}</div>`;
    case 'conversations_select':
      return `<div class="field menu">${valueOr(element, element.initial_conversation)}</div>`;
    case 'multi_static_select':
      return `<div class="field menu">${many.length > 0 ? many.map(({ text }) => `<span class="chip">${textHtml(text)}</span>`).join('') : valueOr(element, undefined)}</div>`;
    case 'checkboxes':
    case 'radio_buttons':
      return options.map((option) => tickHtml(type, option, [...(one ? [one] : []), ...many])).join('');
    case 'mrkdwn':
    case 'plain_text':
      return textHtml(element);
    default:
      throw new Error(`The renderer does not know the element ${type}.`);
  }
}

function tickHtml(type: string, option: Option, chosen: Option[]): string {
  const on = chosen.some(({ value }) => value === option.value);
  const box = type === 'checkboxes' ? (on ? '☑' : '☐') : on ? '◉' : '○';
  return `<div class="tick">${box} ${textHtml(option.text)}</div>`;
}

function valueOr({ placeholder }: Shape, value: string | undefined): string {
  if (value !== undefined && value !== '') return plainHtml(value);
  return `<span class="placeholder">${placeholder ? textHtml(placeholder) : '&nbsp;'}</span>`;
}

function words(text: string | Shape): string {
  return typeof text === 'string' ? text : typeof text.text === 'string' ? text.text : '';
}

function textHtml(text: string | Shape | undefined): string {
  if (text === undefined) return '';
  if (typeof text === 'string') return plainHtml(text);
  return text.type === 'mrkdwn' ? mrkdwnHtml(words(text)) : plainHtml(words(text));
}

/** Rich text: sections, quotes and preformatted lines of texts, people and emoji. */
function richHtml(part: Shape): string {
  const inner = (part.elements ?? []).map(richHtml).join('');
  switch (part.type) {
    case 'rich_text_section':
      return `<div>${inner}</div>`;
    case 'rich_text_quote':
      return `<blockquote>${inner}</blockquote>`;
    case 'rich_text_preformatted':
      return `<pre>${inner}</pre>`;
    case 'user':
      return mrkdwnHtml(`<@${part.user_id ?? ''}>`);
    case 'emoji':
      return mrkdwnHtml(`:${part.name ?? ''}:`);
    case 'text': {
      const text = plainHtml(words(part));
      return typeof part.style === 'object' && part.style.bold === true ? `<b>${text}</b>` : text;
    }
    default:
      throw new Error(`The renderer does not know ${part.type} in rich text.`);
  }
}
