import type { KnownFacts, PolicyFacts } from './facts.ts';
import { within } from './hours.ts';
import type { When } from './schema.ts';

type Test<F> = (when: When, facts: F) => string | undefined;

const overlap = (wanted: readonly string[], has: readonly string[] | undefined): boolean =>
  has?.some((each) => wanted.includes(each)) ?? false;

/** Each answers with why the rule does not fit, or nothing. These look at what is known without a preview. */
const cheap: Test<KnownFacts>[] = [
  ({ operations }, facts) =>
    operations && !operations.map(underscored).includes(facts.operation)
      ? `it is about ${operations.join(', ')}`
      : undefined,
  ({ roles }, facts) =>
    roles && !roles.includes(facts.role) ? `the role is ${facts.role}, not ${roles.join(' or ')}` : undefined,
  ({ agent }, facts) =>
    agent !== undefined && agent !== facts.agent
      ? `it is about ${agent ? 'agents, and a person asks' : 'people, and an agent asks'}`
      : undefined,
  ({ destroys }, facts) =>
    destroys !== undefined && destroys !== facts.destroys
      ? `the operation takes ${facts.destroys ? 'something' : 'nothing'} away`
      : undefined,
  ({ hours }, facts) =>
    hours && !within(hours, facts.askedAt)
      ? `it was not asked between ${hours.from} and ${hours.to} (${hours.zone})`
      : undefined,
];

const costly: Test<PolicyFacts>[] = [
  ({ regions }, facts) =>
    regions && !overlap(regions, facts.regions) ? `no region of it is ${regions.join(' or ')}` : undefined,
  ({ accelerators }, facts) =>
    accelerators && !overlap(accelerators, facts.accelerators)
      ? `no accelerator of it is ${accelerators.join(' or ')}`
      : undefined,
  ({ gpus }, facts) =>
    gpus !== undefined && (facts.gpus === undefined || facts.gpus < gpus)
      ? `the requester would hold ${facts.gpus ?? 'no'} accelerators, fewer than ${gpus}`
      : undefined,
  ({ cost_per_hour: limit }, facts) =>
    limit !== undefined && !isAbove(facts.costPerHour, limit)
      ? `the requester's total would be ${facts.costPerHour ?? 'no cost'} per hour, not above ${limit}`
      : undefined,
  ({ model_bytes: limit }, facts) =>
    limit !== undefined && !(facts.modelBytes !== undefined && facts.modelBytes > limit)
      ? `the weights have ${facts.modelBytes ?? 'no'} bytes, not above ${limit}`
      : undefined,
  ({ licences }, facts) =>
    licences && !licences.some((each) => each.toLowerCase() === facts.licence?.toLowerCase())
      ? `the licence is ${facts.licence ?? 'no part of it'}`
      : undefined,
  ({ gated }, facts) =>
    gated !== undefined && gated !== facts.gated ? `the model is ${facts.gated ? '' : 'not '}gated` : undefined,
  ({ trust_remote_code: wanted }, facts) =>
    wanted !== undefined && wanted !== facts.trustRemoteCode
      ? `it ${facts.trustRemoteCode ? 'runs' : 'does not run'} code that came with the model`
      : undefined,
  ({ pickle: wanted }, facts) =>
    wanted !== undefined && wanted !== facts.pickle
      ? `its weights are ${facts.pickle ? '' : 'not '}pickle files`
      : undefined,
  ({ stop_after: wanted }, facts) =>
    wanted !== undefined && wanted !== facts.stopAfter
      ? `it is about what ${wanted ? 'stops' : 'never stops'} by itself`
      : undefined,
  ({ adds }, facts) =>
    adds !== undefined && adds !== facts.adds
      ? `the operation adds ${facts.adds ? 'something' : 'nothing'}`
      : undefined,
];

/** Why a rule does not fit, as far as that can be told without a preview. */
export function cheapMismatch(when: When, facts: KnownFacts): string | undefined {
  return firstOf(cheap, when, facts);
}

export function mismatch(when: When, facts: PolicyFacts): string | undefined {
  return firstOf(cheap, when, facts) ?? firstOf(costly, when, facts);
}

/** True where a rule fits or does not by what is known without a preview. */
export function isCheap({ operations: _o, roles: _r, agent: _a, destroys: _d, hours: _h, ...rest }: When): boolean {
  return Object.values(rest).every((matcher) => matcher === undefined);
}

function firstOf<F>(tests: readonly Test<F>[], when: When, facts: F): string | undefined {
  for (const test of tests) {
    const why = test(when, facts);
    if (why !== undefined) return why;
  }
  return undefined;
}

function isAbove(cost: number | null | undefined, limit: number): boolean {
  return cost === null || (cost !== undefined && cost > limit);
}

/** `launch-instance` is accepted for `launch_instance`. */
function underscored(name: string): string {
  return name.replaceAll('-', '_');
}
