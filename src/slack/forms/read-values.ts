import type { InputField, Operation } from '../../core/operation/operation.ts';
import { isEmpty, visibleFields } from './form.ts';
import type { Form, Values } from './form.ts';
import { nothingPrefix } from './field-block.ts';
import type { Choices } from './field-block.ts';

/** What Slack sends of one element in `view.state.values[block][action]`, as far as our forms use it. */
export interface ElementState {
  value?: string | null;
  selected_option?: { value: string } | null;
  selected_options?: { value: string }[] | null;
}

export type ViewState = Record<string, Record<string, ElementState>>;

/** The form's values after what a view's state says of the fields that it showed. */
export function readValues(operation: Operation, form: Form, state: ViewState): Values {
  const values: Values = { ...form.values };
  for (const field of visibleFields(operation, form.values)) {
    const element = Object.values(state[field.name] ?? {})[0];
    const typed = element && valueOf(field, element);
    if (typed !== undefined && !isEmpty(typed)) values[field.name] = typed;
    // Slack leaves out or empties what it did not see being typed (bolt-js #1073, #1258): what we filled in stands.
    else if (element && !form.prefilled.includes(field.name)) delete values[field.name];
  }
  return values;
}

function valueOf(field: InputField, element: ElementState): Values[string] | undefined {
  const many = element.selected_options?.map((each) => each.value);
  if (field.type === 'boolean') return many?.includes('true') ?? false;
  if (many) return many;
  const one = element.selected_option?.value ?? element.value?.trim() ?? undefined;
  if (field.type !== 'list' || one === undefined) return one;
  return one
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** A block of a view that Slack sent back, as far as menus are concerned. */
export interface ShownBlock {
  block_id?: string;
  element?: { options?: { value?: string; text: { text: string } }[] };
}

/**
 * The menus that a view shows: they are loaded once per form and then read back from what Slack sends, so that no
 * server has to remember them.
 */
export function readChoices(operation: Operation, form: Form, blocks: readonly ShownBlock[]): Choices {
  const choices: Choices = {};
  for (const field of visibleFields(operation, form.values).filter((each) => each.choices)) {
    const block = blocks.find(({ block_id: id }) => id === field.name || id === `${nothingPrefix}${field.name}`);
    if (block?.block_id === `${nothingPrefix}${field.name}`) choices[field.name] = [];
    const options = block?.element?.options;
    if (options) choices[field.name] = options.map(({ value, text }) => ({ value: value ?? '', label: text.text }));
  }
  return choices;
}
