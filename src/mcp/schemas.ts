import { z } from 'zod';
import { proseSchema, render, run, say } from '../core/base/prose.ts';
import { inputFields } from '../core/operation/operation.ts';
import type { InputField, Operation } from '../core/operation/operation.ts';
import { assistantSpeaker } from './speaker.ts';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** `execute` checks these anyway, and the descriptions say them in words. Every assistant pays for them in every session. */
const omittedFromInputs = new Set(['$schema', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern', 'format']);

/** The arguments of a tool: one flat object of typed, described properties. Other properties are refused. */
export function inputSchema(operation: Operation): JsonSchema {
  const schema = omit(z.toJSONSchema(operation.input, { io: 'input' }), omittedFromInputs);
  const properties = { ...schema.properties };
  for (const field of inputFields(operation)) {
    if (field.notForTools) delete properties[field.name];
    const property = properties[field.name];
    if (typeof property === 'object') properties[field.name] = { ...property, description: describe(field) };
  }
  return { ...schema, properties };
}

/**
 * Client libraries check results against the output schema. A server of another version must still fit, so the schema is
 * loose and short.
 */
const omittedFromOutputs = new Set([
  '$schema',
  'required',
  'additionalProperties',
  'enum',
  'minimum',
  'maximum',
  'format',
  'pattern',
]);

const prose: z.core.$ZodType = proseSchema;

/** The names and types of the fields of a tool's result. For a list, also those of an item. */
export function outputSchema(operation: Operation): JsonSchema {
  const schema = z.toJSONSchema(operation.output, {
    // Results hold rendered texts.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== prose) return;
      delete jsonSchema.anyOf;
      jsonSchema.type = 'string';
    },
  });
  const brief = cut(withoutUnneeded(omit(schema, omittedFromOutputs)), operation.columns ? 2 : 1);
  return operation.effect === 'read' ? keep(brief, readFields) : keep(brief, receiptFields);
}

/** Fields of a read that decide what an assistant does next. The names of the others say enough in the result itself. */
const readFields = new Set([
  'items',
  'next_cursor',
  'state',
  'settled',
  'failure',
  'call',
  'already_running',
  'warnings',
  'digest',
  'logs',
  'next_step',
]);

/** What an assistant needs of a receipt to go on. Results may have more fields. */
const receiptFields = new Set(['model', 'instance', 'model_id', 'state', 'approval', 'next_step']);

function keep(schema: JsonSchema, fields: ReadonlySet<string>): JsonSchema {
  const kept = Object.entries(schema.properties ?? {}).filter(([name]) => fields.has(name));
  // An answer that has none of them keeps its own fields.
  return kept.length === 0 ? schema : { ...schema, properties: Object.fromEntries(kept) };
}

function describe({ help, brief, onlyWith, requiredThere, choices }: InputField): string {
  const condition =
    onlyWith === undefined
      ? ''
      : ` ${requiredThere === true ? 'Required with' : 'Only with'} ${onlyWith.field} ${onlyWith.value}.`;
  const source = choices === undefined ? '' : say` See ${run(choices.operation)}.`;
  return render(say`${brief ?? help}${condition}${source}`, assistantSpeaker);
}

/** The schema without the properties that an assistant does not need. Results may have them. */
function withoutUnneeded(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema.properties ?? {}).filter(
    ([, property]) => typeof property !== 'object' || property['notForTools'] !== true,
  );
  const rest = schema.properties === undefined ? schema : { ...schema, properties: Object.fromEntries(kept) };
  return mapChildren(rest, withoutUnneeded);
}

/** The schema without some keywords, at every depth. */
function omit(schema: JsonSchema, keywords: ReadonlySet<string>): JsonSchema {
  const rest: JsonSchema = Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.has(keyword)));
  return mapChildren(rest, (child) => omit(child, keywords));
}

/** The schema without the properties that are deeper than `levels` objects. A list does not count as a level. */
function cut(schema: JsonSchema, levels: number): JsonSchema {
  if (levels === 0) return omit(schema, new Set(['properties', 'items']));
  return mapChildren(schema, (child, keyword) => cut(child, keyword === 'properties' ? levels - 1 : levels));
}

type Keyword = 'properties' | 'items';

function mapChildren(schema: JsonSchema, change: (child: JsonSchema, keyword: Keyword) => JsonSchema): JsonSchema {
  const { properties, items } = schema;
  const mapped = { ...schema };
  if (properties !== undefined) {
    mapped.properties = Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [
        name,
        typeof child === 'object' ? change(child, 'properties') : child,
      ]),
    );
  }
  if (typeof items === 'object' && !Array.isArray(items)) mapped.items = change(items, 'items');
  return mapped;
}
