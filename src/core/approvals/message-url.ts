import { setTimeout as delay } from 'node:timers/promises';
import { urlOf } from './messages-table.ts';
import { wasGiven } from '../notify/table.ts';
import type { Approval } from './table.ts';
import type { ApprovalDeps } from './dependencies.ts';

/** Where a person decides on a request, in words. The command line is always there; a front end only where one is on. */
export function whereDecided({ shownIn }: Pick<ApprovalDeps, 'shownIn'>, id: number, url: string | undefined): string {
  const terminal = `with ecolink approve-request ${id}, at the server's own terminal or with a token made with --may-decide`;
  if (url !== undefined) return `at ${url} or ${terminal}`;
  return [...shownIn].map((place) => `in ${place} or `).join('') + terminal;
}

/** Slack answers within this, as a rule; who asks waits no longer for where it was shown. */
const patienceMs = 2000;
const lookMs = 100;

/** The address at which a request is shown; of a new one as soon as a front end has shown it, or has not in time. */
export async function urlSoon(
  { shownIn, store }: Pick<ApprovalDeps, 'shownIn' | 'store'>,
  { id, state }: Pick<Approval, 'id' | 'state'>,
): Promise<string | undefined> {
  const deadline = Date.now() + (shownIn.size > 0 && state === 'pending' ? patienceMs : 0);
  while (Date.now() < deadline && !(await wasGiven(store.db, { kind: 'approval', subject: id, about: 'asked' })))
    await delay(lookMs);
  return urlOf(store.db, id);
}
