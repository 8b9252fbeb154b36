import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import type { InputField, Operation } from '../../core/operation/operation.ts';
import { maximumChoiceLength, maximumChoices } from './field-block.ts';
import type { Choice, Choices } from './field-block.ts';
import { visibleFields } from './form.ts';
import type { Form } from './form.ts';
import { asText } from '../blocks/text.ts';

type Page = { items?: Record<string, unknown>[]; next_cursor?: string };

/** True where the form cannot be shown before a list was asked for. */
export function needsChoices(operation: Operation, form: Form, known: Choices): boolean {
  return missing(operation, form, known).length > 0;
}

/**
 * The menus of the form's fields, asked for with the caller's own rights. A field gets none, and is typed in, where
 * the list is too long for a menu or cannot be had.
 */
export async function loadChoices(
  core: Core,
  caller: Caller,
  operation: Operation,
  form: Form,
  known: Choices,
): Promise<Choices> {
  const loaded = await Promise.all(
    missing(operation, form, known).map(async (field) => [field.name, await choicesOf(core, caller, field)] as const),
  );
  const choices: Choices = { ...known };
  for (const [name, menu] of loaded) if (menu) choices[name] = menu;
  return choices;
}

function missing(operation: Operation, form: Form, known: Choices): InputField[] {
  return visibleFields(operation, form.values).filter((field) => field.choices && !known[field.name]);
}

async function choicesOf(core: Core, caller: Caller, { choices }: InputField): Promise<Choice[] | undefined> {
  if (!choices) return undefined;
  try {
    const page = (await core.execute(choices.operation, { limit: maximumChoices }, caller)) as Page;
    const menu = (page.items ?? []).map((item) => {
      const value = asText(item[choices.value]) ?? '';
      return { value, label: asText(item[choices.label ?? choices.value]) ?? value };
    });
    const fits =
      page.next_cursor === undefined && menu.every(({ value }) => value !== '' && value.length <= maximumChoiceLength);
    return fits ? menu : undefined;
  } catch (thrown) {
    core.log.warn({ err: thrown, operation: choices.operation }, 'a form goes without a menu');
    return undefined;
  }
}
