import type { StoragePiece } from '../region/region.ts';
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

/**
 * The unused volumes of one region to evict, least recently used first. Pure. `storage`: the pieces of volumes that share
 * storage. A piece counts once, and its bytes are free when its last volume goes.
 */
export function planEviction(
  volumes: readonly Volume[],
  inUse: ReadonlySet<string>,
  policy: EvictionPolicy,
  now: number,
  storage: ReadonlyMap<string, readonly StoragePiece[]> = new Map(),
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
  const piecesOf = ({ key, bytes }: Volume): readonly StoragePiece[] => storage.get(key) ?? [{ id: key, bytes }];
  const idleKeys = new Set(idle.map(({ key }) => key));
  const staying = new Set(
    kept.filter(({ key }) => !idleKeys.has(key)).flatMap((volume) => piecesOf(volume).map(({ id }) => id)),
  );
  const left = new Pieces(kept.map(piecesOf));
  for (const volume of idle) {
    const pieces = volume.bytes === 0 ? [] : piecesOf(volume);
    const canFree = pieces.some(({ id, bytes }) => bytes > 0 && !staying.has(id));
    const why = reason(volume, canFree || pieces.length === 0 ? left.bytes : 0, now - lastUse(volume), policy);
    if (why === undefined) continue;
    evictions.push({ volume, why });
    left.remove(pieces);
  }
  return evictions;
}

/** The storage of a region. Volumes may have pieces in common. */
class Pieces {
  readonly #users = new Map<string, number>();
  bytes = 0;

  constructor(volumes: readonly (readonly StoragePiece[])[]) {
    for (const { id, bytes } of volumes.flat()) {
      const users = this.#users.get(id) ?? 0;
      this.#users.set(id, users + 1);
      if (users === 0) this.bytes += bytes;
    }
  }

  remove(pieces: readonly StoragePiece[]): void {
    for (const { id, bytes } of pieces) {
      const users = this.#users.get(id) ?? 0;
      this.#users.set(id, users - 1);
      if (users === 1) this.bytes -= bytes;
    }
  }
}

function reason(volume: Volume, bytes: number, idleMs: number, policy: EvictionPolicy): string | undefined {
  const { keepDays, maximumBytes } = policy;
  if (keepDays !== undefined && idleMs > keepDays * dayMs)
    return `it was not used for ${Math.floor(idleMs / dayMs)} days; the policy keeps ${keepDays}`;
  if (maximumBytes !== undefined && bytes > maximumBytes)
    return `the region ${volume.region} holds more than the policy's ${Math.round(maximumBytes / 1024 ** 3)} GiB`;
  return undefined;
}
