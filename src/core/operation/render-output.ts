import { z } from 'zod';
import { proseSchema, render } from '../base/prose.ts';
import type { Speaker } from '../base/prose.ts';

/** The output with its texts in a front end's words. `schema` says which fields are texts. */
export function renderOutput(
  schema: z.ZodObject,
  output: Record<string, unknown>,
  speaker: Speaker,
): Record<string, unknown> {
  const said = Object.entries(output).map(([name, value]) => {
    const field: z.core.$ZodType | undefined = schema.shape[name];
    return [name, field === undefined ? value : renderValue(field, value, speaker)];
  });
  return Object.fromEntries(said);
}

function renderValue(schema: z.core.$ZodType, value: unknown, speaker: Speaker): unknown {
  if (value === undefined || value === null) return value;
  if (schema === proseSchema) return render(proseSchema.parse(value), speaker);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return renderValue(schema.unwrap(), value, speaker);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((each) => renderValue(schema.element, each, speaker));
  }
  if (schema instanceof z.ZodObject && isObject(value)) return renderOutput(schema, value, speaker);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
