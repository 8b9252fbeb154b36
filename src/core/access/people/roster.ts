import { hostname, userInfo } from 'node:os';
import type { Transaction } from 'kysely';
import type { ConfigFile } from '../../config/schema.ts';
import { randomId } from '../../base/ids.ts';
import type { Database } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Person } from '../../base/caller.ts';

type Entry = Pick<ConfigFile['people'][number], 'name' | 'role' | 'identities' | 'groups'> & { listed: boolean };

/** Somebody of the config, or the one at this machine's terminal, whom it need not list. */
export interface Listed extends Person {
  /** False for the one at the terminal whom the config does not name. */
  listed: boolean;
  identities: readonly string[];
  groups: readonly string[];
}

/** The config's people as the store knows them. */
export interface Roster {
  /** What it was made from. */
  file: ConfigFile;
  local: Listed;
  byId: ReadonlyMap<string, Listed>;
  byIdentity: ReadonlyMap<string, Listed>;
}

/**
 * Brings the config's people into the store. `serves`: this is the server, whose config counts, so whom it no longer
 * lists loses what admins gave them too; a command that runs beside it may have another config.
 */
export async function readRoster(file: ConfigFile, store: Store, serves: boolean, at: string): Promise<Roster> {
  const entries = entriesOf(file);
  const people = await store.transaction(async (transaction) => {
    const ids = await idsOf(transaction, entries, at);
    await forgetNobodies(transaction);
    if (serves) await forgetOthers(transaction, [...ids.values()]);
    return entries.map((entry): Listed => ({ ...entry, id: ids.get(entry.name) as string }));
  });
  const byIdentity = new Map(people.flatMap((each) => each.identities.map((identity) => [identity, each] as const)));
  return {
    file,
    local: byIdentity.get('local') as Listed,
    byId: new Map(people.map((each) => [each.id, each])),
    byIdentity,
  };
}

/** Without a `local` person in the config, who sits at this machine is its admin. */
function entriesOf(file: ConfigFile): Entry[] {
  const entries: Entry[] = file.people.map((person) => ({ ...person, listed: true }));
  if (entries.some((entry) => entry.identities.includes('local'))) return entries;
  const account = userInfo().username;
  const name = entries.some((entry) => entry.name === account) ? `${account} (local)` : account;
  return [...entries, { name, role: 'admin', identities: ['local'], groups: [], listed: false }];
}

/** As it is stored: `local` means another account on every machine that shares a database. */
function storedIdentity(identity: string): string {
  return identity === 'local' ? `local:${hostname()}/${userInfo().username}` : identity;
}

/** Ids by the config's names. Who was known by an identity alone, and is listed now, stays the same person. */
async function idsOf(db: Transaction<Database>, entries: readonly Entry[], at: string): Promise<Map<string, string>> {
  const persons = await db.selectFrom('persons').select(['id', 'name', 'listed']).execute();
  const identities = new Map(
    (await db.selectFrom('identities').selectAll().execute()).map((row) => [row.identity, row.person_id]),
  );
  const ids = new Map<string, string>();
  for (const { name } of entries) {
    const known = persons.find((person) => person.name === name);
    if (known) ids.set(name, known.id);
  }
  for (const entry of entries.filter(({ name }) => !ids.has(name))) {
    const free = persons.filter(({ id }) => ![...ids.values()].includes(id));
    const known = entry.identities
      .map((identity) => ({ identity, id: identities.get(storedIdentity(identity)) }))
      .flatMap(({ identity, id }) =>
        free.filter((person) => person.id === id && (identity !== 'local' || !person.listed)),
      );
    ids.set(entry.name, known[0]?.id ?? randomId('per'));
  }
  for (const entry of entries) ids.set(entry.name, await save(db, ids.get(entry.name) as string, entry, at));
  return ids;
}

async function save(db: Transaction<Database>, wanted: string, entry: Entry, at: string): Promise<string> {
  const set = { name: entry.name, role: entry.role, listed: entry.listed ? 1 : 0 };
  const known = await db.updateTable('persons').set(set).where('id', '=', wanted).executeTakeFirst();
  const id = known.numUpdatedRows > 0n ? wanted : await insert(db, { id: wanted, ...set, created_at: at });
  await db.deleteFrom('identities').where('person_id', '=', id).execute();
  for (const identity of entry.identities) {
    await db
      .insertInto('identities')
      .values({ identity: storedIdentity(identity), person_id: id })
      .onConflict((on) => on.column('identity').doUpdateSet({ person_id: id }))
      .execute();
  }
  return id;
}

/** Another process that starts at the same moment may have made the same person: then that one counts. */
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

/** Whose every identity the config has given to somebody else is nobody: their role would count an admin too many. */
async function forgetNobodies(db: Transaction<Database>): Promise<void> {
  await db
    .deleteFrom('role_grants')
    .where('person_id', 'not in', (is) => is.selectFrom('identities').select('person_id'))
    .execute();
}

async function forgetOthers(db: Transaction<Database>, listed: readonly string[]): Promise<void> {
  const gone = await db
    .updateTable('persons')
    .set({ listed: 0 })
    .where('listed', '=', 1)
    .where('id', 'not in', listed)
    .returning('id')
    .execute();
  if (gone.length === 0) return;
  const ids = gone.map(({ id }) => id);
  await db.deleteFrom('role_grants').where('person_id', 'in', ids).execute();
}
