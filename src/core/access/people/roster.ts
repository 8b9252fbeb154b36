import { hostname, userInfo } from 'node:os';
import type { Transaction } from 'kysely';
import type { Person } from '../../base/caller.ts';
import type { NewId } from '../../base/ids.ts';
import type { ConfigFile } from '../../config/schema.ts';
import type { Database } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';

/** A person of the config, or the person at this machine's terminal, who need not be in the config. */
export interface RosterPerson extends Person {
  /** False for the person at the terminal if the config does not list them. */
  listed: boolean;
  identities: readonly string[];
  groups: readonly string[];
}

/** A person before the store gives them an id. */
type UnsavedPerson = Omit<RosterPerson, 'id'>;

/** The people of the config with their ids in the store. */
export interface Roster {
  /** The config that it was made from. */
  file: ConfigFile;
  local: RosterPerson;
  byId: ReadonlyMap<string, RosterPerson>;
  byIdentity: ReadonlyMap<string, RosterPerson>;
}

export interface RosterDeps {
  store: Store;
  now: () => Date;
  newId: NewId;
  /** True in the server. A command in a process of its own may read another config, so it unlists nobody. */
  serves: boolean;
}

/**
 * Saves the people of the config. In the server, people who are not listed any more also lose the roles that admins
 * gave them.
 */
export async function readRoster(file: ConfigFile, deps: RosterDeps): Promise<Roster> {
  const people = await deps.store.transaction(async (transaction) => {
    const saved = await savePeople(transaction, peopleOf(file), deps);
    await deleteGrantsWithoutIdentity(transaction);
    const ids = saved.map(({ id }) => id);
    if (deps.serves) await unlistOthers(transaction, ids);
    return saved;
  });
  const byIdentity = new Map(people.flatMap((each) => each.identities.map((identity) => [identity, each] as const)));
  const local = byIdentity.get('local');
  if (!local) throw new Error('Nobody has the identity "local".');
  return { file, local, byId: new Map(people.map((each) => [each.id, each])), byIdentity };
}

/** If the config has no `local` person, the person at the terminal is an admin. */
function peopleOf(file: ConfigFile): UnsavedPerson[] {
  const listed = file.people.map((person): UnsavedPerson => ({ ...person, listed: true }));
  if (listed.some((person) => person.identities.includes('local'))) return listed;
  const account = userInfo().username;
  const name = listed.some((person) => person.name === account) ? `${account} (local)` : account;
  return [...listed, { name, role: 'admin', identities: ['local'], groups: [], listed: false }];
}

/** `local` is another account on every machine that shares the database, so its stored form names the machine. */
function storedIdentity(identity: string): string {
  return identity === 'local' ? `local:${hostname()}/${userInfo().username}` : identity;
}

async function savePeople(
  db: Transaction<Database>,
  people: readonly UnsavedPerson[],
  { now, newId }: RosterDeps,
): Promise<RosterPerson[]> {
  const known = await knownIds(db, people);
  const saved: RosterPerson[] = [];
  for (const person of people) {
    const id = await save(db, known.get(person.name) ?? newId('per'), person, now().toISOString());
    saved.push({ ...person, id });
  }
  return saved;
}

/** Ids by name. A person who was known by an identity only keeps their id when the config lists them. */
async function knownIds(db: Transaction<Database>, people: readonly UnsavedPerson[]): Promise<Map<string, string>> {
  const persons = await db.selectFrom('persons').select(['id', 'name', 'listed']).execute();
  const identities = new Map(
    (await db.selectFrom('identities').selectAll().execute()).map((row) => [row.identity, row.person_id]),
  );
  const idsByName = new Map(persons.map(({ name, id }) => [name, id]));
  const ids = new Map<string, string>();
  for (const { name } of people) {
    const id = idsByName.get(name);
    if (id !== undefined) ids.set(name, id);
  }
  for (const person of people.filter(({ name }) => !ids.has(name))) {
    const taken = new Set(ids.values());
    const known = person.identities.flatMap((identity) => {
      const id = identities.get(storedIdentity(identity));
      return persons.filter((row) => row.id === id && !taken.has(row.id) && (identity !== 'local' || row.listed === 0));
    })[0];
    if (known) ids.set(person.name, known.id);
  }
  return ids;
}

async function save(db: Transaction<Database>, wanted: string, person: UnsavedPerson, at: string): Promise<string> {
  const set = { name: person.name, role: person.role, listed: person.listed ? 1 : 0 };
  const known = await db.updateTable('persons').set(set).where('id', '=', wanted).executeTakeFirst();
  const id = known.numUpdatedRows > 0n ? wanted : await insert(db, { id: wanted, ...set, created_at: at });
  await db.deleteFrom('identities').where('person_id', '=', id).execute();
  for (const identity of person.identities) {
    await db
      .insertInto('identities')
      .values({ identity: storedIdentity(identity), person_id: id })
      .onConflict((on) => on.column('identity').doUpdateSet({ person_id: id }))
      .execute();
  }
  return id;
}

/** If another process makes the same person at the same moment, that person counts. */
async function insert(
  db: Transaction<Database>,
  row: { id: string; name: string; role: string; listed: number; created_at: string },
): Promise<string> {
  const { id } = await db
    .insertInto('persons')
    .values(row)
    .onConflict((on) => on.column('name').doUpdateSet({ role: row.role, listed: row.listed }))
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** The config may give all identities of a person to others. Nobody can act as that person then, so they must not count as an admin. */
async function deleteGrantsWithoutIdentity(db: Transaction<Database>): Promise<void> {
  await db
    .deleteFrom('role_grants')
    .where('person_id', 'not in', (is) => is.selectFrom('identities').select('person_id'))
    .execute();
}

async function unlistOthers(db: Transaction<Database>, listed: readonly string[]): Promise<void> {
  const unlisted = await db
    .updateTable('persons')
    .set({ listed: 0 })
    .where('listed', '=', 1)
    .where('id', 'not in', listed)
    .returning('id')
    .execute();
  if (unlisted.length === 0) return;
  const ids = unlisted.map(({ id }) => id);
  await db.deleteFrom('role_grants').where('person_id', 'in', ids).execute();
}
