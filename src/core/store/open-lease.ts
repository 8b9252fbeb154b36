import { Kysely } from 'kysely';
import { impatientPostgres } from './dialects.ts';
import { acquireLease, soleLease } from './lease.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import type { Database } from './schema.ts';
import { openStore } from './store.ts';
import type { StoreLocation } from './store.ts';

/**
 * Takes the lease of a store. It comes before the store itself, because a newer version must not migrate the database of a
 * server that runs. SQLite needs none: the data folder is locked.
 */
export async function openLease(store: StoreLocation, options: Omit<LeaseOptions, 'db' | 'drop'>): Promise<Lease> {
  if (store.databaseUrl === undefined) return soleLease;
  const { dialect, drop } = impatientPostgres(store.databaseUrl);
  await using undo = new AsyncDisposableStack();
  const db = new Kysely<Database>({ dialect });
  undo.defer(() => db.destroy());
  if (!(await hasLeases(db))) await (await openStore(store))[Symbol.asyncDispose]();
  const lease = undo.use(await acquireLease({ ...options, db, drop }));
  const everything = undo.move();
  return {
    isHeld: () => lease.isHeld(),
    confirm: (transaction) => lease.confirm(transaction),
    taken: lease.taken,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

/** A new database has no tables yet. */
async function hasLeases(db: Kysely<Database>): Promise<boolean> {
  const tables = await db.introspection.getTables();
  return tables.some(({ name }) => name === 'leases');
}
