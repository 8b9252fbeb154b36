import { z } from 'zod';
import { randomId } from '../../core/base/ids.ts';
import { redact } from '../../core/base/secret-shapes.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { InputField, Operation } from '../../core/operation/operation.ts';
import { asText } from '../blocks/text.ts';

/** What a form's fields hold: text as it was typed (numbers too), lists, ticked boxes. */
export type Values = Record<string, string | string[] | boolean>;

/** Everything about an open form that Slack does not keep for us; it travels in the view's `private_metadata`. */
export interface Form {
  id: string;
  /** Where the command was typed: a submission does not say. */
  channel?: string;
  values: Values;
  /** Fields that came filled in: Slack may send those back as if they were empty. */
  prefilled: string[];
}

/** Slack's limit for `private_metadata`. */
const metadataLimit = 3000;

const metadataSchema = z.object({
  id: z.string(),
  channel: z.string().optional(),
  values: z.record(z.string(), z.union([z.string(), z.array(z.string()), z.boolean()])),
  prefilled: z.array(z.string()),
});

/** A fresh form; a field that others depend on starts with its first value, so that theirs show at once. */
export function newForm(operation: Operation, channel: string | undefined, given: Values): Form {
  const fields = inputFields(operation);
  const values: Values = { ...given };
  for (const field of fields.filter((each) => isSwitch(each, fields))) {
    values[field.name] ??= asText(field.default) ?? field.values?.[0] ?? '';
  }
  const prefilled = visibleFields(operation, values).filter((field) => values[field.name] !== undefined);
  return {
    id: randomId('form'),
    ...(channel === undefined ? {} : { channel }),
    values,
    prefilled: prefilled.map((field) => field.name),
  };
}

/** True where the choice made here decides which other fields there are. */
export function isSwitch(field: InputField, all: readonly InputField[]): boolean {
  return all.some((other) => other.onlyWith?.field === field.name);
}

/** The fields that the form asks for while it holds these values. */
export function visibleFields(operation: Operation, values: Values): InputField[] {
  return inputFields(operation).filter(
    ({ advanced, onlyWith }) => !advanced && (!onlyWith || values[onlyWith.field] === onlyWith.value),
  );
}

/** A field that must be filled in wherever the form shows it. */
export function isRequired(field: InputField): boolean {
  return field.required || (field.onlyWith !== undefined && field.requiredThere === true);
}

/** The same form with other values: what shows up only now is filled in by us, not by the user. */
export function withValues(operation: Operation, form: Form, values: Values): Form {
  const before = new Set(visibleFields(operation, form.values).map((field) => field.name));
  const appeared = visibleFields(operation, values).filter(
    ({ name }) => !before.has(name) && values[name] !== undefined,
  );
  return { ...form, values, prefilled: [...new Set([...form.prefilled, ...appeared.map((field) => field.name)])] };
}

/** The values as the operation's input: what the form does not show now stays out. */
export function inputOf(operation: Operation, values: Values): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const field of visibleFields(operation, values)) {
    const value = values[field.name];
    if (value === undefined || isEmpty(value)) continue;
    // What is no number goes on as it is, for the operation's own words about it.
    const number = typeof value === 'string' && field.type === 'number' ? Number(value) : Number.NaN;
    input[field.name] = Number.isNaN(number) ? value : number;
  }
  return input;
}

export function isEmpty(value: Values[string]): boolean {
  return typeof value === 'boolean' ? !value : value.length === 0;
}

/** The values without any that has the shape of a token: what we send to Slack is kept there. */
export function safeValues(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => {
      const text = JSON.stringify(value);
      return redact(text) === text;
    }),
  );
}

/** The form as `private_metadata`: without tokens, and without its longest values where it would not fit. */
export function writeForm(form: Form): string {
  const shortestFirst = Object.entries(safeValues(form.values)).toSorted(
    ([, a], [, b]) => JSON.stringify(a).length - JSON.stringify(b).length,
  );
  for (let kept = shortestFirst.length; kept > 0; kept--) {
    const text = JSON.stringify({ ...form, values: Object.fromEntries(shortestFirst.slice(0, kept)) });
    if (text.length <= metadataLimit) return text;
  }
  return JSON.stringify({ ...form, values: {} });
}

/** The form behind a view, or undefined where the metadata is not ours. */
export function readForm(privateMetadata: string): Form | undefined {
  try {
    const { channel, ...form } = metadataSchema.parse(JSON.parse(privateMetadata));
    return { ...form, ...(channel === undefined ? {} : { channel }) };
  } catch {
    return undefined;
  }
}
