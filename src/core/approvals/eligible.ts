import type { Person } from '../base/caller.ts';
import type { Needs } from '../policy/decide.ts';
import { durationMs } from '../base/duration.ts';
import { isAlone } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';

/**
 * Whose approval counts now, by person id: whom every set of the requirement names. Never the requester, by whatever
 * identity and for what their agent asked too, unless the rule says so or there is nobody else at all.
 * Without a time of asking: whoever may decide at last, after every escalation.
 */
export async function eligibleFor(
  deps: Pick<ApprovalDeps, 'access' | 'now'>,
  needs: Needs,
  requester: string,
  askedAt: string | undefined,
): Promise<Map<string, Person>> {
  const sets = await Promise.all(needs.approvers.map((who) => deps.access.membersOf(who)));
  const [first = [], ...others] = sets;
  const named = first.filter(({ id }) => others.every((set) => set.some((person) => person.id === id)));
  const { escalate } = needs;
  if (escalate && (askedAt === undefined || deps.now().getTime() >= Date.parse(askedAt) + durationMs(escalate.after)))
    named.push(...(await deps.access.membersOf(escalate.approvers)));
  const inOrder = named.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const eligible = new Map(inOrder.map((person) => [person.id, person]));
  if (!needs.requester_may_approve && eligible.has(requester) && !(await isAlone(deps))) eligible.delete(requester);
  return eligible;
}
