import { createHash, randomBytes } from 'node:crypto';

/** Makes an id such as `mdl_5f2c…`. The prefix says what the id is for. */
export type NewId = (prefix: string) => string;

/** Ids of 80 random bits. */
export const randomId: NewId = (prefix) => `${prefix}_${randomBytes(10).toString('hex')}`;

/** A stable hash of a JSON value, 64 hex digits. The order of object keys does not matter. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** Digests are stored whole, and shown short. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}

/** JSON with sorted keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
