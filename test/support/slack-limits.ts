import type { HomeView, KnownBlock, ModalView } from '@slack/types';

/** What is read of any block or element: Slack refuses the whole message or view where one of these is out of bounds. */
interface Shape {
  type: string;
  block_id?: string;
  action_id?: string;
  text?: string | { type: string; text: string };
  label?: { text: string };
  hint?: { text: string };
  placeholder?: { text: string };
  element?: Shape;
  elements?: Shape[];
  accessory?: Shape;
  fields?: Shape[];
  option_groups?: { label: { text: string }; options: NonNullable<Shape['options']> }[];
  value?: string;
  confirm?: { title: { text: string }; text: { text: string }; confirm: { text: string }; deny: { text: string } };
  initial_value?: string;
  max_length?: number;
  options?: { text: { text: string }; value?: string }[];
  initial_option?: unknown;
  initial_options?: unknown[];
  is_decimal_allowed?: boolean;
}

/** Undocumented: beyond about this many characters in a message's blocks Slack answers `msg_blocks_too_long`. */
const messageBlocksText = 13_200;

/** Everything in which a message breaks Slack's published limits, as sentences; empty where it would be taken. */
export function breachesOfMessage(message: { text: string; blocks: readonly KnownBlock[] }): string[] {
  const found = [
    ...bounds('text', message.text, 1, 4000),
    ...atMost('blocks', message.blocks.length, 50),
    ...breachesOfBlocks(message.blocks),
  ];
  const length = textLength(message.blocks);
  return length > messageBlocksText ? [...found, `${length} characters in blocks`] : found;
}

/** The same for a modal. */
export function breachesOfModal(view: ModalView): string[] {
  const asks = view.blocks.some((block) => block.type === 'input');
  return [
    ...bounds('title', view.title.text, 1, 24),
    ...bounds('submit', view.submit?.text, 1, 24),
    ...bounds('close', view.close?.text, 1, 24),
    ...bounds('callback_id', view.callback_id, 1, 255),
    ...bounds('private_metadata', view.private_metadata, 0, 3000),
    ...atMost('blocks', view.blocks.length, 100),
    ...(asks && !view.submit ? ['inputs without submit'] : []),
    ...breachesOfBlocks(view.blocks as readonly KnownBlock[]),
  ];
}

/** The same for App Home. */
export function breachesOfHome(view: HomeView): string[] {
  return [
    ...bounds('private_metadata', view.private_metadata, 0, 3000),
    ...atMost('blocks', view.blocks.length, 100),
    ...breachesOfBlocks(view.blocks as readonly KnownBlock[]),
  ];
}

function breachesOfBlocks(blocks: readonly KnownBlock[]): string[] {
  const shapes = blocks as readonly unknown[] as readonly Shape[];
  const ids = shapes.flatMap((block) => block.block_id ?? []);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `block_id ${id} twice`);
  return [
    ...twice,
    ...shapes.flatMap((block) => bounds('block_id', block.block_id, 1, 255)),
    ...shapes.flatMap(breachesOfBlock),
  ];
}

function breachesOfBlock(block: Shape): string[] {
  switch (block.type) {
    case 'section':
      return breachesOfSection(block);
    case 'header':
      return bounds('header', textOf(block), 1, 150);
    case 'context':
      return [
        ...between('context elements', block.elements?.length ?? 0, 1, 10),
        ...(block.elements ?? []).flatMap((each) => bounds('context', textOf(each), 1, 3000)),
      ];
    case 'actions':
      return [
        ...between('actions', block.elements?.length ?? 0, 1, 25),
        ...(block.elements ?? []).flatMap(breachesOfElement),
      ];
    case 'input':
      return [
        ...bounds('label', block.label?.text, 1, 2000),
        ...bounds('hint', block.hint?.text, 1, 2000),
        ...(block.element ? breachesOfElement(block.element) : ['input without element']),
      ];
    case 'rich_text':
      return [...between('rich text', textLength([block]), 1, 12_000), ...breachesOfRichText(block)];
    case 'divider':
      return [];
    default:
      return [`a block of type ${block.type}, which this checker does not know`];
  }
}

/** Slack refuses an empty text in rich text. */
function breachesOfRichText({ elements = [] }: Shape): string[] {
  return elements.flatMap((part) =>
    (part.elements ?? []).flatMap((each) => (each.type === 'text' ? bounds('rich text', textOf(each), 1, 4000) : [])),
  );
}

function breachesOfSection(block: Shape): string[] {
  const { fields, accessory } = block;
  return [
    ...bounds('section', textOf(block), 1, 3000),
    ...(block.text === undefined && !fields?.length ? ['section without text and fields'] : []),
    ...(fields ? between('fields', fields.length, 1, 10) : []),
    ...(fields ?? []).flatMap((field) => bounds('field', textOf(field), 1, 2000)),
    ...(accessory ? breachesOfElement(accessory) : []),
  ];
}

function breachesOfElement(element: Shape): string[] {
  const common = [
    ...bounds('action_id', element.action_id, 1, 255),
    ...bounds('placeholder', element.placeholder?.text, 1, 150),
    ...breachesOfConfirm(element),
  ];
  switch (element.type) {
    case 'button':
      return [
        ...common,
        ...bounds('button', textOf(element), 1, 75),
        ...bounds('button value', element.value, 1, 2000),
      ];
    case 'external_select':
    case 'conversations_select':
      return common;
    case 'static_select':
    case 'multi_static_select':
      return [...common, ...breachesOfOptions(element, 100)];
    case 'checkboxes':
    case 'radio_buttons':
      return [...common, ...breachesOfOptions(element, 10)];
    case 'number_input':
      return element.is_decimal_allowed === undefined ? [...common, 'number_input without is_decimal_allowed'] : common;
    case 'plain_text_input':
      return [
        ...common,
        ...between('max_length', element.max_length ?? 3000, 1, 3000),
        ...bounds('initial_value', element.initial_value, 0, element.max_length ?? 3000),
      ];
    default:
      return [...common, `an element of type ${element.type}, which this checker does not know`];
  }
}

function breachesOfConfirm({ confirm }: Shape): string[] {
  return confirm === undefined
    ? []
    : [
        ...bounds('confirm title', confirm.title.text, 1, 100),
        ...bounds('confirm text', confirm.text.text, 1, 300),
        ...bounds('confirm button', confirm.confirm.text, 1, 30),
        ...bounds('deny button', confirm.deny.text, 1, 30),
      ];
}

function breachesOfOptions(element: Shape, maximum: number): string[] {
  const groups = element.option_groups;
  if (groups && element.options) return ['options and option_groups together'];
  if (groups) {
    const flat = { ...element, option_groups: undefined, options: groups.flatMap(({ options }) => options) };
    return [
      ...between('option groups', groups.length, 1, 100),
      ...groups.flatMap(({ label }) => bounds('group label', label.text, 1, 75)),
      ...groups.flatMap(({ options }) => between('options of a group', options.length, 1, maximum)),
      ...breachesOfOptions(flat, maximum * groups.length),
    ];
  }
  const options = element.options ?? [];
  const known = new Set(options.map((each) => JSON.stringify(each)));
  const initial = [...(element.initial_option ? [element.initial_option] : []), ...(element.initial_options ?? [])];
  return [
    ...between('options', options.length, 1, maximum),
    ...options.flatMap(({ text }) => bounds('option', text.text, 1, 75)),
    ...options.flatMap(({ value }) => bounds('option value', value, 1, 150)),
    ...(element.initial_options?.length === 0 ? ['initial_options is empty'] : []),
    ...initial
      .filter((each) => !known.has(JSON.stringify(each)))
      .map(() => 'an initial option that is none of the options'),
  ];
}

function textOf(shape: Shape): string | undefined {
  return typeof shape.text === 'object' ? shape.text.text : shape.text;
}

function textLength(blocks: readonly unknown[]): number {
  let length = 0;
  JSON.stringify(blocks, (key, value: unknown) => {
    if (key === 'text' && typeof value === 'string') length += value.length;
    return value;
  });
  return length;
}

function bounds(what: string, text: string | undefined, least: number, most: number): string[] {
  return text === undefined ? [] : between(`${what} length`, text.length, least, most);
}

function atMost(what: string, count: number, most: number): string[] {
  return between(what, count, 0, most);
}

function between(what: string, count: number, least: number, most: number): string[] {
  return count >= least && count <= most ? [] : [`${what}: ${count} (${least} to ${most})`];
}
