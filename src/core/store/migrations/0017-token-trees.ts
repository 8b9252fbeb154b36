import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** When a token expires, who made it, and with which token. The tokens from before have none of these. */
export function tokenTrees(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const column of ['expires_at', 'made_by', 'parent_id']) {
        await db.schema.alterTable('tokens').addColumn(column, 'text').execute();
      }
      await db.schema.createIndex('tokens_parents').on('tokens').column('parent_id').execute();
    },
  };
}
