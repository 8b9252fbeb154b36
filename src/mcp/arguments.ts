import { z } from 'zod';
import { inputFields } from '../core/operation/operation.ts';
import type { InputField, Operation } from '../core/operation/operation.ts';

type Arguments = Record<string, unknown>;

/** Fields that known hosts add to every call by themselves. */
const addedByHosts: ReadonlySet<string> = new Set([
  'toolCallId',
  'tool_call_id',
  'sessionId',
  'session_id',
  'chatInput',
]);

/**
 * The arguments as the operation takes them, where what was meant is certain: hosts send numbers, booleans and lists as
 * text, and an empty text for "not given". Everything else stays as it is, and the operation says what is wrong with it.
 */
export function readArguments(operation: Operation, given: object): Arguments {
  const fields = new Map(inputFields(operation).map((field) => [field.name, field]));
  const read: Arguments = {};
  for (const [name, value] of Object.entries(given)) {
    const field = fields.get(name);
    if (!field && addedByHosts.has(name)) continue;
    if (field && isNotGiven(field, value)) continue;
    read[name] = field ? readValue(field, value) : value;
  }
  return read;
}

function isNotGiven({ required }: InputField, value: unknown): boolean {
  return value === null || (value === '' && !required);
}

function readValue({ type }: InputField, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (type === 'number')
    return /^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/.test(value.trim()) ? Number(value) : value;
  if (type === 'boolean') return booleans.get(value.trim().toLowerCase()) ?? value;
  return type === 'list' ? readList(value) : value;
}

const booleans = new Map([
  ['true', true],
  ['false', false],
]);

const texts = z.array(z.string());

/** A list as JSON, else one text as a list of itself. */
function readList(text: string): unknown {
  if (!text.trim().startsWith('[')) return [text];
  try {
    return texts.safeParse(JSON.parse(text)).data ?? text;
  } catch {
    return text;
  }
}

/** A valid value in the shape of the field, for the error about another one. */
export function exampleOf({ type, values, example, default: fallback }: InputField): unknown {
  switch (type) {
    case 'number':
      return typeof fallback === 'number' ? fallback : Number(example ?? 1);
    case 'boolean':
      return true;
    case 'list':
      return [example ?? values?.[0] ?? 'text'];
    case 'enum':
      return values?.[0];
    case 'string':
      return example ?? 'text';
  }
}

/** The example for the field that an error names. Undefined if the operation has no such field. */
export function exampleFor(operation: Operation, name: string | undefined): Arguments | undefined {
  const field = inputFields(operation).find((each) => each.name === name);
  return field && { [field.name]: exampleOf(field) };
}
