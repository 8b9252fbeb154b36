import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** One table for all kinds of one-time links. Old links are dropped: a link is valid for 10 minutes. */
export function pages(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.dropTable('credential_links').execute();
      await db.schema
        .createTable('page_links')
        .addColumn('hash', 'text', (col) => col.primaryKey())
        .addColumn('kind', 'text', (col) => col.notNull())
        .addColumn('about', 'text', (col) => col.notNull())
        .addColumn('person_id', 'text', (col) => col.notNull().references('persons.id'))
        .addColumn('identity', 'text', (col) => col.notNull())
        .addColumn('may_decide', 'integer', (col) => col.notNull())
        .addColumn('private', 'integer', (col) => col.notNull())
        .addColumn('expires_at', 'text', (col) => col.notNull())
        .addColumn('used_at', 'text')
        .execute();
    },
  };
}
