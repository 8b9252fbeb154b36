import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The image that an instance runs in a region, and its context length. */
export const whatRuns: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('instance_regions').addColumn('image', 'text').execute();
    await db.schema.alterTable('instance_regions').addColumn('context_length', 'integer').execute();
  },
};
