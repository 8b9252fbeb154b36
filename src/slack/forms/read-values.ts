import { z } from 'zod';
import type { InputField, Operation } from '../../core/operation/operation.ts';
import { blockOf, isEmpty, isRequired, visibleFields } from './form.ts';
import type { Form, Values } from './form.ts';
import { nothingPrefix } from './field-block.ts';
import type { Choices } from './field-block.ts';

const chosen = z.object({ value: z.string() });

/** The part of `view.state.values[block][action]` that our forms use. */
const elementSchema = z.object({
  value: z.string().nullish(),
  selected_option: chosen.nullish(),
  selected_options: z.array(chosen).nullish(),
});
type ElementState = z.output<typeof elementSchema>;

export const stateSchema = z.record(z.string(), z.record(z.string(), elementSchema));
export type ViewState = z.output<typeof stateSchema>;

/** The form's values, updated from the state of the view. */
export function readValues(operation: Operation, form: Form, state: ViewState): Values {
  const values: Values = { ...form.values };
  for (const field of visibleFields(operation, form.values)) {
    const element = Object.values(state[blockOf(form, field.name)] ?? {})[0];
    const typed = element && valueOf(field, element);
    if (typed !== undefined && !isEmpty(typed)) values[field.name] = typed;
    // Slack may empty a value that we filled in and nobody typed (bolt-js #1073, #1258). A required one stays, because
    // Slack sends no form in which somebody cleared it. An optional one was cleared.
    else if (element && !(isRequired(field) && form.prefilled.includes(field.name))) delete values[field.name];
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

const menuEntry = z.object({
  value: z.string().optional(),
  text: z.object({ text: z.string() }),
  description: z.object({ text: z.string() }).nullish(),
});

/** The blocks of a view that Slack sent back, with their menus. */
export const blocksSchema = z.array(
  z.object({
    block_id: z.string().optional(),
    element: z.object({ options: z.array(menuEntry).optional() }).optional(),
  }),
);
export type ShownBlock = z.output<typeof blocksSchema>[number];

/**
 * The menus that a view shows: they are loaded once per form and then read back from what Slack sends, so that no
 * server has to remember them.
 */
export function readChoices(operation: Operation, form: Form, blocks: readonly ShownBlock[]): Choices {
  const choices: Choices = {};
  for (const field of visibleFields(operation, form.values).filter((each) => each.choices)) {
    const shown = blockOf(form, field.name);
    const block = blocks.find(({ block_id: id }) => id === shown || id === `${nothingPrefix}${field.name}`);
    if (block?.block_id === `${nothingPrefix}${field.name}`) choices[field.name] = [];
    const options = block?.element?.options;
    if (options) {
      choices[field.name] = options.map(({ value = '', text, description }) => ({
        value,
        label: text.text,
        about: description?.text,
      }));
    }
  }
  return choices;
}
