import type { LiveConfig } from '../../config/live.ts';
import type { ConfigFile } from '../../config/schema.ts';
import {
  grantOf,
  idOfIdentity,
  identitiesOfPerson,
  idsOfNames,
  idsWithGrants,
  nameOfPerson,
  personWithIdentity,
} from './table.ts';
import type { Store } from '../../store/store.ts';
import type { Access, GroupLookup, Who } from '../access.ts';
import { atLeast, roles } from '../../base/caller.ts';
import type { Person, Role } from '../../base/caller.ts';
import { readRoster } from './roster.ts';
import type { Roster } from './roster.ts';

type Group = ConfigFile['groups'][number];

/** A role of this moment, and what gives it. */
export interface GivenRole {
  role: Role;
  /** In words, such as `ecolink.yaml`, `group ml`, or the name of the admin who gave it. */
  by: string;
  /** True where the config says nothing of the person, so that admins may change it. */
  granted: boolean;
}

export interface PeopleDeps {
  live: LiveConfig;
  store: Store;
  now: () => Date;
  /** True for the server, whose config counts. */
  serves: boolean;
  /** The Slack app can be installed by whoever reaches the server: only listed workspaces count. */
  installable: boolean;
}

export async function createPeople(deps: PeopleDeps): Promise<People> {
  return new People(deps, await followRoster(deps));
}

/** Who somebody is and what role they have now. What tokens make of it is not known here. */
export class People implements Pick<
  Access,
  'local' | 'current' | 'membersOf' | 'personOfSlack' | 'admitsWorkspace' | 'lookUpGroupsWith'
> {
  readonly #live: LiveConfig;
  readonly #store: Store;
  readonly #now: () => Date;
  readonly #installable: boolean;
  readonly #roster: () => Promise<Roster>;
  readonly #gone = new Set<string>();
  #lookup: GroupLookup | undefined;

  constructor({ live, store, now, installable }: PeopleDeps, roster: () => Promise<Roster>) {
    this.#live = live;
    this.#store = store;
    this.#now = now;
    this.#installable = installable;
    this.#roster = roster;
  }

  lookUpGroupsWith(lookup: GroupLookup): void {
    this.#lookup = lookup;
  }

  async local(): Promise<Person> {
    const { local } = await this.#roster();
    return (await this.current(local.id)) ?? { id: local.id, name: local.name, role: local.role };
  }

  async current(id: string): Promise<Person | undefined> {
    const given = await this.roleOf(id);
    const name = given && (await this.nameOf(id));
    return given && name !== undefined ? { id, name, role: given.role } : undefined;
  }

  /** Undefined for somebody to whom nothing gives a role. */
  async roleOf(id: string): Promise<GivenRole | undefined> {
    const listed = (await this.#roster()).byId.get(id);
    const identities = await this.identitiesOf(id);
    if (await this.isShutOut(identities)) return undefined;
    const fromGroups = await this.#rolesOfGroups(identities, listed?.groups ?? []);
    const own = listed && { role: listed.role, by: listed.listed ? 'ecolink.yaml' : "the server's terminal" };
    const given = highest(own ? [own, ...fromGroups] : fromGroups);
    if (given) return { ...given, granted: false };
    const grant = await grantOf(this.#store.db, id);
    return grant && { role: grant.role, by: grant.givenBy, granted: true };
  }

  async nameOf(id: string): Promise<string | undefined> {
    return (await this.#roster()).byId.get(id)?.name ?? nameOfPerson(this.#store.db, id);
  }

  /** Everybody with a role. */
  async everybody(): Promise<Person[]> {
    return this.#present(await this.#everybody());
  }

  async personOfSlack(team: string, user: string): Promise<Person | undefined> {
    const id = await this.idOf(`slack:${team}/${user}`);
    return id === undefined ? undefined : this.current(id);
  }

  async membersOf(who: Who): Promise<Person[]> {
    const named = this.#live.file().groups.filter((group) => who.groups?.includes(group.name));
    const ids = [...(await idsOfNames(this.#store.db, who.people ?? [])), ...(await this.#idsInGroups(named))];
    const picked = await this.#present(ids);
    const least = roles.find((role) => who.roles?.includes(role));
    if (least === undefined) return picked;
    const withRole = (await this.everybody()).filter(({ role }) => atLeast(role, least));
    return [...new Map([...picked, ...withRole].map((person) => [person.id, person])).values()];
  }

  admitsWorkspace({ team, enterprise }: Parameters<Access['admitsWorkspace']>[0]): boolean {
    const { workspaces, organisations } = this.#live.file().slack;
    if (workspaces.length === 0 && organisations.length === 0) return !this.#installable;
    return workspaces.some((each) => each === team) || organisations.some((each) => each === enterprise);
  }

  /** As the config writes them, for somebody that it lists; else as they were first seen. */
  async identitiesOf(id: string): Promise<readonly string[]> {
    return (await this.#roster()).byId.get(id)?.identities ?? identitiesOfPerson(this.#store.db, id);
  }

  /** True where the config says what role they have. */
  async isListed(id: string): Promise<boolean> {
    return (await this.#roster()).byId.has(id);
  }

  /** True where one of the accounts was deactivated, or is a guest's or a bot's. */
  async isShutOut(identities: readonly string[]): Promise<boolean> {
    const lookup = this.#lookup;
    if (!lookup) return false;
    const slack = identities.filter((identity) => identity.startsWith('slack:'));
    return (await Promise.all(slack.map((identity) => this.#isGone(lookup, identity)))).includes(true);
  }

  /** Whom Slack once called gone stays so until it says otherwise: an hour in which it cannot be asked brings nobody back. */
  async #isGone(lookup: GroupLookup, identity: string): Promise<boolean> {
    const active = await lookup.active(identity);
    if (active === false) this.#gone.add(identity);
    else if (active === true) this.#gone.delete(identity);
    return this.#gone.has(identity);
  }

  /** Undefined where nobody has that identity; whom a group gives a role is made a person then. */
  async idOf(identity: string): Promise<string | undefined> {
    const { byIdentity, byId } = await this.#roster();
    const listed = byIdentity.get(identity);
    if (listed) return listed.id;
    const stored = await idOfIdentity(this.#store.db, identity);
    // What the config says of somebody it lists is all that counts: an identity taken out of it is theirs no more.
    if (stored !== undefined) return byId.has(stored) ? undefined : stored;
    if ((await this.#rolesOfGroups([identity], [])).length === 0) return undefined;
    return this.#store.transaction((db) => personWithIdentity(db, identity, nameInSlack(identity), this.#now()));
  }

  async #rolesOfGroups(
    identities: readonly string[],
    named: readonly string[],
  ): Promise<Pick<GivenRole, 'role' | 'by'>[]> {
    const given: Pick<GivenRole, 'role' | 'by'>[] = [];
    for (const group of this.#live.file().groups) {
      if (group.role === undefined) continue;
      const member = named.includes(group.name) || overlap(identities, await this.#slackMembers(group));
      if (member) given.push({ role: group.role, by: `group ${group.name}` });
    }
    return given;
  }

  async #slackMembers({ slack }: Group): Promise<readonly string[]> {
    return slack === undefined ? [] : ((await this.#lookup?.members(slack)) ?? []);
  }

  async #idsInGroups(groups: readonly Group[]): Promise<string[]> {
    const names = groups.map((group) => group.name);
    const inConfig = [...(await this.#roster()).byId.values()].filter((each) => overlap(each.groups, names));
    const identities = await Promise.all(groups.map((group) => this.#slackMembers(group)));
    const inSlack = await Promise.all(identities.flat().map((identity) => this.idOf(identity)));
    return [...inConfig.map(({ id }) => id), ...inSlack.filter((id) => id !== undefined)];
  }

  /** Ids of all who may have a role: more than those who have one. */
  async #everybody(): Promise<string[]> {
    const giving = this.#live.file().groups.filter((group) => group.role !== undefined);
    const listed = [...(await this.#roster()).byId.keys()];
    return [...listed, ...(await idsWithGrants(this.#store.db)), ...(await this.#idsInGroups(giving))];
  }

  async #present(ids: readonly string[]): Promise<Person[]> {
    const people = await Promise.all([...new Set(ids)].map((id) => this.current(id)));
    return people.filter((person) => person !== undefined);
  }
}

/** Answers with the roster of the config as it is now; of many who ask at once after a change, one reads it. */
async function followRoster({ live, store, now, serves }: PeopleDeps): Promise<() => Promise<Roster>> {
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

function highest<T extends { role: Role }>(given: readonly T[]): T | undefined {
  return roles.toReversed().flatMap((role) => given.filter((each) => each.role === role))[0];
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((each) => others.includes(each));
}

/** What somebody is called of whom the config says nothing: `ada (T1/UADA)`, which is nobody else's name. */
export function nameInSlack(identity: string, shown?: string): string {
  const account = identity.replace(/^slack:/, '');
  return shown === undefined ? account : `${shown} (${account})`;
}
