import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Named Hugging Face tokens, the keys that seal them, and links to the pages where people enter them. */
export function credentials(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('secret_keys')
        .addColumn('id', 'text', (col) => col.primaryKey())
        .addColumn('check_value', 'text', (col) => col.notNull())
        .addColumn('retired', 'integer', (col) => col.notNull())
        .addColumn('created_at', 'text', (col) => col.notNull())
        .execute();
      await named(db);
      await db.schema
        .createTable('credential_links')
        .addColumn('hash', 'text', (col) => col.primaryKey())
        .addColumn('person_id', 'text', (col) => col.notNull().references('persons.id'))
        .addColumn('name', 'text', (col) => col.notNull())
        .addColumn('shared', 'integer', (col) => col.notNull())
        .addColumn('private', 'integer', (col) => col.notNull())
        .addColumn('expires_at', 'text', (col) => col.notNull())
        .addColumn('used_at', 'text')
        .execute();
      await db.schema
        .alterTable('models')
        .addColumn('credential_id', 'text', (col) => col.references('credentials.id'))
        .execute();
      for (const column of ['credential', 'refused']) {
        await db.schema.alterTable('volumes').addColumn(column, 'text').execute();
      }
    },
  };
}

async function named(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('credentials')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('owner_id', 'text', (col) => col.notNull().references('persons.id'))
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('shared_name', 'text', (col) => col.unique())
    .addColumn('sealed', 'text', (col) => col.notNull())
    .addColumn('key_id', 'text', (col) => col.notNull().references('secret_keys.id'))
    .addColumn('fingerprint', 'text', (col) => col.notNull())
    .addColumn('account', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('reason', 'text')
    .addColumn('last_used_at', 'text')
    .addColumn('created_at', 'text', (col) => col.notNull())
    .addUniqueConstraint('credentials_of_owner', ['owner_id', 'name'])
    .execute();
  await db.schema.createIndex('credentials_key').on('credentials').column('key_id').execute();
}
