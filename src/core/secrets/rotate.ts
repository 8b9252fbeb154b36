import type { Transaction } from 'kysely';
import { fail } from '../base/errors.ts';
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
  /** After each row. */
  onRow?: ((id: string) => void) | undefined;
}

export interface Rotated {
  key: string;
  /** Rows that were sealed anew; those of a run that was killed before are not among them. */
  rows: number;
  next_step: string;
}

/**
 * Seals every row with a new key and forgets the old one. Each step stands by itself: a run that is killed anywhere
 * leaves both keys at hand, and the next one goes on from there instead of making a third. Servers that run meanwhile
 * read the key file again when they meet the new key.
 */
export async function rotate(deps: RotateDeps): Promise<Rotated> {
  const { ring, store, now } = deps;
  ring.reload();
  await ring.prepare();
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
  // The rows' foreign key holds this: a key that one of them still names cannot go.
  await store.db.deleteFrom('secret_keys').where('id', 'in', old).execute();
  return { key, rows, next_step: forgetKeys(ring, bytes) };
}

function addKey(ring: KeyRing): void {
  if (ring.source.value !== undefined) {
    throw fail('one_key', 'ECOLINK_KEY holds one key: there is none to rotate to.', {
      nextStep: 'Set ECOLINK_KEY to the new key, a comma and the old one, restart every server, and rotate again.',
    });
  }
  writeKeyFile(ring.source.file, [newKey(), ...ring.keys().values()]);
  ring.reload();
}

function forgetKeys(ring: KeyRing, newest: Buffer): string {
  if (ring.source.value !== undefined) return 'Take the old key out of ECOLINK_KEY; back the new one up.';
  writeKeyFile(ring.source.file, [newest]);
  ring.reload();
  if (!ring.keys().has(keyId(newest))) throw new Error('The key file was changed by somebody else.');
  return `Back up ${ring.source.file}, which holds the new key alone.`;
}

/** Tables with sealed values. Those that one rotation left out would hold its old key back for ever. */
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
  const place = { table, id, owner: row.owner_id };
  const anew = await ring.seal(db, place, ring.open(place, { sealed: row.sealed, keyId: row.key_id }));
  // Somebody may have replaced the value since it was read.
  await db
    .updateTable(table)
    .set({ sealed: anew.sealed, key_id: anew.keyId })
    .where('id', '=', id)
    .where('sealed', '=', row.sealed)
    .execute();
}
