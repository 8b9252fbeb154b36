import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { CompiledQuery, PostgresDialect, PostgresDriver, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, Dialect, DialectAdapter, Driver, SqliteDatabase } from 'kysely';
import { Pool, TypeOverrides, types } from 'pg';
import type { PoolClient } from 'pg';
import { databaseTrouble, placeOf } from './database-trouble.ts';
import { withStatementCache } from './statement-cache.ts';

export type Flavour = 'sqlite' | 'postgres';

/** Set while the callback of a transaction runs. A query that asks for its own connection then has escaped it. */
export const currentTransaction = new AsyncLocalStorage<{ ended: boolean }>();

/** Makes every error of a connection one that `tell` has told. A driver hands out the same objects again. */
function tellErrors<C extends DatabaseConnection>(connection: C, tell: (thrown: unknown) => unknown): C {
  if (told.has(connection)) return connection;
  told.add(connection);
  const execute = connection.executeQuery.bind(connection);
  connection.executeQuery = async (query) => {
    try {
      return await execute(query);
    } catch (thrown) {
      throw tell(thrown);
    }
  };
  return connection;
}

const told = new WeakSet<DatabaseConnection>();

/**
 * One connection for one user at a time. Transactions begin *immediate*: a writer waits at the start instead of failing
 * in the middle. A query that escapes its transaction would wait for the end of that transaction, which waits for the
 * query. It fails here instead. The driver has its own mutex, because kysely would take its mutex before it asks the
 * driver.
 */
class ImmediateSqliteDriver extends SqliteDriver {
  readonly #waiting: (() => void)[] = [];
  readonly #inTransaction: () => boolean;
  #taken = false;

  readonly #tell: (thrown: unknown) => unknown;

  constructor(database: SqliteDatabase, inTransaction: () => boolean, tell: (thrown: unknown) => unknown) {
    super({ database });
    this.#inTransaction = inTransaction;
    this.#tell = tell;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    if (currentTransaction.getStore()?.ended === false) {
      throw new Error('A query escaped its transaction: pass the transaction on.');
    }
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
    return tellErrors(await super.acquireConnection(), this.#tell);
  }

  override async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  /** On a full disk SQLite has rolled back by itself. A second rollback would fail and hide that error. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#inTransaction()) await super.rollbackTransaction(connection);
  }
}

/** Corrects two answers of kysely: this driver makes users of the connection wait, and SQLite rolls back DDL. */
class ImmediateSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** A killed migration leaves nothing behind. If two processes migrate one file, the second waits. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class ImmediateSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;

  readonly #inTransaction: () => boolean;
  readonly #tell: (thrown: unknown) => unknown;

  constructor(database: SqliteDatabase, inTransaction: () => boolean, tell: (thrown: unknown) => unknown) {
    super({ database });
    this.#database = database;
    this.#inTransaction = inTransaction;
    this.#tell = tell;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver(this.#database, this.#inTransaction, this.#tell);
  }

  override createAdapter(): DialectAdapter {
    return new ImmediateSqliteAdapter();
  }
}

/** SQLite in one file. Creates the file and its folder. `:memory:` lasts as long as the process. */
export function sqliteDialect(path: string): Dialect {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const tell = (thrown: unknown): unknown => databaseTrouble(thrown, path);
  try {
    const database = openSqlite(path);
    return new ImmediateSqliteDialect(withStatementCache(database), () => database.inTransaction, tell);
  } catch (thrown) {
    throw tell(thrown);
  }
}

function openSqlite(path: string): InstanceType<typeof Sqlite> {
  const database = new Sqlite(path);
  try {
    database.pragma('busy_timeout = 5000');
    database.pragma('journal_mode = WAL');
    database.pragma('foreign_keys = ON');
    database.pragma('synchronous = NORMAL');
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** PostgreSQL whose troubles are told in words. */
class ToldPostgresDriver extends PostgresDriver {
  readonly #tell: (thrown: unknown) => unknown;

  constructor(pool: Pool, tell: (thrown: unknown) => unknown) {
    super({ pool });
    this.#tell = tell;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    try {
      return tellErrors(await super.acquireConnection(), this.#tell);
    } catch (thrown) {
      throw this.#tell(thrown);
    }
  }
}

class ToldPostgresDialect extends PostgresDialect {
  readonly #createDriver: () => Driver;

  constructor(pool: Pool, url: string) {
    super({ pool });
    this.#createDriver = () => new ToldPostgresDriver(pool, (thrown) => databaseTrouble(thrown, placeOf(url)));
  }

  override createDriver(): Driver {
    return this.#createDriver();
  }
}

/** The time for a connection and for an answer, where a late one is as bad as none. In milliseconds. */
const impatientMs = 3000;

/** One connection that gives up soon. `drop` closes it, and the next query opens another one. */
export function impatientPostgres(url: string): { dialect: Dialect; drop: () => void } {
  const pool = new Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: impatientMs,
    // The client's own limit. A proxy such as PgBouncer refuses the server's as a setting of the connection.
    query_timeout: impatientMs,
  });
  surviveLosses(pool);
  const clients = new Set<PoolClient>();
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  const drop = (): void => {
    for (const client of clients) client.end().catch(() => {});
  };
  return { dialect: new ToldPostgresDialect(pool, url), drop };
}

export function postgresDialect(url: string): Dialect {
  const parsers = new TypeOverrides();
  // int8 as a number: no count or size in the schema comes near 2^53.
  parsers.setTypeParser(types.builtins.INT8, Number);
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    types: parsers,
  });
  surviveLosses(pool);
  return new ToldPostgresDialect(pool, url);
}

/**
 * The pool replaces a connection that breaks, and its query fails. Without listeners the events would end the process: the
 * pool's for idle connections, and the connection's own for one in a transaction.
 */
function surviveLosses(pool: Pool): void {
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
}
