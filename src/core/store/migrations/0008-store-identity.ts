import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** One row: the id of this store. */
export function storeIdentity(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('store_identity')
        .addColumn('only', 'integer', (col) => col.primaryKey())
        .addColumn('id', 'text', (col) => col.notNull())
        .execute();
    },
  };
}
