import { userInfo } from 'node:os';
import type { z } from 'zod';
import { nearest } from '../base/nearest.ts';
import type { ApprovalsConfig, ApproverSet, PolicyRule } from '../policy/schema.ts';
import type { RegionConfig } from './region-settings.ts';

/** An operation, as the check of the policy's names sees it. */
export interface OperationForRules {
  name: string;
  /** False: the policy is never asked about it, so a rule that names it would do nothing. */
  heldBack: boolean;
  /** Undefined if it depends on the call whether it takes something away. */
  destroys: boolean | undefined;
}

interface PolicyFile {
  regions: readonly RegionConfig[];
  people: readonly { name: string; identities: readonly string[] }[];
  groups: readonly { name: string }[];
  policy?: readonly PolicyRule[] | undefined;
  approvals: ApprovalsConfig;
}

/** Names that exist. */
export interface Known {
  /** Such as `region`. */
  what: string;
  names: readonly string[];
  /** Names of another form that may exist too. */
  also?: RegExp;
  /** Says why a name is refused that exists. */
  refused?: (name: string) => string | undefined;
}

/** Somebody who is only known by a Slack account. EcoLink makes these names: `T1/U1`, or `ada (T1/U1)`. */
const slackName = /^(?:.+ \()?[A-Z][A-Z0-9]*\/[A-Z0-9]+\)?$/;

/** Everything that rules may name. */
export function knownNames(file: PolicyFile, operations: readonly OperationForRules[]) {
  const accelerators = new Set(file.regions.flatMap((region) => region.accelerators.map(({ name }) => name)));
  return {
    operations: knownOperations(operations),
    regions: { what: 'region', names: file.regions.map(({ name }) => name) },
    accelerators: { what: 'accelerator', names: [...accelerators] },
    people: knownPeople(file),
    groups: { what: 'group', names: file.groups.map(({ name }) => name) },
  };
}

/**
 * Refuses rules that name something which does not exist. Such a rule would never fit, and what it should hold back would
 * pass. `operations`: those of the catalogue. Without them, names of operations are not checked.
 */
export function checkPolicyNames(
  file: PolicyFile,
  operations: readonly OperationForRules[] | undefined,
  context: z.RefinementCtx,
): void {
  const known = knownNames(file, operations ?? []);
  const check = (of: Known, names: readonly string[] | undefined, path: PropertyKey[]): void =>
    refuseUnknown(of, names ?? [], path, context);
  const checkSet = (set: ApproverSet | undefined, path: PropertyKey[]): void => {
    check(known.people, set?.people, [...path, 'people']);
    check(known.groups, set?.groups, [...path, 'groups']);
  };
  for (const [index, { when, require }] of (file.policy ?? []).entries()) {
    const at = (...path: PropertyKey[]): PropertyKey[] => ['policy', index, ...path];
    if (operations) check(known.operations, when.operations, at('when', 'operations'));
    check(known.regions, when.regions, at('when', 'regions'));
    check(known.accelerators, when.accelerators, at('when', 'accelerators'));
    checkSet(require?.approvers, at('require', 'approvers'));
    checkSet(require?.escalate?.approvers, at('require', 'escalate', 'approvers'));
  }
  check(known.people, file.approvals.break_glass, ['approvals', 'break_glass']);
}

function knownOperations(operations: readonly OperationForRules[]): Known {
  return {
    what: 'operation',
    names: operations.flatMap(({ name, heldBack }) => (heldBack ? [name] : [])),
    refused: (name) =>
      operations.some((each) => each.name === name)
        ? `the policy is never asked about "${name}", so this rule would do nothing`
        : undefined,
  };
}

/** The people of the file, whoever Slack knows, and the account at the terminal if the file gives it no name. */
function knownPeople({ people }: Pick<PolicyFile, 'people'>): Known {
  const names = people.map(({ name }) => name);
  const account = userInfo().username;
  const atTerminal = people.some(({ identities }) => identities.includes('local'))
    ? []
    : [account, `${account} (local)`];
  return { what: 'person', names: [...names, ...atTerminal], also: slackName };
}

/** Complains about each name that does not exist. `path`: of the list in the file. */
export function refuseUnknown(
  known: Known,
  names: readonly string[],
  path: PropertyKey[],
  context: z.RefinementCtx,
): void {
  for (const [index, name] of names.entries()) refuseUnknownName(known, name, [...path, index], context);
}

export function refuseUnknownName(known: Known, written: string, path: PropertyKey[], context: z.RefinementCtx): void {
  // Rules may say `launch-instance` for `launch_instance`.
  const name = known.what === 'operation' ? written.replaceAll('-', '_') : written;
  if (known.names.includes(name) || known.also?.test(name)) return;
  const message = known.refused?.(name) ?? `there is no ${known.what} "${written}"`;
  const near = nearest(name, known.names);
  context.addIssue({ code: 'custom', path, message, params: { near, known: known.names } });
}
