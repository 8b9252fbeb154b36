import type { Transaction } from 'kysely';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../store/schema.ts';
import type { Queries, Store } from '../store/store.ts';
import { keyId, open, seal } from './box.ts';
import type { SealContext } from './box.ts';
import { makeKeyFile, readKeys } from './key-file.ts';
import type { KeySource } from './key-file.ts';

export interface SealedValue {
  sealed: string;
  keyId: string;
}

/** Seals and opens what the database stores. It reads the keys again if a row names an unknown one. */
export interface KeyRing {
  readonly source: KeySource;
  /** The keys by id. The first one seals. */
  keys(): Map<string, Buffer>;
  /** Call it inside the transaction that writes the row: then a key that a rotation retires is not used. */
  seal(transaction: Transaction<Database>, context: SealContext, value: string): Promise<SealedValue>;
  /** Throws `wrong_key` if the key of the row is missing. */
  open(context: SealContext, row: SealedValue): string;
  /** Makes the key file if there is no key yet. Returns true if it did: then somebody must back it up. */
  ensureKey(): Promise<boolean>;
  reload(): void;
}

export interface RingDeps {
  store: Store;
  source: KeySource;
  log: Log;
  now: () => Date;
}

/** Each key seals this text once. At the start it shows whether the keys are the right ones. */
const checkText = 'this key is right';
const checkContext = (id: string): SealContext => ({ table: 'secret_keys', id, owner: '' });

/** Throws `wrong_key` if a key that sealed something is missing. Then nothing is changed. */
export async function openKeyRing(deps: RingDeps): Promise<KeyRing> {
  let keys = readKeysById(deps.source);
  await checkKeys(deps, keys);
  const reload = (): void => void (keys = readKeysById(deps.source));
  return {
    source: deps.source,
    keys: () => keys,
    reload,
    async ensureKey() {
      // Another server may have rotated since.
      reload();
      const made = keys.size === 0 && makeKeyFile(deps.source.file);
      if (keys.size === 0) reload();
      if (made)
        deps.log.warn(
          { file: deps.source.file },
          'a key was made that seals the stored credentials: back this file up, apart from the database',
        );
      await recordKey(deps, keys);
      return made;
    },
    async seal(transaction, context, value) {
      let sealing = await findUsableKey(transaction, keys);
      if (!sealing) {
        reload();
        sealing = await findUsableKey(transaction, keys);
      }
      if (!sealing) throw wrongKey('A rotation has retired the key of this server.', deps.source);
      return { sealed: seal(sealing.key, context, value), keyId: sealing.id };
    },
    open(context, row) {
      if (!keys.has(row.keyId)) reload();
      const key = keys.get(row.keyId);
      const value = key && open(key, context, row.sealed);
      if (value !== undefined) return value;
      throw key
        ? new Error(`A sealed value of ${context.table} does not open: it was changed or moved.`)
        : wrongKey(`The key ${row.keyId}, which sealed a stored value, is missing.`, deps.source);
    },
  };
}

function readKeysById(source: KeySource): Map<string, Buffer> {
  return new Map(readKeys(source).map((key) => [keyId(key), key]));
}

/** Every key that the database names must be here and must open its own check value. */
async function checkKeys({ store, source }: RingDeps, keys: Map<string, Buffer>): Promise<void> {
  const rows = await store.db.selectFrom('secret_keys').selectAll().execute();
  for (const row of rows) {
    const key = keys.get(row.id);
    if (key && open(key, checkContext(row.id), row.check_value) === checkText) continue;
    throw wrongKey(
      keys.size === 0
        ? 'Credentials are stored here, but the key that opens them is missing.'
        : 'The key of this server did not seal the stored credentials.',
      source,
    );
  }
}

/** Stores the check value of the first key. Only a rotation may add a second key. */
async function recordKey({ store, source, now }: RingDeps, keys: Map<string, Buffer>): Promise<void> {
  const [first] = keys;
  if (!first) throw new Error('There is no key to record.');
  await store.transaction(async (transaction) => {
    const known = await transaction.selectFrom('secret_keys').select('id').execute();
    if (known.some(({ id }) => keys.has(id))) return;
    if (known.length > 0) throw wrongKey('The key of this server is not the one in use.', source);
    await insertKey(transaction, first[0], first[1], now());
  });
}

export async function insertKey(db: Queries, id: string, key: Buffer, now: Date): Promise<void> {
  await db
    .insertInto('secret_keys')
    .values({ id, check_value: seal(key, checkContext(id), checkText), retired: 0, created_at: now.toISOString() })
    .onConflict((on) => on.column('id').doNothing())
    .execute();
}

/**
 * The first key that is not retired. It writes the key's row: on PostgreSQL, a rotation that retires the key at the
 * same moment waits for this transaction and then sees the new row.
 */
async function findUsableKey(
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

function wrongKey(message: string, source: KeySource): EcolinkError {
  const location = source.value === undefined ? `the key file ${source.file}` : 'ECOLINK_KEY';
  return fail('wrong_key', `${message} Nothing was changed.`, {
    nextStep: `Put the right key back as ${location}: take it from its backup, or from the server that sealed the values.`,
  });
}
