import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** Enough for every query: the texts of one query differ only in the number of values that they list. */
const maximumStatements = 200;

/**
 * Prepares each query once and drops the statement that was unused for longest. SQLite frees a statement when its
 * object is collected, which may be late: with 2,000 instances the statements of one round took tens of megabytes.
 * SQLite itself prepares a statement again when the schema has changed.
 */
export function withStatementCache(database: SqliteDatabase): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = statements.get(sql) ?? database.prepare(sql);
      // A map keeps the order of insertion, so the first is the one that was unused for longest.
      statements.delete(sql);
      statements.set(sql, statement);
      for (const oldest of statements.keys()) {
        if (statements.size <= maximumStatements) break;
        statements.delete(oldest);
      }
      return statement;
    },
  };
}
