import { expect } from 'vitest';

/** Two limits on what one person holds: above a cost people decide, and from a number of accelerators on nobody may. */
export const limits = { cost: 13, gpus: 12, price: 2 };

export const limitsConfig = `
regions: [{ name: local, kind: local, accelerators: [{ name: h100, total: 1000 }] }]
prices: { h100: ${limits.price} }
people:
  - { name: root, role: admin, identities: [local] }
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
  - { name: max, role: member, identities: ["slack:T1/MAX"] }
approvals: { open_requests: 4 }
policy:
  - name: too many
    when: { gpus: ${limits.gpus} }
    deny: That is too many accelerators.
  - name: dear
    when: { cost_per_hour: ${limits.cost} }
    require: { approvers: { roles: [approver] } }
`;

/** A call and what came of it. `gpus`: what it adds. */
export interface Attempt {
  gpus: number;
  outcome: 'ran' | 'waits' | 'policy_denied' | 'too_many_requests' | 'changed_meanwhile';
}

export type Run = (operation: string, input: object) => Promise<Record<string, unknown>>;

/** Numbers from a seed, below a bound. */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What a call came to. Throws for an end that no limit explains. */
export async function attempt(run: Run, operation: string, input: object, gpus: number): Promise<Attempt> {
  try {
    const { state } = await run(operation, input);
    return { gpus, outcome: state === 'awaiting_approval' ? 'waits' : 'ran' };
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'policy_denied' || code === 'too_many_requests' || code === 'changed_meanwhile')
      return { gpus, outcome: code };
    throw thrown;
  }
}

/** Some order of the calls, one after the other, has this outcome: the sums never pass a limit, and no call is held back below one. */
export function expectAsInSequence(attempts: readonly Attempt[], gpusBefore: number): void {
  const sum = (outcome: Attempt['outcome']): number =>
    attempts.filter((each) => each.outcome === outcome).reduce((all, { gpus }) => all + gpus, 0);
  const running = gpusBefore + sum('ran');
  const all = running + sum('waits');
  expect(running * limits.price, 'what runs costs no more than the limit').toBeLessThanOrEqual(limits.cost);
  expect(all, 'what runs and waits is below the limit on accelerators').toBeLessThan(limits.gpus);
  for (const { outcome, gpus } of attempts) {
    // What a person holds only grows here: a call was held back at a moment when it held no more than at the end.
    if (outcome === 'waits') expect(all * limits.price, 'it waits for a reason').toBeGreaterThan(limits.cost);
    if (outcome === 'policy_denied')
      expect(all + gpus, 'it is denied for a reason').toBeGreaterThanOrEqual(limits.gpus);
  }
  const waiting = attempts.filter(({ outcome }) => outcome === 'waits').length;
  expect(waiting).toBeLessThanOrEqual(4);
  if (attempts.some(({ outcome }) => outcome === 'too_many_requests')) expect(waiting).toBe(4);
}
