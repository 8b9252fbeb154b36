import { roles } from '../../src/core/access/caller.ts';
import type { Caller, Role, Scope } from '../../src/core/access/caller.ts';
import type { Core } from '../../src/core/core.ts';

/** For `ecolink.yaml`: one person of each role, named after it, besides whoever sits at this machine. */
export const onePersonOfEachRole = [
  'people:',
  ...roles.map((role) => `  - { name: ${role}, role: ${role}, identities: ["slack:T1/${role.toUpperCase()}"] }`),
  '',
].join('\n');

/** The person of that role, as Slack brings them. */
export async function callerWithRole(
  core: Core,
  role: Role,
  scopes: readonly Scope[] = ['call', 'read', 'operate'],
): Promise<Caller> {
  const person = await core.access.personOfSlack('T1', role.toUpperCase());
  if (!person) throw new Error(`The config names nobody with the role ${role}`);
  return { person, identity: `slack:T1/${role.toUpperCase()}`, agent: false, mayDecide: true, source: 'http', scopes };
}
