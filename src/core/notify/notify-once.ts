import type { Store } from '../store/store.ts';
import { claimNotice, noticeGiven, wasGiven } from './table.ts';
import type { Notice } from './table.ts';

/** If a server has not finished after this time, it counts as dead and another server tells. */
const claimMs = 60_000;

/**
 * Tells people something once, even with several servers and after restarts. If `tell` fails or its server dies, the
 * next call after a minute tries again: people may be told twice, but never not at all.
 * Returns true if they were told, by any server. Returns false if another server is telling them or died: call again later.
 */
export async function tellOnce(
  { store, now }: { store: Store; now: () => Date },
  notice: Notice,
  tell: () => Promise<void>,
): Promise<boolean> {
  const at = now();
  const until = new Date(at.getTime() + claimMs).toISOString();
  if (!(await claimNotice(store.db, notice, at.toISOString(), until))) return wasGiven(store.db, notice);
  await tell();
  await noticeGiven(store.db, notice, now().toISOString());
  return true;
}
