import type { Transaction } from 'kysely';
import { fail } from '../base/errors.ts';
import type { Prose } from '../base/prose.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { keyId } from './box.ts';
import { newKey, writeKeyFile } from './key-file.ts';
import { insertKey } from './ring.ts';
import type { KeyRing } from './ring.ts';

export interface RotateDeps {
  store: Store;
  ring: KeyRing;
  now: () => Date;
  /** Called after each row. */
  onRow?: ((id: string) => void) | undefined;
}

export interface Rotated {
  key: string;
  /** Rows that this run sealed anew, without those of an earlier run that was killed. */
  rows: number;
  next_step: Prose;
}

/**
 * Seals every row with a new key and deletes the old one. A run that is killed at any step leaves both keys in place.
 * The next run continues with them and makes no third key. Other servers read the key file again when they see the new key.
 */
export async function rotate(deps: RotateDeps): Promise<Rotated> {
  const { ring, store, now } = deps;
  ring.reload();
  await ring.ensureKey();
  if (ring.keys().size === 1) addKey(ring);
  const [newest, ...older] = ring.keys();
  if (!newest || older.length === 0) throw new Error('A rotation needs two keys.');
  const [key, bytes] = newest;
  const old = older.map(([id]) => id);
  await store.transaction(async (transaction) => {
    await insertKey(transaction, key, bytes, now());
    await transaction.updateTable('secret_keys').set({ retired: 1 }).where('id', 'in', old).execute();
  });
  const rows = await resealAll(deps, old);
  // A foreign key protects this: a key that a row still names cannot be deleted.
  await store.db.deleteFrom('secret_keys').where('id', 'in', old).execute();
  return { key, rows, next_step: dropOldKeys(ring, bytes) };
}

function addKey(ring: KeyRing): void {
  if (ring.source.value !== undefined) {
    throw fail('one_key', 'ECOLINK_KEY holds one key only, so there is no new key to use.', {
      nextStep: 'Set ECOLINK_KEY to the new key, a comma and the old key. Restart every server, then rotate again.',
    });
  }
  writeKeyFile(ring.source.file, [newKey(), ...ring.keys().values()]);
  ring.reload();
}

function dropOldKeys(ring: KeyRing, newest: Buffer): string {
  if (ring.source.value !== undefined) return 'Remove the old key from ECOLINK_KEY, and back up the new one.';
  writeKeyFile(ring.source.file, [newest]);
  ring.reload();
  if (!ring.keys().has(keyId(newest))) throw new Error('Somebody else changed the key file.');
  return `Back up ${ring.source.file}. It holds the new key only.`;
}

/** All tables with sealed values. If a rotation left one out, its old key could never be deleted. */
const sealedTables = ['credentials', 'slack_installations'] as const;
type SealedTable = (typeof sealedTables)[number];

async function resealAll({ store, ring, onRow }: RotateDeps, old: readonly string[]): Promise<number> {
  let rows = 0;
  for (const table of sealedTables) {
    for (;;) {
      const next = await store.db.selectFrom(table).select('id').where('key_id', 'in', old).executeTakeFirst();
      if (!next) break;
      await store.transaction((transaction) => reseal(transaction, ring, table, next.id, old));
      rows++;
      onRow?.(next.id);
    }
  }
  return rows;
}

async function reseal(
  db: Transaction<Database>,
  ring: KeyRing,
  table: SealedTable,
  id: string,
  old: readonly string[],
): Promise<void> {
  const row = await db
    .selectFrom(table)
    .select(['owner_id', 'sealed', 'key_id'])
    .where('id', '=', id)
    .where('key_id', 'in', old)
    .executeTakeFirst();
  if (!row) return;
  const context = { table, id, owner: row.owner_id };
  const resealed = await ring.seal(db, context, ring.open(context, { sealed: row.sealed, keyId: row.key_id }));
  // Somebody may have replaced the value since it was read.
  await db
    .updateTable(table)
    .set({ sealed: resealed.sealed, key_id: resealed.keyId })
    .where('id', '=', id)
    .where('sealed', '=', row.sealed)
    .execute();
}
