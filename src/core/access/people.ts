import type { LiveConfig } from '../config/live.ts';
import type { ConfigFile } from '../config/schema.ts';
import { newId } from '../ids.ts';
import type { Store } from '../store/store.ts';
import type { Access, GroupLookup, Who } from './access.ts';
import { atLeast, roles } from './caller.ts';
import type { Person, Role } from './caller.ts';
import { readRoster } from './roster.ts';
import type { Listed, Roster } from './roster.ts';

type Group = ConfigFile['groups'][number];

/** Who somebody is and what role they have now. What tokens make of it is not known here. */
export interface People extends Pick<
  Access,
  'local' | 'current' | 'membersOf' | 'personOfSlack' | 'admitsWorkspace' | 'lookUpGroupsWith'
> {
  /** As the config writes them, for somebody that it lists; else as they were first seen. */
  identitiesOf(personId: string): Promise<readonly string[]>;
  /** True for an account that was deactivated, or is a guest's or a bot's. */
  isShutOut(identity: string): Promise<boolean>;
  /** True where the config says what role they have. */
  isListed(personId: string): Promise<boolean>;
}

export interface PeopleParts {
  live: LiveConfig;
  store: Store;
  now: () => Date;
  /** True for the server, whose config counts. */
  serves: boolean;
}

export async function createPeople(parts: PeopleParts): Promise<People> {
  const { live, store } = parts;
  const lookups: { groups: GroupLookup | undefined } = { groups: undefined };
  const roster = await followRoster(parts);

  const groupMembers = async (group: Group): Promise<readonly string[]> =>
    group.slack === undefined ? [] : ((await lookups.groups?.members(group.slack)) ?? []);

  const identitiesOf = async (id: string): Promise<readonly string[]> =>
    (await roster()).byId.get(id)?.identities ?? storedIdentities(store, id);

  const current = async (id: string): Promise<Person | undefined> => {
    const listed = (await roster()).byId.get(id);
    const identities = await identitiesOf(id);
    if (await isDeactivated(lookups.groups, identities)) return undefined;
    const given = listed ? [listed.role] : [];
    for (const group of live.file().groups) {
      if (group.role === undefined) continue;
      if (listed?.groups.includes(group.name) || overlaps(identities, await groupMembers(group)))
        given.push(group.role);
    }
    const role = highest(given) ?? (await grantedRole(store, id));
    const name = role && (listed?.name ?? (await storedName(store, id)));
    return role && name ? { id, name, role } : undefined;
  };

  /** Undefined where nobody has that identity; whom a group gives a role is made a person then. */
  const idOf = async (identity: string): Promise<string | undefined> => {
    const { byIdentity, byId } = await roster();
    const listed = byIdentity.get(identity);
    if (listed) return listed.id;
    const stored = await storedId(store, identity);
    // What the config says of somebody it lists is all that counts: an identity taken out of it is theirs no more.
    if (stored !== undefined) return byId.has(stored) ? undefined : stored;
    for (const group of live.file().groups) {
      if (group.role !== undefined && (await groupMembers(group)).includes(identity)) {
        return makePerson(store, identity, identity.replace('slack:', ''), parts.now());
      }
    }
    return undefined;
  };

  const membersOfGroup = async (group: Group): Promise<string[]> => {
    const inConfig = [...(await roster()).byId.values()].filter((each) => each.groups.includes(group.name));
    const inSlack = await Promise.all((await groupMembers(group)).map(idOf));
    return [...inConfig.map(({ id }) => id), ...inSlack.filter((id) => id !== undefined)];
  };

  const membersOf = async (who: Who): Promise<Person[]> => {
    const groups = live.file().groups;
    const named = groups.filter((group) => who.groups?.includes(group.name));
    const ids = [
      ...(await idsOfNames(store, await roster(), who.people ?? [])),
      ...(await each(named, membersOfGroup)),
    ];
    const picked = await each([...new Set(ids)], async (id) => present(await current(id)));
    if (!who.roles?.length) return picked;
    const giving = groups.filter((group) => group.role !== undefined);
    const all = [...(await roster()).byId.keys(), ...(await grantees(store)), ...(await each(giving, membersOfGroup))];
    const least = who.roles.toSorted((a, b) => roles.indexOf(a) - roles.indexOf(b))[0] as Role;
    const withRole = await each([...new Set(all)], async (id) =>
      present(await current(id)).filter(({ role }) => atLeast(role, least)),
    );
    return [...new Map([...picked, ...withRole].map((person) => [person.id, person])).values()];
  };

  return {
    local: async () => {
      const { local } = await roster();
      return (await current(local.id)) ?? { id: local.id, name: local.name, role: local.role };
    },
    current,
    identitiesOf,
    isShutOut: (identity) => isDeactivated(lookups.groups, [identity]),
    isListed: async (id) => (await roster()).byId.has(id),
    membersOf,
    async personOfSlack(team, user) {
      const id = await idOf(`slack:${team}/${user}`);
      return id === undefined ? undefined : current(id);
    },
    admitsWorkspace({ team, enterprise }) {
      const { workspaces, organisations } = live.file().slack;
      if (workspaces.length === 0 && organisations.length === 0) return true;
      return workspaces.some((each) => each === team) || organisations.some((each) => each === enterprise);
    },
    lookUpGroupsWith(lookup) {
      lookups.groups = lookup;
    },
  };
}

/** Answers with the roster of the config as it is now; of many who ask at once after a change, one reads it. */
async function followRoster({ live, store, now, serves }: PeopleParts): Promise<() => Promise<Roster>> {
  const read = (file: ConfigFile): Promise<Roster> => readRoster(file, store, serves, now().toISOString());
  let roster = await read(live.file());
  let reading: Promise<Roster> | undefined;
  return async () => {
    while (live.file() !== roster.file) {
      reading ??= read(live.file()).finally(() => (reading = undefined));
      roster = await reading;
    }
    return roster;
  };
}

async function isDeactivated(lookup: GroupLookup | undefined, identities: readonly string[]): Promise<boolean> {
  if (!lookup) return false;
  const slack = identities.filter((identity) => identity.startsWith('slack:'));
  return (await Promise.all(slack.map((identity) => lookup.active(identity)))).includes(false);
}

function highest(given: readonly Role[]): Role | undefined {
  return roles.findLast((role) => given.includes(role));
}

function overlaps(some: readonly string[], others: readonly string[]): boolean {
  return some.some((each) => others.includes(each));
}

function present<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

async function each<T, R>(values: readonly T[], work: (value: T) => Promise<R[]>): Promise<R[]> {
  return (await Promise.all(values.map(work))).flat();
}

async function idsOfNames(store: Store, roster: Roster, names: readonly string[]): Promise<string[]> {
  const listed = [...roster.byId.values()].filter(({ name }) => names.includes(name)).map(({ id }: Listed) => id);
  const rows = await store.db
    .selectFrom('persons')
    .select('id')
    .where('name', 'in', [...names, ''])
    .execute();
  return [...listed, ...rows.map(({ id }) => id)];
}

async function grantedRole(store: Store, id: string): Promise<Role | undefined> {
  const row = await store.db.selectFrom('role_grants').select('role').where('person_id', '=', id).executeTakeFirst();
  return row?.role as Role | undefined;
}

async function grantees(store: Store): Promise<string[]> {
  return (await store.db.selectFrom('role_grants').select('person_id').execute()).map((row) => row.person_id);
}

async function storedName(store: Store, id: string): Promise<string | undefined> {
  return (await store.db.selectFrom('persons').select('name').where('id', '=', id).executeTakeFirst())?.name;
}

async function storedIdentities(store: Store, id: string): Promise<string[]> {
  const rows = await store.db.selectFrom('identities').select('identity').where('person_id', '=', id).execute();
  return rows.map((row) => row.identity);
}

async function storedId(store: Store, identity: string): Promise<string | undefined> {
  const found = store.db.selectFrom('identities').select('person_id').where('identity', '=', identity);
  return (await found.executeTakeFirst())?.person_id;
}

async function makePerson(store: Store, identity: string, name: string, at: Date): Promise<string> {
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
