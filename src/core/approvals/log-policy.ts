import type { Access } from '../access/access.ts';
import type { Log } from '../base/log.ts';
import type { RuleSource } from '../policy/rules.ts';
import { isAlone } from './dependencies.ts';

/** Warns at every start if one person alone has a role: then approval protects little. */
export async function logPolicy({ policy }: RuleSource, access: Access, log: Log): Promise<void> {
  if (!(await isAlone({ access }))) return;
  if (policy === undefined) {
    log.warn(
      'Nothing needs approval, calls of agents included: ecolink.yaml has no "policy", and only the person at this terminal has a role.',
    );
    return;
  }
  log.warn(
    'Only one person has a role. They approve at this terminal. An agent with a shell on this machine can act as them. Run the server on another machine to prevent that.',
  );
}
