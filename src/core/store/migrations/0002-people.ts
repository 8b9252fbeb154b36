import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Whether the config lists a person, roles from admins and claims, kinds of tokens, and claim codes. */
export function people(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .alterTable('persons')
        .addColumn('listed', 'integer', (col) => col.notNull().defaultTo(0))
        .execute();
      for (const flag of ['agent', 'may_decide']) {
        await db.schema
          .alterTable('tokens')
          .addColumn(flag, 'integer', (col) => col.notNull().defaultTo(0))
          .execute();
      }
      await db.schema
        .createTable('role_grants')
        .addColumn('person_id', 'text', (col) => col.primaryKey().references('persons.id'))
        .addColumn('role', 'text', (col) => col.notNull())
        .addColumn('given_by', 'text', (col) => col.notNull())
        .addColumn('given_at', 'text', (col) => col.notNull())
        .execute();
      await db.schema
        .createTable('claim_codes')
        .addColumn('hash', 'text', (col) => col.primaryKey())
        .addColumn('expires_at', 'text', (col) => col.notNull())
        .addColumn('used_at', 'text')
        .execute();
    },
  };
}
