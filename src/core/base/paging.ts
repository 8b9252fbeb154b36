import { fail } from './errors.ts';
import { fieldRef, say } from './prose.ts';

export interface Page<T> {
  items: T[];
  next_cursor?: string | undefined;
}

/** A cursor for the page that starts after the item with this key. Callers must not read it. */
export function encodeCursor(key: string | number): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The key inside a cursor. Throws `bad_cursor` for a text that no list with keys of this type has returned. */
export function decodeCursor(cursor: string | undefined, type: 'string'): string | undefined;
export function decodeCursor(cursor: string | undefined, type: 'number'): number | undefined;
export function decodeCursor(cursor: string | undefined, type: 'string' | 'number'): string | number | undefined {
  if (cursor === undefined) return undefined;
  const key = keyIn(cursor);
  if (type === 'string' && typeof key === 'string') return key;
  if (type === 'number' && typeof key === 'number') return key;
  throw fail('bad_cursor', 'The cursor is not valid for this list.', {
    nextStep: say`Leave ${fieldRef('cursor')} out to start at the first page.`,
    field: 'cursor',
  });
}

function keyIn(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Makes a page from up to `limit + 1` rows. The extra row is not shown: it only tells that another page follows. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string | number,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(toItem), next_cursor: more ? encodeCursor(keyOf(last)) : undefined };
}
