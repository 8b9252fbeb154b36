import { say, task } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import { wasGiven } from '../notify/table.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { urlOf } from './messages-table.ts';
import type { Approval } from './table.ts';

/** Where people decide on a request. The terminal is always there; a front end only if one is connected. */
export function whereDecided({ shownIn }: Pick<ApprovalDeps, 'shownIn'>, id: number, url: string | undefined): Prose {
  const terminal = task('approve_at_terminal', String(id));
  if (url !== undefined) return say`at ${url}, or there: ${terminal}`;
  const places = [...shownIn].map((place) => `in ${place}, or `).join('');
  return say`${places}there: ${terminal}`;
}

/** Slack usually answers within this time. A caller waits no longer for the address of the message. */
const patienceMs = 2000;
const lookMs = 100;

/** The address of the message that shows a request. For a new request, waits a moment until a front end has shown it. */
export async function urlSoon(
  { shownIn, store, clock }: Pick<ApprovalDeps, 'shownIn' | 'store' | 'clock'>,
  { id, state }: Pick<Approval, 'id' | 'state'>,
): Promise<string | undefined> {
  const deadline = clock.elapsedMs() + (shownIn.size > 0 && state === 'pending' ? patienceMs : 0);
  while (clock.elapsedMs() < deadline && !(await wasGiven(store.db, { kind: 'approval', subject: id, about: 'asked' })))
    await clock.sleep(lookMs);
  return urlOf(store.db, id);
}
