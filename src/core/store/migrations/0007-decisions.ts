import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Policy answers and decisions in the audit log, messages that people get once, and links to messages. */
export function decisions(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('audit_events').addColumn('policy', 'text').execute();
      await db.schema.alterTable('audit_events').addColumn('approval', 'integer').execute();
      await db.schema.alterTable('audit_events').addColumn('decisions', 'text').execute();
      await db.schema.alterTable('approval_messages').addColumn('url', 'text').execute();
      await db.schema
        .createTable('notices')
        .addColumn('kind', 'text', (col) => col.notNull())
        .addColumn('subject', 'integer', (col) => col.notNull())
        .addColumn('about', 'text', (col) => col.notNull())
        .addColumn('claimed_until', 'text', (col) => col.notNull())
        .addColumn('given_at', 'text')
        .addPrimaryKeyConstraint('notices_key', ['kind', 'subject', 'about'])
        .execute();
    },
  };
}
