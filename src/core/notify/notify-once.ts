import { claimNotice, noticeGiven, wasGiven } from './table.ts';
import type { Notice } from './table.ts';
import type { Store } from '../store/store.ts';

/** A server that has not finished telling by then is taken for dead, and another tells. */
const claimMs = 60_000;

/**
 * Tells people something once, whichever of several servers comes first and whatever restarts. Where `tell` fails, or
 * its server dies in the middle, it is tried again after a minute: told twice at worst, and never not at all.
 * Answers true once they are told, by whomever. False: another server is at it, or died of it, so look again.
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
