import { z } from 'zod';
import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import type { InputField, Operation } from '../../core/operation/operation.ts';
import { maximumChoiceLength, maximumChoices } from './field-block.ts';
import type { Choice, Choices } from './field-block.ts';
import { visibleFields } from './form.ts';
import type { Form } from './form.ts';
import { asText } from '../blocks/text.ts';

/** What every list operation answers with. */
const pageSchema = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  next_cursor: z.string().optional(),
});

/** True if a menu of the form must be loaded first. */
export function needsChoices(operation: Operation, form: Form, known: Choices): boolean {
  return missing(operation, form, known).length > 0;
}

/**
 * Loads the menus of the form's fields with the caller's own rights. If a list is too long for a menu or cannot be
 * loaded, the field has no menu and people type the value.
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

/** What a person must know of an entry to choose it: where a filesystem is, whether a token still works. */
function aboutItem(item: Record<string, unknown>): string | undefined {
  const { region, mount_path: path, state, account, shared, owner } = item;
  if (typeof path === 'string') {
    return `${asText(region) ?? ''} · ${path}${state === 'unusable' ? ' · not usable now' : ''}`;
  }
  if (typeof item['credential'] !== 'string') return undefined;
  const whose = shared === true ? `shared by ${asText(owner) ?? ''}` : 'yours';
  const parts = [
    whose,
    ...(typeof account === 'string' ? [account] : []),
    ...(state === 'failing' ? ['no longer works'] : []),
  ];
  return parts.join(' · ');
}

function missing(operation: Operation, form: Form, known: Choices): InputField[] {
  return visibleFields(operation, form.values).filter((field) => field.choices && !known[field.name]);
}

async function choicesOf(core: Core, caller: Caller, { choices }: InputField): Promise<Choice[] | undefined> {
  if (!choices) return undefined;
  try {
    const page = pageSchema.parse(await core.execute(choices.operation, { limit: maximumChoices }, caller));
    const menu = page.items.map((item) => {
      const value = asText(item[choices.value]) ?? '';
      return { value, label: asText(item[choices.label ?? choices.value]) ?? value, about: aboutItem(item) };
    });
    const fits =
      page.next_cursor === undefined && menu.every(({ value }) => value !== '' && value.length <= maximumChoiceLength);
    return fits ? menu : undefined;
  } catch (thrown) {
    core.log.warn({ err: thrown, operation: choices.operation }, 'a form is shown without a menu');
    return undefined;
  }
}
