import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The numbers that servers have reserved for the states that they send to gateways. */
export function routingFeed(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('routing_feed')
        .addColumn('only', 'integer', (col) => col.primaryKey())
        .addColumn('reserved', 'bigint', (col) => col.notNull())
        .execute();
    },
  };
}
