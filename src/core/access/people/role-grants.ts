import type { UnitOfWork } from '../../store/unit-of-work.ts';
import { fail } from '../../base/errors.ts';
import type { NewId } from '../../base/ids.ts';
import { nearest } from '../../base/nearest.ts';
import { decodeCursor, pageOf } from '../../base/paging.ts';
import { run, say } from '../../base/prose.ts';
import { giveRole, grantOf, lockGrants, personWithIdentity, personsWithIdentity, takeRole } from './table.ts';
import type { Queries, Store } from '../../store/store.ts';
import { adminNames } from '../admin-names.ts';
import type { Caller, Role } from '../../base/caller.ts';
import { nameInSlack } from './people.ts';
import type { EffectiveRole, People } from './people.ts';

export interface GrantDeps {
  people: People;
  store: Store;
  now: () => Date;
  newId: NewId;
}

export interface RoleChange {
  /** A name, or an identity such as `slack:T1/U1`. */
  person: string;
  role: Role | 'none';
  /** Their name, if they are new. */
  name?: string | undefined;
}

/** Shows people to admins, and changes the roles of people that the config does not list. */
export type RoleGrants = ReturnType<typeof createRoleGrants>;

export function createRoleGrants(deps: GrantDeps) {
  return {
    list: (input: { cursor?: string | undefined; limit: number }) => list(deps, input),
    prepareChange: (input: RoleChange, caller: Caller) => prepareChange(deps, input, caller),
    commitChange: (change: PreparedRoleChange, unit: UnitOfWork) => commitChange(deps, change, unit),
  };
}

async function list({ people }: GrantDeps, input: { cursor?: string | undefined; limit: number }) {
  const after = decodeCursor(input.cursor, 'string');
  const everybody = (await people.everybody()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const items = await Promise.all(
    everybody
      .filter(({ name }) => after === undefined || name > after)
      .slice(0, input.limit + 1)
      .map(async ({ id, name, role }) => ({
        person: name,
        role,
        given_by: (await people.roleOf(id))?.by ?? '',
        identities: [...(await people.identitiesOf(id))],
      })),
  );
  return pageOf(
    items,
    input.limit,
    ({ person }) => person,
    (item) => item,
  );
}

/** A known person, or a Slack account that becomes a person. */
type Target = { id: string; name: string } | { identity: string; name: string };

export interface PreparedRoleChange {
  target: Target;
  role: Role | 'none';
  caller: Caller;
  /** True if the caller is an admin by a grant, which another admin may take away at the same moment. */
  byGrant: boolean;
}

async function prepareChange(deps: GrantDeps, input: RoleChange, caller: Caller): Promise<PreparedRoleChange> {
  const { people } = deps;
  const target = await find(deps, input);
  const id = 'id' in target ? target.id : undefined;
  if (id === caller.person.id) throw await ownRole(people, caller);
  const before = id === undefined ? undefined : await people.roleOf(id);
  if (before && !before.granted) throw overruled(target.name, before);
  const identities = 'id' in target ? await people.identitiesOf(target.id) : [target.identity];
  if (input.role !== 'none' && (await people.isShutOut(identities))) throw shutOut(target.name);
  const mine = await people.roleOf(caller.person.id);
  return { target, role: input.role, caller, byGrant: mine?.granted !== false };
}

async function commitChange({ now, newId }: GrantDeps, prepared: PreparedRoleChange, { db }: UnitOfWork) {
  const { target, role, caller, byGrant } = prepared;
  await lockGrants(db, [caller.person.id, ...('id' in target ? [target.id] : [])]);
  // If two admins take each other's role at the same moment, one of them is no admin any more.
  if (byGrant) await needAdmin(db, caller);
  const changed = await change(db, target, role, { givenBy: caller.person.name, at: now(), newId });
  return { person: target.name, role, state: changed ? ('changed' as const) : ('unchanged' as const) };
}

async function change(
  db: Queries,
  target: Target,
  role: Role | 'none',
  { givenBy, at, newId }: { givenBy: string; at: Date; newId: NewId },
): Promise<boolean> {
  if (role === 'none') return 'id' in target && takeRole(db, target.id);
  const id = 'id' in target ? target.id : await personWithIdentity(db, target.identity, target.name, { at, newId });
  if ((await grantOf(db, id))?.role === role) return false;
  await giveRole(db, id, { role, givenBy, givenAt: at.toISOString() });
  return true;
}

async function find({ people, store }: GrantDeps, { person, name }: RoleChange): Promise<Target> {
  if (person.startsWith('slack:')) {
    const id = await people.idOf(person);
    if (id === undefined) return { identity: person, name: nameInSlack(person, name) };
    return { id, name: (await people.nameOf(id)) ?? person };
  }
  const known = await personsWithIdentity(store.db);
  const wanted = person.toLowerCase();
  const exact = known.filter((each) => each.name === person);
  const matching = exact.length > 0 ? exact : known.filter((each) => plainName(each.name) === wanted);
  const [found, ...others] = matching;
  if (!found) throw unknown(person, known);
  if (others.length === 0) return found;
  throw fail('person_ambiguous', `"${person}" may be any of several people.`, {
    nextStep: say`Give the whole name or the identity. Both are in ${run('list_people')}.`,
    field: 'person',
    validValues: matching.map((each) => each.name),
  });
}

/** `ada (T1/UADA)` is also found as `ada`. */
function plainName(name: string): string {
  return name.replace(/ \([A-Z0-9]+\/[A-Z0-9]+\)$/, '').toLowerCase();
}

function unknown(person: string, known: readonly { name: string }[]): Error {
  const names = known.map((each) => each.name);
  const near = nearest(person.toLowerCase(), names.map(plainName));
  return fail('person_not_found', `There is nobody named "${person}" here.${near ? ` Did you mean "${near}"?` : ''}`, {
    nextStep: 'Name a new person by their account in Slack, such as slack:T0123/U0456.',
    field: 'person',
    validValues: names.slice(0, 20),
  });
}

function overruled(name: string, { role, by }: EffectiveRole): Error {
  return fail('role_overruled', `${name} has the role "${role}" from ${by}, which wins over what admins give.`, {
    nextStep: 'Change the role in ecolink.yaml. The server reads the file again by itself.',
    field: 'person',
  });
}

/** Nobody changes their own role, so there is always an admin left. */
async function ownRole(people: People, { person }: Caller): Promise<Error> {
  const others = (await people.membersOf({ roles: ['admin'] })).filter(({ id }) => id !== person.id);
  return fail('own_role', 'Nobody changes their own role, so that there is always an admin.', {
    nextStep:
      others.length > 0
        ? `Ask ${await adminNames({ membersOf: async () => others })}.`
        : 'You are the only admin: make another person admin first, and ask them to change your role.',
    field: 'person',
  });
}

function shutOut(name: string): Error {
  return fail('person_shut_out', `${name} is deactivated in Slack, a guest or a bot, and cannot have a role.`, {
    nextStep: 'Give the role to a full member of the workspace.',
    field: 'person',
  });
}

async function needAdmin(db: Queries, { person }: Caller): Promise<void> {
  if ((await grantOf(db, person.id))?.role === 'admin') return;
  throw fail(
    'role_missing',
    say`${run('set_role')} needs the role "admin"; ${person.name} does not have it any more.`,
    {
      nextStep: 'Ask an admin for the role.',
    },
  );
}
