import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** A person has at most one token of a name that is not revoked. */
export function tokenNames(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      // Two tokens that were made at the same moment could have one name. The later gets another name and stays valid.
      await sql`
        update tokens set name = name || '-' || id
        where revoked_at is null and exists (
          select 1 from tokens as earlier
          where earlier.revoked_at is null and earlier.person_id = tokens.person_id and earlier.name = tokens.name and earlier.id < tokens.id
        )`.execute(db);
      await db.schema
        .createIndex('tokens_live_names')
        .unique()
        .on('tokens')
        .columns(['person_id', 'name'])
        .where(sql.ref('revoked_at'), 'is', null)
        .execute();
    },
  };
}
