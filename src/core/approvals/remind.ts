import type { Needs } from '../policy/decide.ts';
import { spanMs } from '../span.ts';
import { dueReminders, findApproval, takeReminder } from '../store/approvals.ts';
import type { ApprovalParts } from './parts.ts';

/** When those who decide are told next: at the reminder, then when more people may decide. */
export function nextReminder(needs: Needs, askedAt: Date, after: Date): string | undefined {
  const spans = [needs.remind_after, needs.escalate?.after].flatMap((span) => span ?? []);
  const times = spans.map((span) => new Date(askedAt.getTime() + spanMs(span)));
  const [next] = times.filter((time) => time > after).toSorted((a, b) => a.getTime() - b.getTime());
  return next?.toISOString();
}

/** Requests to remind of now. Each reminder is given to one asker, on one server, once. */
export async function takeReminders(parts: Pick<ApprovalParts, 'store' | 'now'>): Promise<number[]> {
  const { db } = parts.store;
  const now = parts.now();
  const taken: number[] = [];
  for (const { id, remindAt } of await dueReminders(db, now.toISOString())) {
    const found = await findApproval(db, id);
    if (!found) continue;
    if (await takeReminder(db, id, remindAt, nextReminder(found.needs, new Date(found.askedAt), now))) taken.push(id);
  }
  return taken;
}
