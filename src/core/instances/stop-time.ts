import { fail } from '../base/errors.ts';
import { durationMs } from '../base/duration.ts';

const longestDays = 365;
const hourMs = 3_600_000;

/** When an instance stops by itself that is told to `after` now. Throws `stop_after_too_long`. */
export function stopTime(after: string, now: Date): string {
  const afterMs = durationMs(after);
  if (afterMs <= longestDays * 24 * hourMs) return new Date(now.getTime() + afterMs).toISOString();
  throw fail('stop_after_too_long', `An instance can be told to stop after ${longestDays} days at most.`, {
    nextStep: 'Give a shorter time.',
    field: 'stop_after',
  });
}

/** From when on its owner is warned: an hour before the end, of shorter spans a quarter of them. */
export function warnTime(stopAt: string, after: string | undefined): string {
  const leadMs = after === undefined ? hourMs : Math.min(hourMs, durationMs(after) / 4);
  return new Date(Date.parse(stopAt) - leadMs).toISOString();
}

/** No instance is warned of earlier than so long before its end. */
export const longestLeadMs = hourMs;
