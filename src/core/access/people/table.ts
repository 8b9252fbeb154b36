import type { Role } from '../../base/caller.ts';
import { randomId } from '../../base/ids.ts';
import type { Queries } from '../../store/store.ts';

/** The role that something besides the config gave, and who gave it. */
export async function grantOf(db: Queries, id: string): Promise<{ role: Role; givenBy: string } | undefined> {
  const row = await db
    .selectFrom('role_grants')
    .select(['role', 'given_by'])
    .where('person_id', '=', id)
    .executeTakeFirst();
  return row && { role: row.role as Role, givenBy: row.given_by };
}

export async function giveRole(
  db: Queries,
  id: string,
  grant: { role: Role; givenBy: string; givenAt: string },
): Promise<void> {
  const set = { role: grant.role, given_by: grant.givenBy, given_at: grant.givenAt };
  await db
    .insertInto('role_grants')
    .values({ person_id: id, ...set })
    .onConflict((on) => on.column('person_id').doUpdateSet(set))
    .execute();
}

/** True where there was one to take. */
export async function takeRole(db: Queries, id: string): Promise<boolean> {
  return (await db.deleteFrom('role_grants').where('person_id', '=', id).executeTakeFirst()).numDeletedRows > 0n;
}

/** Until the transaction ends nobody else changes these; in one order, so that two who do this never wait for each other. */
/** Transactions that lock the same person run one after the other. */
export async function lockPerson(db: Queries, id: string): Promise<void> {
  await db
    .updateTable('persons')
    .set((row) => ({ name: row.ref('name') }))
    .where('id', '=', id)
    .execute();
}

export async function lockGrants(db: Queries, ids: readonly string[]): Promise<void> {
  for (const id of ids.toSorted()) {
    await db
      .updateTable('role_grants')
      .set((row) => ({ role: row.ref('role') }))
      .where('person_id', '=', id)
      .execute();
  }
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

/** Everybody who can act: who has no identity is nobody. */
export async function personsWithIdentity(db: Queries): Promise<{ id: string; name: string }[]> {
  return db
    .selectFrom('persons')
    .select(['id', 'name'])
    .where('id', 'in', (is) => is.selectFrom('identities').select('person_id'))
    .orderBy('name')
    .execute();
}

/** Who has that identity, made where there is nobody; of two processes that see them first, both get the same person. */
export async function personWithIdentity(db: Queries, identity: string, name: string, at: Date): Promise<string> {
  const known = await idOfIdentity(db, identity);
  if (known !== undefined) return known;
  const { id } = await db
    .insertInto('persons')
    .values({ id: randomId('per'), name, role: 'none', created_at: at.toISOString() })
    .onConflict((on) => on.column('name').doUpdateSet({ name }))
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('identities')
    .values({ identity, person_id: id })
    .onConflict((on) => on.column('identity').doNothing())
    .execute();
  // The other process may have seen them under another name: then that person has the identity, and this one is nobody.
  return (await idOfIdentity(db, identity)) ?? id;
}
