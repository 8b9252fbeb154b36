import { tellOnce } from '../notify/notify-once.ts';
import type { Needs } from '../policy/decide.ts';
import { durationMs } from '../base/duration.ts';
import { dueReminders, endReminder, findApproval } from './table.ts';
import type { ApprovalDeps } from './dependencies.ts';

/** When those who decide are told next: at the reminder, then when more people may decide. */
export function nextReminder(needs: Needs, askedAt: Date, after: Date): string | undefined {
  const spans = [needs.remind_after, needs.escalate?.after].flatMap((span) => span ?? []);
  const times = spans.map((span) => new Date(askedAt.getTime() + durationMs(span)));
  const [next] = times.filter((time) => time > after).toSorted((a, b) => a.getTime() - b.getTime());
  return next?.toISOString();
}

/** Calls `tell` for each request that it is time to remind of: once, across all servers and restarts; see `tellOnce`. */
export async function remind(
  deps: Pick<ApprovalDeps, 'store' | 'now'>,
  tell: (id: number) => Promise<void>,
): Promise<void> {
  const { db } = deps.store;
  const now = deps.now();
  for (const { id, remindAt } of await dueReminders(db, now.toISOString())) {
    const notice = { kind: 'approval', subject: id, about: `reminder ${remindAt}` } as const;
    const found = await findApproval(db, id);
    if (!found || !(await tellOnce(deps, notice, () => tell(id)))) continue;
    await endReminder(db, id, remindAt, nextReminder(found.needs, new Date(found.askedAt), now));
  }
}
