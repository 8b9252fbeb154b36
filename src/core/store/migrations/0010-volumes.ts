import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Bytes that the last eviction freed, and bytes that were complete when a failure was last counted. */
export function volumes(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const column of ['freed_bytes', 'reached_bytes']) {
        await db.schema.alterTable('volumes').addColumn(column, 'bigint').execute();
      }
    },
  };
}
