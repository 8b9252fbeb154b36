import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Flavour } from '../dialects.ts';

/** Messages of front ends: what should be shown where, and what is shown. It replaces `approval_messages`. */
export function outbox(flavour: Flavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('outbox')
        .addColumn('id', 'integer', (col) =>
          flavour === 'sqlite' ? col.primaryKey().autoIncrement() : col.primaryKey().generatedAlwaysAsIdentity(),
        )
        .addColumn('topic', 'text', (col) => col.notNull())
        .addColumn('subject', 'integer', (col) => col.notNull())
        .addColumn('about', 'text', (col) => col.notNull())
        .addColumn('audience', 'text', (col) => col.notNull())
        .addColumn('places', 'text', (col) => col.notNull())
        .addColumn('place', 'integer', (col) => col.notNull())
        .addColumn('team', 'text', (col) => col.notNull())
        .addColumn('thread', 'integer', (col) => col.references('outbox.id'))
        .addColumn('priority', 'integer', (col) => col.notNull())
        .addColumn('live', 'integer', (col) => col.notNull())
        .addColumn('wanted', 'text')
        .addColumn('wanted_hash', 'text')
        .addColumn('shown_hash', 'text')
        .addColumn('channel', 'text')
        .addColumn('ts', 'text')
        .addColumn('url', 'text')
        .addColumn('state', 'text', (col) => col.notNull())
        .addColumn('failures', 'integer', (col) => col.notNull())
        .addColumn('retry_at', 'text')
        .addColumn('error', 'text')
        .addColumn('sent_at', 'text')
        .addUniqueConstraint('outbox_key', ['topic', 'subject', 'about', 'audience'])
        .execute();
      await db.schema.createIndex('outbox_by_team').on('outbox').columns(['team', 'state', 'priority']).execute();
      await sql`
        insert into outbox (topic, subject, about, audience, places, place, team, priority, live, shown_hash,
                            channel, ts, url, state, failures)
        select 'approval', approval_id, 'request', 'copy ' || channel || '/' || ts, '[]', 0, coalesce(team, ''), 1, 0, '',
               channel, ts, url, 'open', 0
        from approval_messages`.execute(db);
      await db.schema.dropTable('approval_messages').execute();
    },
  };
}
