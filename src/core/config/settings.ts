import { z } from 'zod';

type Schema = z.core.JSONSchema.BaseSchema;
/** JSON Schema also allows `true` and `false` in place of a schema. */
type AnySchema = Schema | boolean | undefined;

/** The names of the settings at a path of the file. If `kind` selects between shapes, the `kind` in the file counts. */
export function settingsAt(path: readonly PropertyKey[], file: unknown, schema: z.ZodType): string[] {
  let value = file;
  let schemas = alternatives(z.toJSONSchema(schema, { io: 'input' }), value);
  for (const step of path) {
    value = valueAt(value, step);
    schemas = schemas.flatMap((schema) => alternatives(schemaAt(schema, step), value));
  }
  return schemas.flatMap(({ properties }) => Object.keys(properties ?? {}));
}

function valueAt(value: unknown, step: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
}

/** zod describes the items of an array by one schema. */
function schemaAt({ items, properties, additionalProperties }: Schema, step: PropertyKey): AnySchema {
  if (typeof step === 'number') return Array.isArray(items) ? undefined : items;
  return properties?.[String(step)] ?? additionalProperties;
}

function alternatives(schema: AnySchema, value: unknown): Schema[] {
  if (typeof schema !== 'object') return [];
  const shapes = schema.oneOf ?? schema.anyOf;
  if (shapes === undefined) return [schema];
  const selected = shapes.filter((shape) => isOfKind(shape, valueAt(value, 'kind')));
  return (selected.length > 0 ? selected : shapes).flatMap((shape) => alternatives(shape, value));
}

function isOfKind({ properties }: Schema, kind: unknown): boolean {
  const schema = properties?.['kind'];
  return kind !== undefined && typeof schema === 'object' && schema.const === kind;
}
