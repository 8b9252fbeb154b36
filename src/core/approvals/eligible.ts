import type { Person } from '../base/caller.ts';
import type { Needs } from '../policy/decide.ts';
import { durationMs } from '../base/duration.ts';
import { isAlone } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';

/**
 * People who may approve, by id: those in every approver set, and after the escalation also those it names. The
 * requester is left out, unless the rule allows it or nobody else has a role. Requests of the requester's agent are
 * requests of the requester. Without `askedAt`, everybody counts who may approve after the escalation.
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
