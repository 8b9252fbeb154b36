import { atLeast, roles } from '../../base/caller.ts';
import type { Person, Role } from '../../base/caller.ts';
import type { NewId } from '../../base/ids.ts';
import type { LiveConfig } from '../../config/live.ts';
import type { ConfigFile } from '../../config/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Access, GroupLookup, PeopleSelector } from '../access.ts';
import { readRoster } from './roster.ts';
import type { Roster } from './roster.ts';
import {
  grantOf,
  idOfIdentity,
  identitiesOfPerson,
  idsOfNames,
  idsWithGrants,
  nameOfPerson,
  personWithIdentity,
} from './table.ts';

type Group = ConfigFile['groups'][number];

/** The present role of a person, and what gives it. */
export interface EffectiveRole {
  role: Role;
  /** In words, such as `ecolink.yaml`, `group ml`, or the name of the admin who gave it. */
  by: string;
  /** True if the config does not mention the person. Then admins may change the role. */
  granted: boolean;
}

export interface PeopleDeps {
  live: LiveConfig;
  store: Store;
  now: () => Date;
  newId: NewId;
  /** True in the server. Only its config decides who is listed. */
  serves: boolean;
  /** True if everybody who reaches the server can install the Slack app. Then only listed workspaces are admitted. */
  installable: boolean;
}

export async function createPeople(deps: PeopleDeps): Promise<People> {
  return new People(deps, await followRoster(deps));
}

/** Who somebody is and which role they have now. This class does not know tokens. */
export class People implements Pick<
  Access,
  'local' | 'current' | 'membersOf' | 'personOfSlack' | 'admitsWorkspace' | 'lookUpGroupsWith'
> {
  readonly #deps: PeopleDeps;
  readonly #live: LiveConfig;
  readonly #store: Store;
  readonly #roster: () => Promise<Roster>;
  /** Slack accounts that were inactive at the last successful lookup. */
  readonly #inactive = new Set<string>();
  #lookup: GroupLookup | undefined;

  constructor(deps: PeopleDeps, roster: () => Promise<Roster>) {
    this.#deps = deps;
    this.#live = deps.live;
    this.#store = deps.store;
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
    const effective = await this.roleOf(id);
    const name = effective && (await this.nameOf(id));
    return effective && name !== undefined ? { id, name, role: effective.role } : undefined;
  }

  /** Undefined if nothing gives them a role. */
  async roleOf(id: string): Promise<EffectiveRole | undefined> {
    const listed = (await this.#roster()).byId.get(id);
    const identities = await this.identitiesOf(id);
    if (await this.isShutOut(identities)) return undefined;
    const fromGroups = await this.#rolesOfGroups(identities, listed?.groups ?? []);
    const own = listed && { role: listed.role, by: listed.listed ? 'ecolink.yaml' : "the server's terminal" };
    const fromConfig = highest(own ? [own, ...fromGroups] : fromGroups);
    if (fromConfig) return { ...fromConfig, granted: false };
    const grant = await grantOf(this.#store.db, id);
    return grant && { role: grant.role, by: grant.givenBy, granted: true };
  }

  async nameOf(id: string): Promise<string | undefined> {
    return (await this.#roster()).byId.get(id)?.name ?? nameOfPerson(this.#store.db, id);
  }

  /** Everybody with a role. */
  async everybody(): Promise<Person[]> {
    return this.#withRole(await this.#candidates());
  }

  async personOfSlack(team: string, user: string): Promise<Person | undefined> {
    const id = await this.idOf(`slack:${team}/${user}`);
    return id === undefined ? undefined : this.current(id);
  }

  async membersOf(selector: PeopleSelector): Promise<Person[]> {
    const groups = this.#live.file().groups.filter((group) => selector.groups?.includes(group.name));
    const ids = [...(await idsOfNames(this.#store.db, selector.people ?? [])), ...(await this.#idsInGroups(groups))];
    const named = await this.#withRole(ids);
    const lowest = roles.find((role) => selector.roles?.includes(role));
    if (lowest === undefined) return named;
    const byRole = (await this.everybody()).filter(({ role }) => atLeast(role, lowest));
    return [...new Map([...named, ...byRole].map((person) => [person.id, person])).values()];
  }

  admitsWorkspace({ team, enterprise }: Parameters<Access['admitsWorkspace']>[0]): boolean {
    const { workspaces, organisations } = this.#live.file().slack;
    if (workspaces.length === 0 && organisations.length === 0) return !this.#deps.installable;
    return workspaces.some((each) => each === team) || organisations.some((each) => each === enterprise);
  }

  /** From the config if it lists the person, else from the store. */
  async identitiesOf(id: string): Promise<readonly string[]> {
    return (await this.#roster()).byId.get(id)?.identities ?? identitiesOfPerson(this.#store.db, id);
  }

  /** True if the config lists the person, or if they sit at the server's terminal. */
  async isListed(id: string): Promise<boolean> {
    return (await this.#roster()).byId.has(id);
  }

  /** True if one of the accounts is deactivated, or belongs to a guest or a bot. */
  async isShutOut(identities: readonly string[]): Promise<boolean> {
    const lookup = this.#lookup;
    if (!lookup) return false;
    const slack = identities.filter((identity) => identity.startsWith('slack:'));
    return (await Promise.all(slack.map((identity) => this.#isInactive(lookup, identity)))).includes(true);
  }

  /** While Slack cannot be asked, its last answer counts. */
  async #isInactive(lookup: GroupLookup, identity: string): Promise<boolean> {
    const active = await lookup.active(identity);
    if (active === false) this.#inactive.add(identity);
    else if (active === true) this.#inactive.delete(identity);
    return this.#inactive.has(identity);
  }

  /** Returns undefined if nobody has this identity. If a group grants it a role, a person is created. */
  async idOf(identity: string): Promise<string | undefined> {
    const { byIdentity, byId } = await this.#roster();
    const listed = byIdentity.get(identity);
    if (listed) return listed.id;
    const stored = await idOfIdentity(this.#store.db, identity);
    // For a listed person only the config counts: they lose an identity that was removed from it.
    if (stored !== undefined) return byId.has(stored) ? undefined : stored;
    if ((await this.#rolesOfGroups([identity], [])).length === 0) return undefined;
    const created = { at: this.#deps.now(), newId: this.#deps.newId };
    return this.#store.transaction((db) => personWithIdentity(db, identity, nameInSlack(identity), created));
  }

  /** `groups`: the names of the groups that the config gives the person. */
  async #rolesOfGroups(
    identities: readonly string[],
    groups: readonly string[],
  ): Promise<Pick<EffectiveRole, 'role' | 'by'>[]> {
    const found: Pick<EffectiveRole, 'role' | 'by'>[] = [];
    for (const group of this.#live.file().groups) {
      if (group.role === undefined) continue;
      const member = groups.includes(group.name) || overlap(identities, await this.#slackMembers(group));
      if (member) found.push({ role: group.role, by: `group ${group.name}` });
    }
    return found;
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

  /** Ids of all people who may have a role. Some of them have none. */
  async #candidates(): Promise<string[]> {
    const groups = this.#live.file().groups.filter((group) => group.role !== undefined);
    const listed = [...(await this.#roster()).byId.keys()];
    return [...listed, ...(await idsWithGrants(this.#store.db)), ...(await this.#idsInGroups(groups))];
  }

  async #withRole(ids: readonly string[]): Promise<Person[]> {
    const people = await Promise.all([...new Set(ids)].map((id) => this.current(id)));
    return people.filter((person) => person !== undefined);
  }
}

/** Returns a function that gives the roster of the present config. After a change, concurrent callers share one reading. */
async function followRoster(deps: PeopleDeps): Promise<() => Promise<Roster>> {
  const { live } = deps;
  const read = (file: ConfigFile): Promise<Roster> => readRoster(file, deps);
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

function highest<T extends { role: Role }>(candidates: readonly T[]): T | undefined {
  return roles.toReversed().flatMap((role) => candidates.filter((each) => each.role === role))[0];
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((each) => others.includes(each));
}

/** The name of a person that the config does not list, such as `ada (T1/UADA)`. The ids make it unique. */
export function nameInSlack(identity: string, shown?: string): string {
  const account = identity.replace(/^slack:/, '');
  return shown === undefined ? account : `${shown} (${account})`;
}
