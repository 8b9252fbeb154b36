import type { Volume } from './table.ts';

/** What EcoLink evicts by itself. If both are undefined, it evicts nothing. */
export interface EvictionPolicy {
  keepDays: number | undefined;
  /** Per region. Volumes that are in use or pinned count, but are not evicted. */
  maximumBytes: number | undefined;
}

export interface Eviction {
  volume: Volume;
  why: string;
}

const dayMs = 24 * 3600_000;

/** The unused volumes of one region to evict, least recently used first. Pure. */
export function planEviction(
  volumes: readonly Volume[],
  inUse: ReadonlySet<string>,
  policy: EvictionPolicy,
  now: number,
): Eviction[] {
  const lastUse = (volume: Volume): number => (volume.lastUsedAt === undefined ? 0 : Date.parse(volume.lastUsedAt));
  const kept = volumes.filter((volume) => volume.state === 'ready' || volume.state === 'damaged');
  // Rests of downloads that nothing waits for. Their size is unknown, so it counts as 0.
  const rests = volumes.filter(
    ({ state, lastUsedAt }) => (state === 'partial' || state === 'failed') && lastUsedAt !== undefined,
  );
  const idle = [...kept, ...rests.map((volume) => ({ ...volume, bytes: 0 }))]
    .filter((volume) => !inUse.has(volume.key) && !volume.pinned && !volume.prefetch)
    .toSorted((a, b) => lastUse(a) - lastUse(b));
  const evictions: Eviction[] = [];
  let bytes = kept.reduce((sum, volume) => sum + volume.bytes, 0);
  for (const volume of idle) {
    const why = reason(volume, bytes, now - lastUse(volume), policy);
    if (why === undefined) continue;
    evictions.push({ volume, why });
    bytes -= volume.bytes;
  }
  return evictions;
}

function reason(volume: Volume, bytes: number, idleMs: number, policy: EvictionPolicy): string | undefined {
  const { keepDays, maximumBytes } = policy;
  if (keepDays !== undefined && idleMs > keepDays * dayMs)
    return `it was not used for ${Math.floor(idleMs / dayMs)} days; the policy keeps ${keepDays}`;
  if (maximumBytes !== undefined && bytes > maximumBytes)
    return `the region ${volume.region} holds more than the policy's ${Math.round(maximumBytes / 1024 ** 3)} GiB`;
  return undefined;
}
