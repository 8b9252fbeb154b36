import { fail } from '../base/errors.ts';
import { durationMs } from '../base/duration.ts';

const longestDays = 365;
const hourMs = 3_600_000;

/** The time at which an instance stops if it gets the duration `after` now. Throws `stop_after_too_long`. */
export function stopTime(after: string, now: Date): string {
  const afterMs = durationMs(after);
  if (afterMs <= longestDays * 24 * hourMs) return new Date(now.getTime() + afterMs).toISOString();
  throw fail('stop_after_too_long', `An instance can run for ${longestDays} days at most before it stops by itself.`, {
    nextStep: 'Give a shorter duration.',
    field: 'stop_after',
  });
}

/** The time of the warning to the owner: an hour before the end, or a quarter of `after` if that is shorter. */
export function warnTime(stopAt: string, after: string | undefined): string {
  const leadMs = after === undefined ? hourMs : Math.min(hourMs, durationMs(after) / 4);
  return new Date(Date.parse(stopAt) - leadMs).toISOString();
}

/** The longest time between a warning and the end. */
export const longestLeadMs = hourMs;
