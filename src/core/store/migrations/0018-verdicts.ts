import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Each policy once, by its hash; what a verdict was decided on; how a vote was made. */
export const verdicts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('policies')
      .addColumn('hash', 'text', (col) => col.primaryKey())
      .addColumn('rules', 'text', (col) => col.notNull())
      .addColumn('first_used_at', 'text', (col) => col.notNull())
      .execute();
    for (const column of ['policy_hash', 'facts', 'verdict'])
      await db.schema.alterTable('audit_events').addColumn(column, 'text').execute();
    await db.schema.alterTable('audit_events').addColumn('private', 'integer').execute();
    await db.schema.alterTable('votes').addColumn('assurance', 'text').execute();
  },
};
