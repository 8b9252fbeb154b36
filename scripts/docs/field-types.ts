import type { z } from 'zod';

type Schema = z.core.JSONSchema.BaseSchema;
/** JSON Schema also allows `true` and `false` in place of a schema. */
type AnySchema = Schema | boolean;

const lineWidth = 110;

/** A JSON schema as a TypeScript type, the shortest notation that readers know. */
export function outputType(schema: AnySchema, indent = ''): string {
  if (typeof schema === 'boolean') return 'unknown';
  if (schema.anyOf) return schema.anyOf.map((each) => outputType(each, indent)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectType(schema, indent);
    case 'array':
      return arrayType(schema, indent);
    case 'integer':
      return 'number';
    case undefined:
      return 'unknown';
    default:
      return [schema.type].flat().join(' | ');
  }
}

/** zod describes the items of an array by one schema. */
function arrayType({ items = true }: Schema, indent: string): string {
  if (Array.isArray(items)) return 'unknown[]';
  const inner = outputType(items, indent);
  const isUnion = inner.includes(' | ') && (typeof items === 'boolean' || items.type !== 'object');
  return isUnion ? `(${inner})[]` : `${inner}[]`;
}

function objectType({ properties = {}, required = [] }: Schema, indent: string): string {
  const deeper = `${indent}  `;
  const fields = Object.entries(properties).map(
    ([name, value]) => `${name}${required.includes(name) ? '' : '?'}: ${outputType(value, deeper)}`,
  );
  const short = `{ ${fields.join('; ')} }`;
  if (indent !== '' && !short.includes('\n') && indent.length + short.length < lineWidth) return short;
  return `{\n${fields.map((field) => `${deeper}${field};\n`).join('')}${indent}}`;
}
