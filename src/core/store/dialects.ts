import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { CompiledQuery, PostgresDialect, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, Dialect, DialectAdapter, Driver, SqliteDatabase } from 'kysely';
import { Pool, types } from 'pg';
import { withKeptStatements } from './kept-statements.ts';

export type Flavour = 'sqlite' | 'postgres';

/** Set inside a transaction's callback: a query that asks for a connection of its own there has escaped it. */
export const transactionOf = new AsyncLocalStorage<{ ended: boolean }>();

/**
 * One connection, for one user at a time. Transactions begin *immediate*: a writer waits for its turn at the start
 * instead of failing in the middle. And a query that escapes its transaction, which would wait for that transaction's
 * own end for ever, fails with words; kysely's mutex would be asked before the driver is, so the driver has its own.
 */
class ImmediateSqliteDriver extends SqliteDriver {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  override async acquireConnection(): Promise<DatabaseConnection> {
    if (transactionOf.getStore()?.ended === false) {
      throw new Error('A query escaped its transaction: pass the transaction on.');
    }
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
    return super.acquireConnection();
  }

  override async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

/** Corrects two answers of kysely's: who waits for the one connection, and that SQLite rolls back schema changes too. */
class ImmediateSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** So a migration that is killed leaves nothing behind, and of two processes that migrate one file the second waits. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class ImmediateSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver({ database: this.#database });
  }

  override createAdapter(): DialectAdapter {
    return new ImmediateSqliteAdapter();
  }
}

/** SQLite in one file, made with its folder if absent; `:memory:` for one that is gone with the process. */
export function sqliteDialect(path: string): Dialect {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new Sqlite(path);
  database.pragma('journal_mode = WAL');
  database.pragma('foreign_keys = ON');
  database.pragma('busy_timeout = 5000');
  database.pragma('synchronous = NORMAL');
  return new ImmediateSqliteDialect(withKeptStatements(database));
}

/** int8 comes as a number: no count or size here comes near 2^53. */
export function postgresDialect(url: string): Dialect {
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    types: {
      getTypeParser: ((...asked: Parameters<typeof types.getTypeParser>) =>
        asked[0] === types.builtins.INT8 ? Number : types.getTypeParser(...asked)) as typeof types.getTypeParser,
    },
  });
  // A connection that breaks while it idles is replaced by the next query's; unheard, the event would end the process.
  pool.on('error', () => {});
  return new PostgresDialect({ pool });
}
