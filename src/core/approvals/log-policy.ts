import type { Access } from '../access/access.ts';
import type { Log } from '../base/log.ts';
import type { RuleSource } from '../policy/rules.ts';
import { isAlone } from './dependencies.ts';

/** A rule may name somebody whom only Slack knows. If nobody has that account and a role, the rule gives no approver. */
async function warnOfNobody({ policy = [], approvals }: RuleSource, access: Access, log: Log): Promise<void> {
  const sets = policy.flatMap(({ require }) => [require?.approvers, require?.escalate?.approvers]);
  const named = new Set([...sets.flatMap((set) => set?.people ?? []), ...approvals.break_glass]);
  for (const name of named) {
    if ((await access.membersOf({ people: [name] })).length > 0) continue;
    log.warn({ person: name }, 'The policy names a person who has no role here. They cannot approve anything.');
  }
}

/** Warns at every start if one person alone has a role: then approval protects little. */
export async function logPolicy({ policy, approvals }: RuleSource, access: Access, log: Log): Promise<void> {
  await warnOfNobody({ policy, approvals }, access, log);
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
