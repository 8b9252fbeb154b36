import { createHash, randomBytes } from 'node:crypto';

/** Makes an id such as `mdl_5g2k…`: the prefix says what it names. */
export type NewId = (prefix: string) => string;

/** Ids of 80 random bits. */
export const randomId: NewId = (prefix) => `${prefix}_${randomBytes(10).toString('hex')}`;

/** A stable hash of a value: object keys are sorted, so that equal values hash alike. 64 hex digits. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
