import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** When an instance was last started after a stop. Its cost so far counts from there. */
export const instanceStarts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('instances').addColumn('started_at', 'text').execute();
  },
};
