import { cacheBytes } from './cache-bytes.ts';
import type { CacheOptions } from './cache-bytes.ts';
import type { KnownCache } from './cache-layers.ts';

/**
 * The longest sequence whose cache fits into `bytes` on each rank, at most `limit` tokens; undefined if not even one token
 * fits.
 */
export function longestContext(
  cache: KnownCache,
  bytes: number,
  limit: number,
  options: Omit<CacheOptions, 'contextLength'> = {},
): number | undefined {
  const fits = (contextLength: number) => cacheBytes(cache, { ...options, contextLength }).perRank <= bytes;
  if (!fits(1)) return undefined;
  let [low, high] = [1, limit];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
