import { isJsonObject } from './config-text.ts';
import type { JsonObject } from './config-text.ts';

/** No real model has a larger figure (the longest contexts have 10 million tokens). */
const largest = 2 ** 24;

/**
 * Reads the fields of one config. A field that is absent or null gives undefined. So does a field with an absurd value
 * (negative, a fraction, text, too large), and `invalid` then names it: the caller must not take a default for it.
 */
export interface Fields {
  readonly invalid: ReadonlySet<string>;
  /** True if the field is there, even as null. */
  has(name: string): boolean;
  /** A whole number of at least 1, from the first of the names that is there. */
  count(...names: readonly string[]): number | undefined;
  /** As `count`; the default if the config has none of the names, but not if it has an absurd value. */
  countOr<T>(otherwise: T, ...names: readonly string[]): number | T | undefined;
  /** A whole number of at least 0. */
  countOrZero(name: string): number | undefined;
  flag(name: string): boolean | undefined;
  word(name: string): string | undefined;
  words(name: string): readonly string[] | undefined;
  /** Whole numbers of at least 0. */
  counts(name: string): readonly number[] | undefined;
  isList(name: string): boolean;
  isText(name: string): boolean;
  /** As `counts`, with null where the list says null. */
  countsOrNull(name: string): readonly (number | null)[] | undefined;
  objects(name: string): readonly JsonObject[] | undefined;
  /** The fields of a nested object. Its invalid fields are invalid fields of this config too. */
  nested(name: string): Fields | undefined;
  names(): readonly string[];
}

export function fieldsOf(config: JsonObject, invalid = new Set<string>()): Fields {
  const known = new Map(Object.entries(config));
  const read = <T>(name: string, accepts: (value: unknown) => value is T): T | undefined => {
    const value = known.get(name);
    if (value === undefined || value === null) return undefined;
    if (accepts(value)) return value;
    invalid.add(name);
    return undefined;
  };
  const present = (names: readonly string[]) =>
    names.find((name) => known.get(name) !== undefined && known.get(name) !== null);
  const countOr = <T>(otherwise: T, ...names: readonly string[]): number | T | undefined => {
    const name = present(names);
    return name === undefined ? otherwise : read(name, isCount);
  };
  return {
    invalid,
    has: (name) => known.has(name),
    count: (...names) => countOr(undefined, ...names),
    countOr,
    countOrZero: (name) => read(name, isCountOrZero),
    flag: (name) => read(name, isFlag),
    word: (name) => read(name, isWord),
    words: (name) => read(name, listOf(isWord)),
    counts: (name) => read(name, listOf(isCountOrZero)),
    isList: (name) => Array.isArray(known.get(name)),
    isText: (name) => typeof known.get(name) === 'string',
    countsOrNull: (name) => read(name, listOf(isCountOrNull)),
    objects: (name) => read(name, listOf(isJsonObject)),
    nested: (name) => {
      const object = read(name, isJsonObject);
      return object && fieldsOf(object, invalid);
    },
    names: () => [...known.keys()],
  };
}

function isCountOrZero(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest;
}

function isCount(value: unknown): value is number {
  return isCountOrZero(value) && value > 0;
}

function isCountOrNull(value: unknown): value is number | null {
  return value === null || isCountOrZero(value);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isWord(value: unknown): value is string {
  return typeof value === 'string';
}

function listOf<T>(accepts: (value: unknown) => value is T): (value: unknown) => value is T[] {
  return (value): value is T[] => Array.isArray(value) && value.every(accepts);
}
