import type { z } from 'zod';

type Schema = z.core.JSONSchema.BaseSchema;

const lineWidth = 110;

/** A JSON schema as the TypeScript type that it describes: the shortest notation that readers know. */
export function outputType(schema: Schema, indent = ''): string {
  if (schema.anyOf) return schema.anyOf.map((each) => outputType(each, indent)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectType(schema, indent);
    case 'array':
      return arrayType(schema.items as Schema, indent);
    case 'integer':
      return 'number';
    case undefined:
      return 'unknown';
    default:
      return [schema.type].flat().join(' | ');
  }
}

function arrayType(items: Schema, indent: string): string {
  const inner = outputType(items, indent);
  return inner.includes(' | ') && items.type !== 'object' ? `(${inner})[]` : `${inner}[]`;
}

function objectType({ properties = {}, required = [] }: Schema, indent: string): string {
  const deeper = `${indent}  `;
  const fields = Object.entries(properties).map(
    ([name, value]) => `${name}${required.includes(name) ? '' : '?'}: ${outputType(value as Schema, deeper)}`,
  );
  const short = `{ ${fields.join('; ')} }`;
  if (indent !== '' && !short.includes('\n') && indent.length + short.length < lineWidth) return short;
  return `{\n${fields.map((field) => `${deeper}${field};\n`).join('')}${indent}}`;
}
