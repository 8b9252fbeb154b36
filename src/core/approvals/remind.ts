import { tellOnce } from '../notify/notify-once.ts';
import type { Needs } from '../policy/decide.ts';
import { durationMs } from '../base/duration.ts';
import { dueReminders, endReminder, findApproval } from './table.ts';
import type { ApprovalDeps } from './dependencies.ts';

/** When approvers are told next: at the reminder, and when the escalation lets more people decide. */
export function nextReminder(needs: Needs, askedAt: Date, after: Date): string | undefined {
  const durations = [needs.remind_after, needs.escalate?.after].flatMap((duration) => duration ?? []);
  const times = durations.map((duration) => new Date(askedAt.getTime() + durationMs(duration)));
  const [next] = times.filter((time) => time > after).toSorted((a, b) => a.getTime() - b.getTime());
  return next?.toISOString();
}

/** Calls `tell` for each request whose reminder is due: once, across all servers and restarts. See `tellOnce`. */
export async function remind(
  deps: Pick<ApprovalDeps, 'store' | 'now'>,
  tell: (id: number, at: string) => Promise<void>,
): Promise<void> {
  const { db } = deps.store;
  const now = deps.now();
  for (const { id, remindAt } of await dueReminders(db, now.toISOString())) {
    const notice = { kind: 'approval', subject: id, about: `reminder ${remindAt}` } as const;
    const found = await findApproval(db, id);
    if (!found || !(await tellOnce(deps, notice, () => tell(id, remindAt)))) continue;
    await endReminder(db, id, remindAt, nextReminder(found.needs, new Date(found.askedAt), now));
  }
}
