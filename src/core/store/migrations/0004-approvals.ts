import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Flavour } from '../dialects.ts';

export function approvals(flavour: Flavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await requests(db, flavour);
      await db.schema
        .createTable('votes')
        .addColumn('approval_id', 'integer', (col) => col.notNull().references('approvals.id'))
        .addColumn('person_id', 'text', (col) => col.notNull().references('persons.id'))
        .addColumn('identity', 'text', (col) => col.notNull())
        .addColumn('vote', 'text', (col) => col.notNull())
        .addColumn('reason', 'text')
        .addColumn('at', 'text', (col) => col.notNull())
        .addPrimaryKeyConstraint('votes_key', ['approval_id', 'person_id'])
        .execute();
      await db.schema
        .createTable('approval_messages')
        .addColumn('approval_id', 'integer', (col) => col.notNull().references('approvals.id'))
        .addColumn('channel', 'text', (col) => col.notNull())
        .addColumn('ts', 'text', (col) => col.notNull())
        .addPrimaryKeyConstraint('approval_messages_key', ['approval_id', 'channel', 'ts'])
        .execute();
    },
  };
}

async function requests(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await db.schema
    .createTable('approvals')
    .addColumn('id', 'integer', (col) =>
      flavour === 'sqlite' ? col.primaryKey().autoIncrement() : col.primaryKey().generatedAlwaysAsIdentity(),
    )
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('operation', 'text', (col) => col.notNull())
    .addColumn('input', 'text', (col) => col.notNull())
    .addColumn('preview', 'text', (col) => col.notNull())
    .addColumn('digest', 'text', (col) => col.notNull())
    .addColumn('needs', 'text', (col) => col.notNull())
    .addColumn('rule', 'text', (col) => col.notNull())
    .addColumn('requester_id', 'text', (col) => col.notNull().references('persons.id'))
    .addColumn('identity', 'text', (col) => col.notNull())
    .addColumn('agent', 'integer', (col) => col.notNull())
    .addColumn('source', 'text', (col) => col.notNull())
    .addColumn('scopes', 'text', (col) => col.notNull())
    .addColumn('request', 'text', (col) => col.notNull())
    .addColumn('idempotency_key', 'text')
    .addColumn('input_hash', 'text', (col) => col.notNull())
    .addColumn('open_key', 'text', (col) => col.unique())
    .addColumn('touched', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('asked_at', 'text', (col) => col.notNull())
    .addColumn('expires_at', 'text', (col) => col.notNull())
    .addColumn('decided_at', 'text')
    .addColumn('decided_by', 'text', (col) => col.references('persons.id'))
    .addColumn('broken_glass', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('reason', 'text')
    .addColumn('outcome', 'text')
    .addColumn('claimed_until', 'text')
    .addColumn('remind_at', 'text')
    .execute();
  await db.schema.createIndex('approvals_state').on('approvals').columns(['state', 'id']).execute();
  await db.schema.createIndex('approvals_requester').on('approvals').columns(['requester_id', 'state']).execute();
}
