import { z } from 'zod';
import { badRequest } from './api-error.ts';

/** Drops unknown fields. The error names the first wrong field. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path ?? [];
  const param = path.join('.');
  if (isMissing(body, path)) throw badRequest('missing_required_parameter', `"${param}" is missing.`, param);
  throw badRequest(
    'invalid_value',
    `${param === '' ? 'The body' : `"${param}"`}: ${issue?.message ?? 'not understood'}.`,
    param,
  );
}

function isMissing(body: unknown, path: readonly PropertyKey[]): boolean {
  if (path.length === 0) return false;
  let value: unknown = body;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return false;
    value = Reflect.get(value, key);
  }
  return value === undefined;
}
