import { distance } from 'fastest-levenshtein';

/** The candidate that was most likely meant. Undefined if none is similar. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const best = candidates.toSorted((a, b) => distance(a, typed) - distance(b, typed))[0];
  if (best === undefined) return undefined;
  return distance(best, typed) <= Math.max(2, Math.floor(typed.length / 3)) ? best : undefined;
}
