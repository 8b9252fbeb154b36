import type { Transaction } from 'kysely';
import { EcolinkError, fail } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../store/schema.ts';
import type { Queries, Store } from '../store/store.ts';
import { keyId, open, seal } from './box.ts';
import type { Place } from './box.ts';
import { makeKeyFile, readKeys } from './key-file.ts';
import type { KeySource } from './key-file.ts';

export interface Sealed {
  sealed: string;
  keyId: string;
}

/** Seals and opens what the database keeps. Keys are read again when a row names one that is not known yet. */
export interface KeyRing {
  readonly source: KeySource;
  /** Keys at hand by id, the sealing one first. */
  keys(): Map<string, Buffer>;
  /** Inside the transaction that writes the row: a key that is being retired meanwhile is not used any more. */
  seal(transaction: Transaction<Database>, place: Place, value: string): Promise<Sealed>;
  /** Throws `wrong_key` where no key at hand opens it. */
  open(place: Place, row: Sealed): string;
  /** Makes the key file where there is no key at all. True where it did: somebody has to back it up. */
  prepare(): Promise<boolean>;
  reload(): void;
}

export interface RingDeps {
  store: Store;
  source: KeySource;
  log: Log;
  now: () => Date;
}

/** What each key seals of itself: a wrong key is found by it at the start, before it has done any harm. */
const checkText = 'this key is right';
const checkPlace = (id: string): Place => ({ table: 'secret_keys', id, owner: '' });

/** Throws `wrong_key` where something was sealed with a key that is not at hand; nothing is changed then. */
export async function openKeyRing(deps: RingDeps): Promise<KeyRing> {
  let keys = keysById(deps.source);
  await checkKeys(deps, keys);
  const reload = (): void => void (keys = keysById(deps.source));
  return {
    source: deps.source,
    keys: () => keys,
    reload,
    async prepare() {
      // Another server may have rotated since.
      reload();
      let made = false;
      if (keys.size === 0) {
        made = makeKeyFile(deps.source.file);
        reload();
        if (made) {
          deps.log.warn(
            { file: deps.source.file },
            'a key was made that seals the stored credentials: back this file up, apart from the database',
          );
        }
      }
      await recordKey(deps, keys);
      return made;
    },
    async seal(transaction, place, value) {
      let sealing = await usable(transaction, keys);
      if (!sealing) {
        reload();
        sealing = await usable(transaction, keys);
      }
      if (!sealing) throw wrongKey('The key at hand has been retired by a rotation.', deps.source);
      return { sealed: seal(sealing.key, place, value), keyId: sealing.id };
    },
    open(place, row) {
      if (!keys.has(row.keyId)) reload();
      const key = keys.get(row.keyId);
      const value = key && open(key, place, row.sealed);
      if (value !== undefined) return value;
      throw key
        ? new Error(`A sealed value of ${place.table} does not open: it was changed or moved.`)
        : wrongKey(`Something was sealed with the key ${row.keyId}, which is not at hand.`, deps.source);
    },
  };
}

function keysById(source: KeySource): Map<string, Buffer> {
  return new Map(readKeys(source).map((key) => [keyId(key), key]));
}

/** Every key that the database names must be at hand, and open its own check value. */
async function checkKeys({ store, source }: RingDeps, keys: Map<string, Buffer>): Promise<void> {
  const rows = await store.db.selectFrom('secret_keys').selectAll().execute();
  for (const row of rows) {
    const key = keys.get(row.id);
    if (key && open(key, checkPlace(row.id), row.check_value) === checkText) continue;
    throw wrongKey(
      keys.size === 0
        ? 'Credentials are stored here, but the key that opens them is gone.'
        : 'The key at hand is not the one that the stored credentials were sealed with.',
      source,
    );
  }
}

/** The sealing key's row. Where there are others already, only a rotation may add one. */
async function recordKey({ store, source, now }: RingDeps, keys: Map<string, Buffer>): Promise<void> {
  const [first] = keys;
  if (!first) throw new Error('There is no key to record.');
  await store.transaction(async (transaction) => {
    const known = await transaction.selectFrom('secret_keys').select('id').execute();
    if (known.some(({ id }) => keys.has(id))) return;
    if (known.length > 0) throw wrongKey('The key at hand is not the one in use.', source);
    await insertKey(transaction, first[0], first[1], now());
  });
}

export async function insertKey(db: Queries, id: string, key: Buffer, now: Date): Promise<void> {
  await db
    .insertInto('secret_keys')
    .values({ id, check_value: seal(key, checkPlace(id), checkText), retired: 0, created_at: now.toISOString() })
    .onConflict((on) => on.column('id').doNothing())
    .execute();
}

/**
 * Of the keys at hand the first that is not retired. Its row is written: on PostgreSQL, whoever retires it at the same
 * moment waits for this transaction, and sees its row then.
 */
async function usable(
  transaction: Transaction<Database>,
  keys: Map<string, Buffer>,
): Promise<{ id: string; key: Buffer } | undefined> {
  for (const [id, key] of keys) {
    const touched = await transaction
      .updateTable('secret_keys')
      .set({ retired: 0 })
      .where('id', '=', id)
      .where('retired', '=', 0)
      .executeTakeFirst();
    if (touched.numUpdatedRows > 0n) return { id, key };
  }
  return undefined;
}

export function wrongKey(message: string, source: KeySource): EcolinkError {
  const where = source.value === undefined ? `the key file ${source.file}` : 'ECOLINK_KEY';
  return fail('wrong_key', `${message} Nothing was changed.`, {
    nextStep: `Put the right key back as ${where}: from its backup, or from the server that sealed them.`,
  });
}
