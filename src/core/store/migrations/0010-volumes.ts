import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What the last eviction of a volume freed, and how far its downloads had come when one was last counted as a failure. */
export function volumes(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const column of ['freed_bytes', 'reached_bytes']) {
        await db.schema.alterTable('volumes').addColumn(column, 'bigint').execute();
      }
    },
  };
}
