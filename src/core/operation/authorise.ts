import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import type { Operation } from './operation.ts';
import type { Access } from '../access/access.ts';
import { atLeast } from '../base/caller.ts';
import type { Caller, Role } from '../base/caller.ts';
import { adminNames } from '../access/admin-names.ts';
import { needDecider, needScope } from '../access/rights.ts';

/** The owner of the model or instance of a call: the caller, another person, or another person who made it private. */
export const ownerships = ['own', 'others', 'private'] as const;
export type Ownership = (typeof ownerships)[number];

/** The lowest role that may run the operation. docs/roles.md shows it. */
export function roleFor({ role, others }: Operation, ownership: Ownership): Role {
  const overrides = others === 'admin' ? ownership !== 'own' : others === 'visible' && ownership === 'private';
  return overrides ? 'admin' : role;
}

/**
 * Returns the caller with their present role. The operation checks ownership itself. Throws `no_role`, `role_missing`,
 * `scope_missing`, `not_offered_here`, `may_not_decide`.
 */
export async function authorise(operation: Operation, caller: Caller, access: Access): Promise<Caller> {
  needOffer(operation, caller);
  return authoriseAgain(operation, caller, access);
}

/** The same for an approved run. The front end was checked when the request was made. */
export async function authoriseAgain(operation: Operation, caller: Caller, access: Access): Promise<Caller> {
  needScope(caller, operation.effect === 'read' ? 'read' : 'operate', operation.name);
  if (operation.decides) needDecider(caller);
  const person = await access.current(caller.person.id);
  if (!person) {
    throw fail('no_role', `${caller.person.name} has no role here any more.`, {
      nextStep: say`Ask ${await adminNames(access)} for a role. ${whereRolesAre}`,
    });
  }
  if (atLeast(person.role, operation.role)) return { ...caller, person };
  throw fail(
    'role_missing',
    say`${run(operation.name)} needs the role "${operation.role}". ${person.name} has the role "${person.role}".`,
    { nextStep: say`Ask ${await adminNames(access)} for the role. ${whereRolesAre}` },
  );
}

const whereRolesAre = say`Admins give roles with ${run('set_role')}, or under "people" and "groups" in ecolink.yaml.`;

/** Plain HTTP offers every operation. The other front ends offer those that name them. */
function needOffer(operation: Operation, { source }: Caller): void {
  if (source === 'http' || source === 'system' || operation.frontEnds.includes(source)) return;
  throw fail('not_offered_here', say`${run(operation.name)} is not offered in ${source}.`, {
    nextStep: `Use one of these: ${operation.frontEnds.join(', ')}.`,
  });
}
