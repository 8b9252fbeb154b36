import type { KnownFacts, PolicyFacts } from './facts.ts';
import { isWithinHours } from './hours.ts';
import type { When } from './schema.ts';

/** Returns why a matcher does not fit, or undefined if it fits or the rule does not have it. */
type Matcher<F> = (when: When, facts: F) => string | undefined;

const overlap = (wanted: readonly string[], found: readonly string[] = []): boolean =>
  found.some((each) => wanted.includes(each));

/** These need no preview. */
const knownMatchers: Matcher<KnownFacts>[] = [
  ({ operations }, facts) =>
    operations && !operations.map(underscored).includes(facts.operation)
      ? `it is for ${operations.join(', ')}`
      : undefined,
  ({ roles }, facts) =>
    roles && !roles.includes(facts.role) ? `the role is ${facts.role}, not ${roles.join(' or ')}` : undefined,
  ({ agent }, facts) =>
    agent !== undefined && agent !== facts.agent
      ? `it is for ${agent ? 'agents, and a person asks' : 'people, and an agent asks'}`
      : undefined,
  ({ destroys }, facts) =>
    destroys !== undefined && facts.destroys !== undefined && destroys !== facts.destroys
      ? `the operation destroys ${facts.destroys ? 'something' : 'nothing'}`
      : undefined,
  ({ hours }, facts) =>
    hours && !isWithinHours(hours, facts.askedAt)
      ? `the call was not made between ${hours.from} and ${hours.to} (${hours.zone})`
      : undefined,
];

const previewMatchers: Matcher<PolicyFacts>[] = [
  ({ regions }, facts) =>
    regions && !overlap(regions, facts.regions) ? `it does not use the region ${regions.join(' or ')}` : undefined,
  ({ accelerators }, facts) =>
    accelerators && !overlap(accelerators, facts.accelerators)
      ? `it does not use the accelerator ${accelerators.join(' or ')}`
      : undefined,
  ({ gpus }, facts) =>
    gpus !== undefined && (facts.gpus === undefined || facts.gpus < gpus)
      ? `the requester would use ${facts.gpus ?? 'no'} accelerators, fewer than ${gpus}`
      : undefined,
  ({ cost_per_hour: limit }, facts) =>
    limit !== undefined && !isAbove(facts.costPerHour, limit)
      ? `the total cost of the requester would be ${facts.costPerHour ?? 'nothing'} per hour, not above ${limit}`
      : undefined,
  ({ model_bytes: limit }, facts) =>
    limit !== undefined && !(facts.modelBytes !== undefined && facts.modelBytes > limit)
      ? `the weights have ${facts.modelBytes ?? 'no'} bytes, not above ${limit}`
      : undefined,
  ({ licences }, facts) =>
    licences && !licences.some((each) => each.toLowerCase() === facts.licence?.toLowerCase())
      ? `the licence is ${facts.licence ?? 'not part of it'}`
      : undefined,
  ({ gated }, facts) =>
    gated !== undefined && gated !== facts.gated ? `the model is ${facts.gated ? '' : 'not '}gated` : undefined,
  ({ trust_remote_code: wanted }, facts) =>
    wanted !== undefined && wanted !== facts.trustRemoteCode
      ? `it ${facts.trustRemoteCode ? 'runs' : 'does not run'} code from the model`
      : undefined,
  ({ pickle: wanted }, facts) =>
    wanted !== undefined && wanted !== facts.pickle
      ? `${facts.pickle ? 'a' : 'no'} selected file is a pickle`
      : undefined,
  ({ stop_after: wanted }, facts) =>
    wanted !== undefined && wanted !== facts.stopAfter
      ? `it is for launches that ${wanted ? 'stop' : 'do not stop'} by themselves`
      : undefined,
  ({ adds }, facts) =>
    adds !== undefined && adds !== facts.adds
      ? `the operation adds ${facts.adds ? 'something' : 'nothing'}`
      : undefined,
];

/** Returns why a rule does not fit, or undefined if it fits. */
export function mismatch(when: When, facts: PolicyFacts): string | undefined {
  return firstMismatch(knownMatchers, when, facts) ?? firstMismatch(previewMatchers, when, facts);
}

/** The same without a preview: undefined also means that the rule may fit. */
export function knownMismatch(when: When, facts: KnownFacts): string | undefined {
  return firstMismatch(knownMatchers, when, facts);
}

/** True if the rule has matchers that need a preview. */
export function needsPreview(
  { operations: _o, roles: _r, agent: _a, destroys, hours: _h, ...rest }: When,
  facts: KnownFacts,
): boolean {
  if (destroys !== undefined && facts.destroys === undefined) return true;
  return Object.values(rest).some((matcher) => matcher !== undefined);
}

function firstMismatch<F>(matchers: readonly Matcher<F>[], when: When, facts: F): string | undefined {
  for (const matcher of matchers) {
    const why = matcher(when, facts);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** An unknown cost is above every limit. */
function isAbove(cost: number | null | undefined, limit: number): boolean {
  return cost === null || (cost !== undefined && cost > limit);
}

/** Rules may say `launch-instance` for `launch_instance`. */
function underscored(name: string): string {
  return name.replaceAll('-', '_');
}
