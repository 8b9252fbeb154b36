import { z } from 'zod';
import { randomId } from '../../core/base/ids.ts';
import { redact } from '../../core/base/secret-shapes.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { InputField, Operation } from '../../core/operation/operation.ts';
import { asText } from '../blocks/text.ts';

/** The values of a form: text as typed (numbers too), lists, ticked boxes. */
export type Values = Record<string, string | string[] | boolean>;

/** The state of an open form that Slack does not keep. It is in the view's `private_metadata`. */
export interface Form {
  id: string;
  /** The channel of the command. Slack does not send it with a submission. */
  channel?: string;
  values: Values;
  /** Fields that we filled in. Slack may send a required one back as if it were empty. */
  prefilled: string[];
  /**
   * The block of a field that went away and came back. With its old id, Slack would show and send what it last held
   * there, so a value that somebody cleared would return.
   */
  blocks?: Record<string, string> | undefined;
}

/** Slack's limit for `private_metadata`. */
const metadataLimit = 3000;

const metadataSchema = z.object({
  id: z.string(),
  channel: z.string().optional(),
  values: z.record(z.string(), z.union([z.string(), z.array(z.string()), z.boolean()])),
  prefilled: z.array(z.string()),
  blocks: z.record(z.string(), z.string()).optional(),
});

/** A new form. A field that others depend on starts with its first value, so that the others show at once. */
export function newForm(operation: Operation, channel: string | undefined, given: Values): Form {
  const fields = inputFields(operation);
  const values: Values = { ...given };
  for (const field of fields.filter((each) => isSwitch(each, fields))) {
    values[field.name] ??= asText(field.default) ?? field.values?.[0] ?? '';
  }
  const prefilled = visibleFields(operation, values).filter((field) => values[field.name] !== undefined);
  return {
    id: randomId('form'),
    channel,
    values,
    prefilled: prefilled.map((field) => field.name),
  };
}

/** True if other fields depend on the value of this one. */
export function isSwitch(field: InputField, all: readonly InputField[]): boolean {
  return all.some((other) => other.onlyWith?.field === field.name);
}

/** The fields that the form shows with these values. */
export function visibleFields(operation: Operation, values: Values): InputField[] {
  return inputFields(operation).filter(
    ({ advanced, onlyWith }) => !advanced && (!onlyWith || values[onlyWith.field] === onlyWith.value),
  );
}

/** True if the field needs a value whenever the form shows it. */
export function isRequired(field: InputField): boolean {
  return field.required || (field.onlyWith !== undefined && field.requiredThere === true);
}

/** The id of a field's block in the form. */
export function blockOf({ blocks }: Pick<Form, 'blocks'>, field: string): string {
  return blocks?.[field] ?? field;
}

/** The form with other values. We filled in the fields that appear only now, not the user. */
export function withValues(operation: Operation, form: Form, values: Values): Form {
  const before = new Set(visibleFields(operation, form.values).map((field) => field.name));
  const appeared = visibleFields(operation, values).filter(
    ({ name }) => !before.has(name) && values[name] !== undefined,
  );
  const blocks = { ...form.blocks };
  for (const { name } of appeared) blocks[name] = `${name}~${roundOf(blocks[name]) + 1}`;
  const prefilled = [...new Set([...form.prefilled, ...appeared.map((field) => field.name)])];
  return { ...form, values, prefilled, blocks: Object.keys(blocks).length === 0 ? undefined : blocks };
}

function roundOf(block: string | undefined): number {
  return Number(block?.split('~')[1] ?? 0);
}

/** The values of the fields that the form shows, as the operation's input. */
export function inputOf(operation: Operation, values: Values): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const field of visibleFields(operation, values)) {
    const value = values[field.name];
    if (value === undefined || isEmpty(value)) continue;
    // The operation itself refuses a text that is no number.
    const number = typeof value === 'string' && field.type === 'number' ? Number(value) : Number.NaN;
    input[field.name] = Number.isNaN(number) ? value : number;
  }
  return input;
}

export function isEmpty(value: Values[string]): boolean {
  return typeof value === 'boolean' ? !value : value.length === 0;
}

/** The values without any that looks like a token: Slack keeps what we send. */
export function safeValues(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => {
      const text = JSON.stringify(value);
      return redact(text) === text;
    }),
  );
}

/** The form as `private_metadata`: without tokens, and without its longest values if it would not fit. */
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

/** The form behind a view. Undefined if the metadata is not ours. */
export function readForm(privateMetadata: string): Form | undefined {
  try {
    return metadataSchema.parse(JSON.parse(privateMetadata));
  } catch {
    return undefined;
  }
}
