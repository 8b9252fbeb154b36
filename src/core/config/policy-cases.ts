import { z } from 'zod';
import { roles } from '../base/caller.ts';
import { considerRules } from '../policy/decide.ts';
import type { NamedRule, PolicyAnswer } from '../policy/decide.ts';
import type { PolicyFacts } from '../policy/facts.ts';
import { rulesOf } from '../policy/rules.ts';
import { reachVerdict } from '../policy/verdict.ts';
import { parseYaml } from './parse.ts';
import { knownNames, refuseUnknown, refuseUnknownName } from './policy-names.ts';
import type { Known, OperationForRules } from './policy-names.ts';
import type { ConfigFile } from './schema.ts';

/*
 * Examples of what the policy must allow, hold back and deny. A team keeps them in a file beside ecolink.yaml and tests
 * every change of its rules with them. Nothing is asked: no server, no region, no store.
 */

const names = z.array(z.string().min(1));

const callSchema = z.strictObject({
  operation: z.string().min(1),
  role: z.enum(roles).default('member'),
  agent: z.boolean().default(false),
  /** When the call is made, for rules with hours. */
  at: z.iso.datetime({ offset: true }).default('2026-01-07T12:00:00Z'),
});

/** The facts that rules are matched with, named as in `when`. A fact that is left out does not apply to the call. */
const factsSchema = z.strictObject({
  /** Required: rules for agents ask it, and a wrong default would hide a mistake. */
  adds: z.boolean(),
  /** Required for operations that take something away or not, such as scale_instance. */
  destroys: z.boolean().optional(),
  regions: names.optional(),
  accelerators: names.optional(),
  gpus: z.int().nonnegative().optional(),
  /** Null: the price is unknown. */
  cost_per_hour: z.number().nonnegative().nullish(),
  model_bytes: z.number().nonnegative().optional(),
  licence: z.string().optional(),
  gated: z.boolean().optional(),
  trust_remote_code: z.boolean().optional(),
  pickle: z.boolean().optional(),
  stop_after: z.boolean().optional(),
});

const expectSchema = z.strictObject({
  verdict: z.enum(['allow', 'ask', 'deny']),
  /** The name of the rule that answers. */
  rule: z.string().optional(),
  /** Exactly those that the rule names. */
  approvers: z
    .strictObject({ people: names.default([]), groups: names.default([]), roles: z.array(z.enum(roles)).default([]) })
    .optional(),
  quorum: z.int().min(1).optional(),
});

const caseSchema = z.strictObject({
  name: z.string().min(1).max(200),
  call: callSchema,
  facts: factsSchema,
  expect: expectSchema,
});

type PolicyCase = z.output<typeof caseSchema>;

export interface CaseResult {
  name: string;
  passed: boolean;
  /** What is not as expected. Empty if it passed. */
  problems: string[];
}

/** Decides the cases of a file by the rules of the configuration. Throws `bad_config` with the line of a mistake. */
export function runPolicyCases(
  text: string,
  path: string,
  file: ConfigFile,
  operations: readonly OperationForRules[],
): CaseResult[] {
  // As on a server that several people use. Alone and without a policy, there is no rule at all.
  const rules = rulesOf(file, false);
  const schema = casesSchema(file, rules, operations);
  const { cases } = parseYaml(text, path, schema, 'Correct that line. docs/policy.md explains the file.');
  return cases.map((each) => runCase(each, rules, operations));
}

function casesSchema(file: ConfigFile, rules: readonly NamedRule[], operations: readonly OperationForRules[]) {
  const known = knownNames(file, operations);
  const ruleNames = { what: 'rule', names: [...rules.map(({ name }) => name), 'no rule applies'] };
  return z.strictObject({ cases: z.array(caseSchema).min(1) }).superRefine(({ cases }, context) => {
    for (const [index, { call, facts, expect }] of cases.entries()) {
      const check = (of: Known, given: readonly string[] = [], ...at: string[]): void =>
        refuseUnknown(of, given, ['cases', index, ...at], context);
      const checkOne = (of: Known, name: string, ...at: string[]): void =>
        refuseUnknownName(of, name, ['cases', index, ...at], context);
      checkOne(known.operations, call.operation, 'call', 'operation');
      check(known.regions, facts.regions, 'facts', 'regions');
      check(known.accelerators, facts.accelerators, 'facts', 'accelerators');
      if (expect.rule !== undefined) checkOne(ruleNames, expect.rule, 'expect', 'rule');
      check(known.people, expect.approvers?.people, 'expect', 'approvers', 'people');
      check(known.groups, expect.approvers?.groups, 'expect', 'approvers', 'groups');
      if (facts.destroys !== undefined || destroysOf(call.operation, operations) !== undefined) continue;
      const message = `is needed: whether ${call.operation} takes something away depends on the call`;
      context.addIssue({ code: 'custom', path: ['cases', index, 'facts', 'destroys'], message });
    }
  });
}

/** Undefined if it depends on the call. */
function destroysOf(name: string, operations: readonly OperationForRules[]): boolean | undefined {
  const found = operations.find((each) => each.name === name.replaceAll('-', '_'));
  return found ? found.destroys : false;
}

function runCase(
  { name, call, facts, expect }: PolicyCase,
  rules: readonly NamedRule[],
  operations: readonly OperationForRules[],
): CaseResult {
  const known: PolicyFacts = {
    operation: call.operation.replaceAll('-', '_'),
    role: call.role,
    agent: call.agent,
    askedAt: new Date(call.at),
    destroys: destroysOf(call.operation, operations) ?? facts.destroys ?? false,
    adds: facts.adds,
    regions: facts.regions,
    accelerators: facts.accelerators,
    gpus: facts.gpus,
    costPerHour: facts.cost_per_hour,
    modelBytes: facts.model_bytes,
    licence: facts.licence,
    gated: facts.gated,
    trustRemoteCode: facts.trust_remote_code,
    pickle: facts.pickle,
    stopAfter: facts.stop_after,
  };
  const { answer } = reachVerdict(rules, known);
  const problems = problemsOf(expect, answer);
  const why = whyNot(expect.rule, rules, known);
  return { name, passed: problems.length === 0, problems: problems.length > 0 && why ? [...problems, why] : problems };
}

const words = { allow: 'allow', require: 'ask', deny: 'deny' } as const;

function problemsOf({ verdict, rule, approvers, quorum }: PolicyCase['expect'], answer: PolicyAnswer): string[] {
  const problems: string[] = [];
  const given = words[answer.answer];
  if (given !== verdict) problems.push(`expected ${verdict}, and "${answer.rule}" says ${given}`);
  else if (rule !== undefined && rule !== answer.rule)
    problems.push(`expected the rule "${rule}", and "${answer.rule}" answers`);
  if (answer.answer !== 'require') {
    if (given === verdict && (approvers ?? quorum) !== undefined) problems.push('nobody is asked, so nobody approves');
    return problems;
  }
  const { needs } = answer;
  if (quorum !== undefined && quorum !== needs.quorum)
    problems.push(`expected ${quorum} approvals, and it needs ${needs.quorum}`);
  const [set = {}] = needs.approvers;
  if (approvers !== undefined && setText(approvers) !== setText(set))
    problems.push(`expected as approvers ${setText(approvers)}, and the rule names ${setText(set)}`);
  return problems;
}

interface NamedSet {
  people?: readonly string[] | undefined;
  groups?: readonly string[] | undefined;
  roles?: readonly string[] | undefined;
}

function setText({ people = [], groups = [], roles: named = [] }: NamedSet): string {
  const parts = Object.entries({ people, groups, roles: named });
  const said = parts.flatMap(([what, list]) => (list.length === 0 ? [] : [`${what} ${list.toSorted().join(', ')}`]));
  return said.join('; ') || 'nobody';
}

/** Why the expected rule does not answer. */
function whyNot(expected: string | undefined, rules: readonly NamedRule[], facts: PolicyFacts): string | undefined {
  const considered = considerRules(rules, facts).find(({ rule }) => rule === expected);
  return considered?.mismatch === undefined ? undefined : `"${considered.rule}" does not fit: ${considered.mismatch}`;
}
