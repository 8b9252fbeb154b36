import { say, task } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import { isRequestShown, urlOfRequest } from '../notify/outbox-table.ts';
import type { ApprovalDeps } from './dependencies.ts';
import type { Approval } from './table.ts';

/** Says where people decide: in the connected front ends, and always at the terminal. */
export function whereDecided({ shownIn }: Pick<ApprovalDeps, 'shownIn'>, id: number, url: string | undefined): Prose {
  const terminal = task('approve_at_terminal', String(id));
  if (url !== undefined) return say`at ${url}, or there: ${terminal}`;
  const frontEnds = [...shownIn].map((frontEnd) => `in ${frontEnd}, or `).join('');
  return say`${frontEnds}there: ${terminal}`;
}

/** Slack usually shows a message within this time. */
const urlWaitMs = 2000;
const pollMs = 100;

/** The address of the message that shows a request. For a pending request, waits shortly until a front end shows it. */
export async function waitForUrl(
  { shownIn, store, clock }: Pick<ApprovalDeps, 'shownIn' | 'store' | 'clock'>,
  { id, state }: Pick<Approval, 'id' | 'state'>,
): Promise<string | undefined> {
  const deadline = clock.elapsedMs() + (shownIn.size > 0 && state === 'pending' ? urlWaitMs : 0);
  while (clock.elapsedMs() < deadline && !(await isRequestShown(store.db, id))) await clock.sleep(pollMs);
  return urlOfRequest(store.db, id);
}
