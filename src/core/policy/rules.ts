import type { NamedRule } from './decide.ts';
import type { ApprovalsConfig, PolicyRule, Requirement } from './schema.ts';

const oneApprover: Requirement = {
  approvers: { roles: ['approver', 'admin'] },
  quorum: 1,
  ttl: '24h',
  reason_required: false,
  requester_may_approve: false,
};

/** Rules after those of the config: agents need approval to add or destroy, people need it above a cost. */
export function defaultRules(config: ApprovalsConfig): NamedRule[] {
  const limit = config.person_cost_per_hour;
  const forAgents: NamedRule[] = [
    { name: 'default: an agent adds', when: { agent: true, adds: true }, require: oneApprover },
    { name: 'default: an agent destroys', when: { agent: true, destroys: true }, require: oneApprover },
  ];
  return limit === undefined ? forAgents : [...forAgents, costRule(limit)];
}

function costRule(limit: number): NamedRule {
  return {
    name: `default: a person above ${limit} per hour`,
    when: {
      operations: ['launch_instance', 'scale_instance', 'restart_instance', 'extend_instance'],
      agent: false,
      adds: true,
      cost_per_hour: limit,
    },
    require: oneApprover,
  };
}

export interface RuleSource {
  policy?: PolicyRule[] | undefined;
  approvals: ApprovalsConfig;
}

/**
 * The rules in order: those of the config, then the defaults. Without a policy, and with only the person at the
 * terminal, there are none: nobody else could approve.
 */
export function rulesOf({ policy, approvals }: RuleSource, isAlone: boolean): NamedRule[] {
  if (policy === undefined && isAlone) return [];
  const own = (policy ?? []).map((rule, index) => ({ ...rule, name: rule.name ?? `rule ${index + 1}` }));
  return [...own, ...defaultRules(approvals)];
}
