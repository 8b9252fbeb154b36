import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Installations of the Slack app with their sealed tokens, and the workspace of each message. */
export function installations(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('slack_installations')
        .addColumn('id', 'text', (col) => col.primaryKey())
        .addColumn('enterprise_id', 'text')
        .addColumn('owner_id', 'text', (col) => col.notNull())
        .addColumn('sealed', 'text', (col) => col.notNull())
        .addColumn('key_id', 'text', (col) => col.notNull().references('secret_keys.id'))
        .addColumn('installed_at', 'text', (col) => col.notNull())
        .execute();
      await db.schema.createIndex('slack_installations_key').on('slack_installations').column('key_id').execute();
      await db.schema.alterTable('approval_messages').addColumn('team', 'text').execute();
    },
  };
}
