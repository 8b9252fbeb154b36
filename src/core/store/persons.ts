import type { Role } from '../access/caller.ts';
import { newId } from '../ids.ts';
import type { Queries, Store } from './store.ts';

/** The role that something besides the config gave. */
export async function grantedRole(db: Queries, id: string): Promise<Role | undefined> {
  const row = await db.selectFrom('role_grants').select('role').where('person_id', '=', id).executeTakeFirst();
  return row?.role as Role | undefined;
}

export async function idsWithGrants(db: Queries): Promise<string[]> {
  return (await db.selectFrom('role_grants').select('person_id').execute()).map((row) => row.person_id);
}

export async function nameOfPerson(db: Queries, id: string): Promise<string | undefined> {
  return (await db.selectFrom('persons').select('name').where('id', '=', id).executeTakeFirst())?.name;
}

export async function idsOfNames(db: Queries, names: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('persons')
    .select('id')
    .where('name', 'in', [...names, ''])
    .execute();
  return rows.map(({ id }) => id);
}

export async function identitiesOfPerson(db: Queries, id: string): Promise<string[]> {
  const rows = await db.selectFrom('identities').select('identity').where('person_id', '=', id).execute();
  return rows.map((row) => row.identity);
}

export async function idOfIdentity(db: Queries, identity: string): Promise<string | undefined> {
  const found = db.selectFrom('identities').select('person_id').where('identity', '=', identity);
  return (await found.executeTakeFirst())?.person_id;
}

/** Whom a group alone makes somebody; of two processes that see them first, both get the same person. */
export async function makePerson(store: Store, identity: string, name: string, at: Date): Promise<string> {
  return store.transaction(async (db) => {
    const { id } = await db
      .insertInto('persons')
      .values({ id: newId('per'), name, role: 'none', created_at: at.toISOString() })
      .onConflict((on) => on.column('name').doUpdateSet({ name }))
      .returning('id')
      .executeTakeFirstOrThrow();
    await db
      .insertInto('identities')
      .values({ identity, person_id: id })
      .onConflict((on) => on.column('identity').doNothing())
      .execute();
    return id;
  });
}
