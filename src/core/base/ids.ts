import { createHash, randomBytes } from 'node:crypto';

/** Makes an id such as `mdl_5f2c…`. The prefix says what the id is for. */
export type NewId = (prefix: string) => string;

/** Ids of 80 random bits. */
export const randomId: NewId = (prefix) => `${prefix}_${randomBytes(10).toString('hex')}`;

/** A stable hash of a JSON value, 64 hex digits. The order of object keys does not matter. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
