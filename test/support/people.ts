import { roles } from '../../src/core/base/caller.ts';
import type { Caller, Role, Scope } from '../../src/core/base/caller.ts';
import type { Core } from '../../src/core/core.ts';
import { inSlack } from './callers.ts';

/** For `ecolink.yaml`: one person of each role, named after it, besides whoever sits at this machine. */
export const onePersonOfEachRole = [
  'people:',
  ...roles.map((role) => `  - { name: ${role}, role: ${role}, identities: ["slack:T1/${role.toUpperCase()}"] }`),
  '',
].join('\n');

/** The person of that role, over plain HTTP, which reaches every operation. */
export async function callerWithRole(
  core: Core,
  role: Role,
  scopes: readonly Scope[] = ['call', 'read', 'operate'],
): Promise<Caller> {
  return { ...(await inSlack(core, role.toUpperCase())), source: 'http', scopes };
}
