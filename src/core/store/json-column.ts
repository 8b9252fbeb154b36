import type { z } from 'zod';
import { parseJson } from '../base/parse-json.ts';

/** A JSON column in the form of its schema. Undefined if it is null or damaged, so that one bad row does not fail a list. */
export function readJsonColumn<T>(schema: z.ZodType<T>, column: string | null): T | undefined {
  return column === null ? undefined : schema.safeParse(parseJson(column)).data;
}
