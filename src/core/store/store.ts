import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Dialect, Transaction } from 'kysely';
import { currentTransaction, postgresDialect, sqliteDialect } from './dialects.ts';
import type { Flavour } from './dialects.ts';
import { migrations } from './migrations.ts';
import type { Database } from './schema.ts';

/** A transaction, or the database itself outside a transaction. */
export type Queries = Kysely<Database>;

export interface Store extends AsyncDisposable {
  readonly flavour: Flavour;
  readonly db: Queries;
  /** The callback may await queries of the transaction only: SQLite has one connection, so all other queries wait. */
  transaction<T>(work: (transaction: Transaction<Database>) => Promise<T>): Promise<T>;
  ping(): Promise<void>;
}

/** Where the state is stored. */
export interface StoreLocation {
  dataDir: string;
  /** Undefined: SQLite in the data folder. */
  databaseUrl?: string | undefined;
}

/** Opens the store of a config and migrates its schema. */
export async function openStore(config: StoreLocation): Promise<Store> {
  return config.databaseUrl === undefined
    ? createStore('sqlite', sqliteDialect(join(config.dataDir, 'ecolink.db')))
    : createStore('postgres', postgresDialect(config.databaseUrl));
}

export async function createStore(flavour: Flavour, dialect: Dialect): Promise<Store> {
  const db = new Kysely<Database>({ dialect });
  try {
    await migrate(db, flavour);
  } catch (thrown) {
    await db.destroy();
    throw thrown;
  }
  return {
    flavour,
    db,
    async transaction(work) {
      const current = { ended: false };
      try {
        return await db
          .transaction()
          .execute((transaction) => currentTransaction.run(current, () => work(transaction)));
      } finally {
        current.ended = true;
      }
    },
    ping: async () => {
      await sql`select 1`.execute(db);
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  };
}

async function migrate(db: Queries, flavour: Flavour): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations(flavour) } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
