import type { NamedRule } from './decide.ts';
import type { ApprovalsConfig, PolicyRule, Requirement } from './schema.ts';

const oneApprover: Requirement = {
  approvers: { roles: ['approver', 'admin'] },
  quorum: 1,
  ttl: '24h',
  reason_required: false,
  requester_may_approve: false,
};

/** What stands behind the rules of the config: agents ask for all that adds or destroys, people for what is dear. */
export function defaultRules(config: ApprovalsConfig): NamedRule[] {
  const limit = config.person_cost_per_hour;
  return [
    { name: 'default: an agent adds', when: { agent: true, adds: true }, require: oneApprover },
    { name: 'default: an agent destroys', when: { agent: true, destroys: true }, require: oneApprover },
    ...(limit === undefined
      ? []
      : [
          {
            name: `default: a person above ${limit} per hour`,
            when: {
              operations: ['launch_instance', 'scale_instance', 'restart_instance', 'extend_instance'],
              agent: false,
              adds: true,
              cost_per_hour: limit,
            },
            require: oneApprover,
          },
        ]),
  ];
}

export interface RuleSource {
  policy?: PolicyRule[] | undefined;
  approvals: ApprovalsConfig;
}

/**
 * The rules in their order: the config's, then the defaults. With no policy and nobody but the person at the terminal
 * there are none: nobody could approve who is not asked already.
 */
export function rulesOf({ policy, approvals }: RuleSource, alone: boolean): NamedRule[] {
  if (policy === undefined && alone) return [];
  const own = (policy ?? []).map((rule, index) => ({ ...rule, name: rule.name ?? `rule ${index + 1}` }));
  return [...own, ...defaultRules(approvals)];
}
