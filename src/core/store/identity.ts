import { randomId } from '../base/ids.ts';
import type { Queries } from './store.ts';

/** What tells this store from every other one, made once. Servers that share a store have it in common. */
export async function identityOf(db: Queries): Promise<string> {
  await db
    .insertInto('store_identity')
    .values({ only: 1, id: randomId('store') })
    .onConflict((on) => on.column('only').doNothing())
    .execute();
  const { id } = await db.selectFrom('store_identity').select('id').executeTakeFirstOrThrow();
  return id;
}
