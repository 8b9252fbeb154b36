import { sql } from 'kysely';
import type { CreateTableBuilder, Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Flavour } from '../dialects.ts';

/** A number that is never used twice, even if its row is deleted: AUTOINCREMENT or, in PostgreSQL, an identity. */
function withNumber<T extends string>(
  table: CreateTableBuilder<T>,
  column: string,
  flavour: Flavour,
): CreateTableBuilder<string> {
  return table.addColumn(column, 'integer', (col) =>
    flavour === 'sqlite' ? col.primaryKey().autoIncrement() : col.primaryKey().generatedAlwaysAsIdentity(),
  );
}

export function first(flavour: Flavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await people(db);
      await registry(db);
      await launches(db, flavour);
      await cache(db);
      await journal(db);
    },
  };
}

async function people(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('persons')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('name', 'text', (col) => col.notNull().unique())
    .addColumn('role', 'text', (col) => col.notNull())
    .addColumn('created_at', 'text', (col) => col.notNull())
    .execute();
  await db.schema
    .createTable('identities')
    .addColumn('identity', 'text', (col) => col.primaryKey())
    .addColumn('person_id', 'text', (col) => col.notNull().references('persons.id'))
    .execute();
  await db.schema
    .createTable('tokens')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('person_id', 'text', (col) => col.notNull().references('persons.id'))
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('hash', 'text', (col) => col.notNull().unique())
    .addColumn('scopes', 'text', (col) => col.notNull())
    .addColumn('created_at', 'text', (col) => col.notNull())
    .addColumn('last_used_at', 'text')
    .addColumn('revoked_at', 'text')
    .execute();
}

async function registry(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('selections')
    .addColumn('hash', 'text', (col) => col.primaryKey())
    .addColumn('files', 'text', (col) => col.notNull())
    .execute();
  await db.schema
    .createTable('models')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('live_name', 'text', (col) => col.unique())
    .addColumn('category', 'text', (col) => col.notNull())
    .addColumn('origin', 'text', (col) => col.notNull())
    .addColumn('entry', 'text', (col) => col.notNull())
    .addColumn('selection', 'text', (col) => col.notNull().references('selections.hash'))
    .addColumn('repo', 'text')
    .addColumn('owner_id', 'text', (col) => col.notNull().references('persons.id'))
    .addColumn('private', 'integer', (col) => col.notNull())
    .addColumn('created_at', 'text', (col) => col.notNull())
    .addColumn('deleted_at', 'text')
    .execute();
  await db.schema.createIndex('models_repo').on('models').column('repo').execute();
}

async function launches(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await withNumber(db.schema.createTable('instances'), 'id', flavour)
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('entry_id', 'text', (col) => col.notNull().references('models.id'))
    .addColumn('desired', 'text', (col) => col.notNull())
    .addColumn('spec', 'text', (col) => col.notNull())
    .addColumn('generation', 'integer', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('ready', 'integer', (col) => col.notNull().defaultTo(0))
    .addColumn('owner_id', 'text', (col) => col.notNull().references('persons.id'))
    .addColumn('private', 'integer', (col) => col.notNull())
    .addColumn('created_at', 'text', (col) => col.notNull())
    .addColumn('stop_at', 'text')
    .execute();
  await db.schema.createIndex('instances_entry').on('instances').columns(['entry_id', 'desired']).execute();
  await db.schema.createIndex('instances_state').on('instances').columns(['state', 'id']).execute();
  await db.schema
    .createTable('instance_regions')
    .addColumn('instance_id', 'integer', (col) => col.notNull().references('instances.id'))
    .addColumn('region', 'text', (col) => col.notNull())
    .addColumn('volume', 'text')
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('ready', 'integer', (col) => col.notNull())
    .addColumn('restarts', 'integer', (col) => col.notNull())
    .addColumn('reason', 'text')
    .addColumn('urls', 'text', (col) => col.notNull())
    .addColumn('updated_at', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('instance_regions_key', ['instance_id', 'region'])
    .execute();
  await db.schema.createIndex('instance_regions_volume').on('instance_regions').column('volume').execute();
}

async function cache(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('volumes')
    .addColumn('key', 'text', (col) => col.primaryKey())
    .addColumn('region', 'text', (col) => col.notNull())
    .addColumn('repo', 'text', (col) => col.notNull())
    .addColumn('commit_sha', 'text', (col) => col.notNull())
    .addColumn('selection', 'text', (col) => col.notNull().references('selections.hash'))
    .addColumn('bytes', 'bigint', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('attempt', 'integer', (col) => col.notNull())
    .addColumn('failures', 'integer', (col) => col.notNull())
    .addColumn('retry_at', 'text')
    .addColumn('progress', 'text')
    .addColumn('reason', 'text')
    .addColumn('prefetch', 'integer', (col) => col.notNull())
    .addColumn('pinned', 'integer', (col) => col.notNull())
    .addColumn('last_used_at', 'text')
    .execute();
}

async function journal(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('audit_events')
    .addColumn('number', 'integer', (col) => col.primaryKey())
    .addColumn('at', 'text', (col) => col.notNull())
    .addColumn('event', 'text', (col) => col.notNull())
    .addColumn('opened', 'integer', (col) => col.unique())
    .addColumn('request', 'text', (col) => col.notNull())
    .addColumn('person', 'text', (col) => col.notNull())
    .addColumn('identity', 'text', (col) => col.notNull())
    .addColumn('agent', 'integer', (col) => col.notNull())
    .addColumn('source', 'text', (col) => col.notNull())
    .addColumn('operation', 'text', (col) => col.notNull())
    .addColumn('input', 'text')
    .addColumn('outcome', 'text')
    .addColumn('code', 'text')
    .addColumn('duration_ms', 'integer')
    .addColumn('line', 'text', (col) => col.notNull())
    .addColumn('previous', 'text', (col) => col.notNull().unique())
    .addColumn('hash', 'text', (col) => col.notNull().unique())
    .execute();
  await db.schema
    .createTable('audit_head')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('number', 'integer', (col) => col.notNull())
    .addColumn('hash', 'text', (col) => col.notNull())
    .execute();
  await sql`insert into audit_head (id, number, hash) values (1, 0, ${'0'.repeat(64)})`.execute(db);
  await db.schema
    .createTable('idempotency')
    .addColumn('person_id', 'text', (col) => col.notNull())
    .addColumn('operation', 'text', (col) => col.notNull())
    .addColumn('key', 'text', (col) => col.notNull())
    .addColumn('input_hash', 'text', (col) => col.notNull())
    .addColumn('outcome', 'text', (col) => col.notNull())
    .addColumn('created_at', 'text', (col) => col.notNull())
    .addPrimaryKeyConstraint('idempotency_key', ['person_id', 'operation', 'key'])
    .execute();
  await db.schema
    .createTable('leases')
    .addColumn('key', 'text', (col) => col.primaryKey())
    .addColumn('holder', 'text', (col) => col.notNull())
    .addColumn('epoch', 'integer', (col) => col.notNull())
    .addColumn('expires_at', 'text', (col) => col.notNull())
    .execute();
}
