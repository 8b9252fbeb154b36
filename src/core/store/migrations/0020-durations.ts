import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** How long downloads and starts took here. Plans estimate from it. */
export function durations(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('durations')
        .addColumn('what', 'text', (col) => col.notNull())
        .addColumn('region', 'text', (col) => col.notNull())
        .addColumn('runtime', 'text', (col) => col.notNull())
        .addColumn('bytes', 'bigint', (col) => col.notNull())
        .addColumn('ms', 'bigint', (col) => col.notNull())
        .addColumn('at', 'text', (col) => col.notNull())
        .execute();
      await db.schema
        .createIndex('durations_by_kind')
        .on('durations')
        .columns(['what', 'region', 'runtime', 'at'])
        .execute();
      await db.schema.alterTable('volumes').addColumn('download_started_at', 'text').execute();
    },
  };
}
