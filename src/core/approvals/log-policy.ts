import type { Access } from '../access/access.ts';
import type { Log } from '../base/log.ts';
import type { RuleSource } from '../policy/rules.ts';
import { isAlone } from './dependencies.ts';

/** Said at every start: whether anything is held back at all, and where the boundary is not. */
export async function sayPolicy({ policy }: RuleSource, access: Access, log: Log): Promise<void> {
  if (!(await isAlone({ access }))) return;
  if (policy === undefined) {
    log.warn(
      'Nothing needs approval, agents included: ecolink.yaml has no "policy", and there is nobody but the person at this terminal.',
    );
    return;
  }
  log.warn(
    'There is one person: they approve at this terminal what the policy holds back. An agent with a shell here is not held apart from them; a server elsewhere does that.',
  );
}
