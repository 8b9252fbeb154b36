import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { hasForbiddenCharacters } from '../base/control-characters.ts';
import { looksLikeToken } from '../base/secret-shapes.ts';
import { fail } from '../base/errors.ts';
import { fieldRef, run, say, task } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import { inputFields } from './operation.ts';
import type { InputField, Operation } from './operation.ts';

type Checked<I extends z.ZodObject> = Pick<Operation<I>, 'name' | 'input'>;

/** Checks the raw input against the operation's schema and the rules between its fields. Throws `input` errors only. */
export function parseInput<I extends z.ZodObject>(operation: Checked<I>, raw: unknown): z.output<I> {
  const input = dropUndefined(raw ?? {});
  refuseTokens(input);
  refuseControlCharacters(input);
  const fields = inputFields(operation);
  refuseUnknown(operation, fields, input);
  for (const each of fields) {
    if (each.required && input[each.name] === undefined) throw contradiction(fields, each.name, input) ?? missing(each);
  }
  const parsed = operation.input.safeParse(input);
  if (!parsed.success) throw badField(fields, parsed.error);
  const given: Record<string, unknown> = parsed.data;
  for (const each of fields) checkCondition(fields, each, given);
  return parsed.data;
}

function dropUndefined(raw: unknown): Record<string, unknown> {
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) {
    throw fail('bad_input', 'The input must be one flat object of fields.', { nextStep: 'Send a JSON object.' });
  }
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined && value !== null));
}

function refuseTokens(input: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(input)) {
    const inName = looksLikeToken(name);
    if (!inName && !looksLikeToken(JSON.stringify(value))) continue;
    throw fail(
      'token_in_input',
      say`${inName ? 'The name of a field' : fieldRef(name.slice(0, 64))} contains the value of a token. EcoLink did not store or log it, but the sender knows it.`,
      {
        nextStep: say`Revoke that token where it was made. Then ${task('add_credential')}. Give its name here.`,
      },
    );
  }
}

/** Databases refuse NUL, and terminals obey the others. */
function refuseControlCharacters(input: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(input)) {
    if (!holdsForbidden(value)) continue;
    throw fail('bad_field', say`${fieldRef(name.slice(0, 64))} contains a control character.`, {
      nextStep: 'Leave the character out. It is invisible: type the text again instead of pasting it.',
      field: name.slice(0, 64),
    });
  }
}

function holdsForbidden(value: unknown): boolean {
  if (typeof value === 'string') return hasForbiddenCharacters(value);
  return Array.isArray(value) && value.some(holdsForbidden);
}

function refuseUnknown(
  operation: Pick<Operation, 'name'>,
  fields: readonly InputField[],
  input: Record<string, unknown>,
): void {
  const names = fields.map((each) => each.name);
  const unknown = Object.keys(input).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const nearest = names.toSorted((a, b) => distance(a, unknown) - distance(b, unknown))[0];
  const hint = nearest === undefined ? '' : say` Did you mean ${fieldRef(nearest)}?`;
  throw fail('unknown_field', say`${run(operation.name)} has no field "${unknown.slice(0, 64)}".${hint}`, {
    nextStep: nearest === undefined ? 'Leave the field out.' : 'Correct the field name, or leave it out.',
    field: unknown.slice(0, 64),
    validValues: names,
  });
}

function missing(each: InputField): Error {
  const named = fieldRef(each.name);
  return fail('field_missing', say`${named} is missing: ${each.help}`, {
    nextStep:
      each.example === undefined
        ? say`Give ${named}.`
        : say`Give ${named}, for example ${fieldRef(each.name, each.example)}.`,
    field: each.name,
    validValues: each.values,
  });
}

/** The error for two fields that belong to different values of the missing field `decides`. */
function contradiction(fields: readonly InputField[], decides: string, input: object): Error | undefined {
  const given = fields.filter(({ name, onlyWith }) => onlyWith?.field === decides && name in input);
  const [one] = given;
  const other = given.find(({ onlyWith }) => onlyWith?.value !== one?.onlyWith?.value);
  if (!one || !other) return undefined;
  const belongs = ({ name, onlyWith }: InputField): Prose =>
    say`${fieldRef(name)} is only valid with ${fieldRef(decides, onlyWith?.value)}`;
  return fail('fields_contradict', say`${belongs(one)}, and ${belongs(other)}. They exclude each other.`, {
    nextStep: say`Leave out ${fieldRef(one.name)} or ${fieldRef(other.name)}.`,
    field: other.name,
  });
}

function badField(fields: readonly InputField[], error: z.ZodError): Error {
  const [issue] = error.issues;
  const name = String(issue?.path[0] ?? '');
  const about = fields.find((each) => each.name === name);
  const words = issue?.message.replace(/^Invalid (?:input|option): /, '') ?? 'unknown';
  return fail('bad_field', say`${fieldRef(name)} ${words.startsWith('must ') ? words : `is not valid: ${words}`}.`, {
    nextStep:
      about?.example === undefined
        ? 'Correct the field.'
        : say`Correct it. This is valid: ${fieldRef(name, about.example)}.`,
    field: name,
    validValues: about?.values,
  });
}

function checkCondition(fields: readonly InputField[], each: InputField, given: Record<string, unknown>): void {
  if (!each.onlyWith) return;
  const { field, value } = each.onlyWith;
  const values = fields.find(({ name }) => name === field)?.values;
  // A value that only the operation knows decides itself which fields go with it.
  if (given[field] !== undefined && values?.every((known) => known !== given[field])) return;
  const applies = given[field] === value;
  if (!applies && given[each.name] !== undefined) {
    throw fail('field_not_applicable', say`${fieldRef(each.name)} is only valid with ${fieldRef(field, value)}.`, {
      nextStep: say`Leave ${fieldRef(each.name)} out, or give ${fieldRef(field, value)}.`,
      field: each.name,
    });
  }
  if (applies && each.requiredThere && given[each.name] === undefined) throw missing(each);
}
