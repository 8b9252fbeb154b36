import type { NewId } from '../base/ids.ts';
import type { Queries } from './store.ts';

/** The id of this store. The first call makes it. Servers that share a store share its id. */
export async function storeIdOf(db: Queries, newId: NewId): Promise<string> {
  await db
    .insertInto('store_identity')
    .values({ only: 1, id: newId('store') })
    .onConflict((on) => on.column('only').doNothing())
    .execute();
  const { id } = await db.selectFrom('store_identity').select('id').executeTakeFirstOrThrow();
  return id;
}
