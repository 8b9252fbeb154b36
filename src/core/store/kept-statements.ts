import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** Texts differ only in how many values they list, so few come again and again. */
const most = 200;

/**
 * Prepares each query once. SQLite frees a statement when its object is collected, which nothing hurries: with 2,000
 * instances the statements of one round took tens of megabytes. A changed schema is SQLite's own to notice.
 */
export function withKeptStatements(database: SqliteDatabase): SqliteDatabase {
  const kept = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = kept.get(sql) ?? database.prepare(sql);
      // The one that was used last is the last to go.
      kept.delete(sql);
      kept.set(sql, statement);
      if (kept.size > most) kept.delete(kept.keys().next().value as string);
      return statement;
    },
  };
}
