import { fail } from './errors.ts';

export interface Page<T> {
  items: T[];
  next_cursor?: string;
}

/** Opaque to callers: where the next page begins, after the item with this key. */
export function encodeCursor(key: string | number): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Throws `bad_cursor` for anything that this server did not hand out for a list of this kind. */
export function decodeCursor<T extends 'string' | 'number'>(
  cursor: string | undefined,
  type: T,
): (T extends 'string' ? string : number) | undefined {
  if (cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    // oxlint-disable-next-line valid-typeof -- the generic is one of typeof's own answers
    if (typeof key === type) return key as never;
  } catch {
    // Falls through: not one of our cursors.
  }
  throw fail('bad_cursor', 'The cursor is not one that a list gave.', {
    nextStep: 'Leave the cursor out to begin at the first page.',
    field: 'cursor',
  });
}

/** Cuts a page out of `limit + 1` rows: the extra row only says that there is more. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string | number,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(toItem), ...(more ? { next_cursor: encodeCursor(keyOf(last)) } : {}) };
}
