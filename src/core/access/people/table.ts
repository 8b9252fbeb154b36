import { roles } from '../../base/caller.ts';
import type { Role } from '../../base/caller.ts';
import type { NewId } from '../../base/ids.ts';
import type { Queries } from '../../store/store.ts';

/** The role that an admin or a claim gave, and who gave it. An unknown role in the row counts as none. */
export async function grantOf(db: Queries, id: string): Promise<{ role: Role; givenBy: string } | undefined> {
  const row = await db
    .selectFrom('role_grants')
    .select(['role', 'given_by'])
    .where('person_id', '=', id)
    .executeTakeFirst();
  const role = roles.find((each) => each === row?.role);
  return row && role && { role, givenBy: row.given_by };
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

/** Returns true if the person had one. */
export async function takeRole(db: Queries, id: string): Promise<boolean> {
  return (await db.deleteFrom('role_grants').where('person_id', '=', id).executeTakeFirst()).numDeletedRows > 0n;
}

/** Transactions that lock the same person run one after the other. */
export async function lockPerson(db: Queries, id: string): Promise<void> {
  await db
    .updateTable('persons')
    .set((row) => ({ name: row.ref('name') }))
    .where('id', '=', id)
    .execute();
}

/** Locks the grants until the transaction ends. The order is fixed, so that two callers never wait for each other. */
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

/** Everybody who can act. People without an identity cannot. */
export async function personsWithIdentity(db: Queries): Promise<{ id: string; name: string }[]> {
  return db
    .selectFrom('persons')
    .select(['id', 'name'])
    .where('id', 'in', (is) => is.selectFrom('identities').select('person_id'))
    .orderBy('name')
    .execute();
}

/** The person with this identity. Creates one if there is none. If two processes do this at once, both get the same person. */
export async function personWithIdentity(
  db: Queries,
  identity: string,
  name: string,
  { at, newId }: { at: Date; newId: NewId },
): Promise<string> {
  const known = await idOfIdentity(db, identity);
  if (known !== undefined) return known;
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
  // The other process may know them by another name. Then that person has the identity, and the new one stays unused.
  return (await idOfIdentity(db, identity)) ?? id;
}

/** Changes whenever a role is given, changed or taken, by whichever process. */
export async function grantsMark(db: Queries): Promise<string> {
  const { count, last } = await db
    .selectFrom('role_grants')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.max('given_at').as('last')])
    .executeTakeFirstOrThrow();
  return `${count} ${last}`;
}
