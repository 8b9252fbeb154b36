import { z } from 'zod';
import type { ConfigFileSchema } from './schema.ts';

type Schema = Pick<z.core.JSONSchema.BaseSchema, 'const'> & {
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
};

/** The names of the settings that may stand at a path of the file. Of shapes told apart by `kind`, the one that `file` has there. */
export function settingsAt(path: readonly PropertyKey[], file: unknown, configFile: ConfigFileSchema): string[] {
  let [schemas, value] = [alternatives(z.toJSONSchema(configFile, { io: 'input' }) as Schema, file), file];
  for (const step of path) {
    value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
    schemas = schemas.flatMap((schema) => alternatives(below(schema, step), value));
  }
  return schemas.flatMap(({ properties }) => Object.keys(properties ?? {}));
}

function below({ items, properties, additionalProperties }: Schema, step: PropertyKey): Schema {
  if (typeof step === 'number') return items ?? {};
  const others = typeof additionalProperties === 'object' ? additionalProperties : {};
  return properties?.[String(step)] ?? others;
}

function alternatives(schema: Schema, value: unknown): Schema[] {
  const { oneOf, anyOf } = schema;
  const each = oneOf ?? anyOf;
  if (each === undefined) return [schema];
  const kind = (value as { kind?: unknown } | null | undefined)?.kind;
  const meant = each.filter(({ properties }) => kind !== undefined && properties?.['kind']?.const === kind);
  return (meant.length > 0 ? meant : each).flatMap((one) => alternatives(one, value));
}
