import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What an instance was seen to run in a region. */
export const whatRuns: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('instance_regions').addColumn('image', 'text').execute();
    await db.schema.alterTable('instance_regions').addColumn('context_length', 'integer').execute();
  },
};
