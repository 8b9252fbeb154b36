import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { looksLikeToken } from '../base/secret-shapes.ts';
import { fail } from '../base/errors.ts';
import { inputFields } from './operation.ts';
import type { InputField, Operation } from './operation.ts';

type Checked<I extends z.ZodObject> = Pick<Operation<I>, 'name' | 'input'>;

/** Checks the raw input against the operation's schema and the rules between its fields. Throws `input` errors only. */
export function parseInput<I extends z.ZodObject>(operation: Checked<I>, raw: unknown): z.output<I> {
  const input = dropUndefined(raw ?? {});
  refuseTokens(input);
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
      `${inName ? "A field's name" : `The field "${name.slice(0, 64)}"`} holds the value of a token. It was not stored or logged, but whoever sent it has seen it.`,
      {
        nextStep:
          'Revoke that token where it was made. Store a new one with "ecolink credential add <name>", which asks for it, and give its name here.',
      },
    );
  }
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
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw fail('unknown_field', `${operation.name} has no field "${unknown.slice(0, 64)}".${hint}`, {
    nextStep: nearest === undefined ? 'Leave the field out.' : 'Correct the field name, or leave it out.',
    field: unknown.slice(0, 64),
    validValues: names,
  });
}

function missing(each: InputField): Error {
  return fail('field_missing', `"${each.name}" is missing: ${each.help}`, {
    nextStep:
      each.example === undefined ? `Give "${each.name}".` : `Give "${each.name}", for example "${each.example}".`,
    field: each.name,
    ...(each.values ? { validValues: each.values } : {}),
  });
}

/** Of two fields that go with different values of the one that is missing, neither is right beside the other. */
function contradiction(fields: readonly InputField[], decides: string, input: object): Error | undefined {
  const given = fields.filter(({ name, onlyWith }) => onlyWith?.field === decides && name in input);
  const [one] = given;
  const other = given.find(({ onlyWith }) => onlyWith?.value !== one?.onlyWith?.value);
  if (!one || !other) return undefined;
  const belongs = ({ name, onlyWith }: InputField): string => `"${name}" goes with ${decides} "${onlyWith?.value}"`;
  return fail('fields_contradict', `${belongs(one)}, and ${belongs(other)}: they cannot be given together.`, {
    nextStep: `Leave out "${one.name}" or "${other.name}".`,
    field: other.name,
  });
}

function badField(fields: readonly InputField[], error: z.ZodError): Error {
  const issue = error.issues[0] as z.core.$ZodIssue;
  const name = String(issue.path[0] ?? '');
  const about = fields.find((each) => each.name === name);
  const words = issue.message.replace(/^Invalid input: /, '').replace(/^Invalid option: /, '');
  return fail('bad_field', `"${name}" ${words.startsWith('must ') ? words : `is not valid: ${words}`}.`, {
    nextStep:
      about?.example === undefined ? 'Correct the field.' : `Correct it; an example that works: "${about.example}".`,
    field: name,
    ...(about?.values ? { validValues: about.values } : {}),
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
    throw fail('field_not_applicable', `"${each.name}" goes with ${field} "${value}" only.`, {
      nextStep: `Leave "${each.name}" out, or set ${field} to "${value}".`,
      field: each.name,
    });
  }
  if (applies && each.requiredThere && given[each.name] === undefined) throw missing(each);
}
