import type { InputBlock, KnownBlock, PlainTextOption } from '@slack/types';
import type { InputField } from '../../core/operation/operation.ts';
import { isRequired } from './form.ts';
import type { Values } from './form.ts';
import { slackWords } from '../blocks/speaker.ts';
import { asText, escape, note, plain } from '../blocks/text.ts';

/** One entry of a menu. */
export interface Choice {
  value: string;
  label: string;
  /** A second, smaller line. */
  about?: string | undefined;
}

/** The menus of fields whose values come from a list operation. People type the value of a field without one. */
export type Choices = Record<string, Choice[]>;

/** Slack's limits for the entries of a menu and for one value. */
export const maximumChoices = 100;
export const maximumChoiceLength = 150;

/** Stable ids keep the typed values when a view is updated. The block has the field's name, the element one of these. */
export const elementId = 'field';
export const switchId = 'switch';

/** Prefix of the line that replaces an empty menu. */
export const nothingPrefix = 'nothing.';

type Element = InputBlock['element'];
type Value = Values[string] | undefined;

/** A field of an operation as a block of a form, with its value. */
export function fieldBlock(
  field: InputField,
  value: Value,
  choices: Choice[] | undefined,
  { switches, block = field.name }: { switches: boolean; block?: string },
): KnownBlock {
  if (hasNothingToChoose(field, choices)) return nothingToChoose(field);
  return {
    type: 'input',
    block_id: block,
    label: plain(field.label, 2000),
    hint: plain(slackWords(field.help), 2000),
    optional: !isRequired(field),
    element: elementOf(field, value, choices, switches ? switchId : elementId),
    ...(switches ? { dispatch_action: true } : {}),
  };
}

/** True if a field needs a choice and there is none. A line says so in place of the input. */
export function hasNothingToChoose(field: InputField, choices: Choice[] | undefined): boolean {
  return choices?.length === 0 && isRequired(field);
}

function nothingToChoose(field: InputField): KnownBlock {
  const what = field.choices?.operation.replace(/^list_/, '').replaceAll('_', ' ') ?? 'values';
  return note(`*${escape(field.label)}*: there are no ${what} to choose from yet.`, `${nothingPrefix}${field.name}`);
}

function elementOf(field: InputField, value: Value, choices: Choice[] | undefined, actionId: string): Element {
  const menu = choices?.length
    ? choices
    : field.values?.map((each) => ({ value: each, label: valueWords[each] ?? each }));
  if (menu) return field.type === 'list' ? multiSelect(menu, value, actionId) : select(field, menu, value, actionId);
  switch (field.type) {
    case 'boolean':
      return checkbox(field, value, actionId);
    case 'number':
      return numberInput(field, value, actionId);
    default:
      return textInput(field, value, actionId);
  }
}

/** Values whose name in code is no word for people. */
const valueWords: Readonly<Record<string, string>> = {
  huggingface: 'Hugging Face',
  filesystem: 'Shared filesystem',
};

function option({ value, label, about }: Choice): PlainTextOption {
  return { text: plain(label, 75), value, ...(about === undefined ? {} : { description: plain(about, 75) }) };
}

function select(field: InputField, menu: Choice[], value: Value, actionId: string): Element {
  const chosen = menu.find((choice) => choice.value === (value ?? field.default));
  return {
    type: 'static_select',
    action_id: actionId,
    options: menu.map(option),
    ...(chosen ? { initial_option: option(chosen) } : {}),
  };
}

function multiSelect(menu: Choice[], value: Value, actionId: string): Element {
  const chosen = menu.filter((choice) => Array.isArray(value) && value.includes(choice.value));
  return {
    type: 'multi_static_select',
    action_id: actionId,
    options: menu.map(option),
    ...(chosen.length > 0 ? { initial_options: chosen.map(option) } : {}),
  };
}

function checkbox(field: InputField, value: Value, actionId: string): Element {
  const yes = option({ value: 'true', label: 'Yes' });
  const ticked = value ?? field.default === true;
  return {
    type: 'checkboxes',
    action_id: actionId,
    options: [yes],
    ...(ticked === true ? { initial_options: [yes] } : {}),
  };
}

function numberInput(field: InputField, value: Value, actionId: string): Element {
  const number = asText(value ?? field.default);
  return {
    type: 'number_input',
    action_id: actionId,
    is_decimal_allowed: field.schema.safeParse(0.5).success,
    ...placeholder(field),
    ...(number === undefined || number === '' ? {} : { initial_value: number }),
  };
}

function textInput(field: InputField, value: Value, actionId: string): Element {
  const text = Array.isArray(value) ? value.join('\n') : typeof value === 'string' ? value : '';
  return {
    type: 'plain_text_input',
    action_id: actionId,
    multiline: field.type === 'list',
    ...placeholder(field),
    ...(text === '' ? {} : { initial_value: text.slice(0, longestText) }),
  };
}

/** Slack's limit for what a text input holds. */
const longestText = 3000;

function placeholder(field: InputField): { placeholder?: ReturnType<typeof plain> } {
  if (field.example === undefined) return {};
  const hint = field.type === 'list' ? `${field.example} (one per line)` : field.example;
  return { placeholder: plain(hint, 150) };
}
