import { plainWords } from '../core/base/prose.ts';
import { z } from 'zod';
import { catalogue } from '../core/operations/catalogue.ts';
import { hintsOf } from '../core/operation/operation.ts';
import type { FieldHints, Operation } from '../core/operation/operation.ts';

/** The part of JSON Schema that the catalogue's schemas turn into. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: boolean | JsonSchema;
  [keyword: string]: unknown;
}

/** What execute checks anyway and the descriptions say in words: every assistant pays for these in every session. */
const unsaidOfInputs = new Set(['$schema', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern', 'format']);

/** What a tool takes: one flat object of typed, described properties that refuses all others. */
export function inputSchema(operation: Operation): JsonSchema {
  const schema = without(z.toJSONSchema(operation.input, { io: 'input' }) as JsonSchema, unsaidOfInputs);
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const hints = hintsOf(operation.input.shape[name] as z.ZodType);
    return [name, hints ? { ...property, ...explain(hints) } : property];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

/** Client libraries check results against this: it must stay true of every server that the tool may talk to, so it is loose and short. */
const unsaidOfOutputs = new Set([
  '$schema',
  'required',
  'additionalProperties',
  'enum',
  'minimum',
  'maximum',
  'format',
  'pattern',
]);

/** What a tool answers with: the names and types of its fields, and for a list those of an item. */
export function outputSchema(operation: Operation): JsonSchema {
  const schema = without(z.toJSONSchema(operation.output) as JsonSchema, unsaidOfOutputs);
  return shallow(schema, operation.columns ? 2 : 1);
}

const longestAdvancedHelp = 60;

function explain(hints: FieldHints): { description: string } {
  const condition = hints.onlyWith
    ? ` ${hints.requiredThere ? 'Required with' : 'Only with'} ${hints.onlyWith.field} ${hints.onlyWith.value}.`
    : '';
  const choices = hints.choices ? ` See ${hints.choices.operation}.` : '';
  return { description: briefly(hints) + condition + choices };
}

/** A long text about a field that is rarely needed ends after its first clause. */
function briefly(hints: FieldHints): string {
  const help = asToolNames(plainWords(hints.help));
  if (!hints.advanced || help.length <= longestAdvancedHelp) return help;
  return `${help.split(/[:;.](?:\s|$)/, 1)[0]}.`;
}

const commandNames = new RegExp(
  `\\b(?:${catalogue.map(({ name }) => name.replaceAll('_', '-')).join('|')})\\b(?!-)`,
  'g',
);

/** Texts of the core name operations as the command line does: `list-regions`. */
export function asToolNames(text: string): string {
  return text.replaceAll(commandNames, (command) => command.replaceAll('-', '_'));
}

function without(schema: JsonSchema, keywords: ReadonlySet<string>): JsonSchema {
  const kept = Object.entries(schema).filter(([keyword]) => !keywords.has(keyword));
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (keyword === 'items') return [keyword, without(value as JsonSchema, keywords)];
      if (keyword !== 'properties') return [keyword, value];
      return [keyword, mapValues(value as Record<string, JsonSchema>, (property) => without(property, keywords))];
    }),
  );
}

/** Cuts off what lies deeper than `levels` objects; a list does not count as a level. */
function shallow(schema: JsonSchema, levels: number): JsonSchema {
  const { properties, items, ...rest } = schema;
  return {
    ...rest,
    ...(properties && levels > 0
      ? { properties: mapValues(properties, (property) => shallow(property, levels - 1)) }
      : {}),
    ...(items ? { items: shallow(items, levels) } : {}),
  };
}

function mapValues<V, W>(record: Record<string, V>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
