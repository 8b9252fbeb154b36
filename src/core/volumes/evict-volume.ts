import { setTimeout as delay } from 'node:timers/promises';
import { conflict, unavailable } from '../errors.ts';
import type { Changes } from '../notify/changes.ts';
import type { Places } from '../regions/places.ts';
import type { Region } from '../regions/region.ts';
import type { Store } from '../store/store.ts';
import { findVolume, updateVolume, usersOfVolume } from '../store/volumes.ts';
import type { Volume } from '../store/volumes.ts';

export interface EvictParts {
  store: Store;
  places: Places;
  changes: Changes;
  nudge: (key: { volume: string }) => void;
}

const patienceMs = 60_000;
const pollMs = 50;

/**
 * Frees a volume that nothing uses and answers with the bytes it held. The decision is written first and the reconciler,
 * which alone works on the volume, carries it out: what wants the bytes meanwhile waits until they are gone.
 */
export async function evictVolume(parts: EvictParts, volume: Volume): Promise<number> {
  const held = await bytesOf(parts.places.region(volume.region), volume);
  await parts.store.transaction(async (transaction) => {
    const users = await usersOfVolume(transaction, volume.key);
    if (users.length > 0) throw volumeInUse(volume, users);
    await updateVolume(transaction, volume.key, { state: 'evicting', prefetch: false, progress: null, reason: null });
  });
  parts.nudge({ volume: volume.key });
  const deadline = Date.now() + patienceMs;
  while ((await findVolume(parts.store.db, volume.key))?.state === 'evicting') {
    if (Date.now() > deadline) throw stillGoing(volume);
    await delay(pollMs);
  }
  return held;
}

/** The reconciler's half. */
export async function finishEviction(parts: Omit<EvictParts, 'places'>, volume: Volume, region: Region): Promise<void> {
  await region.deleteVolume(volume.key);
  await updateVolume(parts.store.db, volume.key, { state: 'absent', pinned: false });
  parts.nudge({ volume: volume.key });
  parts.changes.publish({ kind: 'volume', id: volume.key });
}

async function bytesOf(region: Region, volume: Volume): Promise<number> {
  const observed = await region.observeVolume(volume.key);
  return observed.state === 'ready' || observed.state === 'partial' ? observed.bytes : (volume.progress?.done ?? 0);
}

function stillGoing(volume: Volume): Error {
  return unavailable('eviction_pending', `The volume ${volume.key} is being deleted and takes longer than a minute.`, {
    nextStep: 'It goes on by itself: list_cache shows when it is gone.',
  });
}

export function volumeInUse(volume: Volume, users: readonly { id: number }[]): Error {
  const ids = [...new Set(users.map((user) => user.id))];
  const one = ids.length === 1;
  return conflict(
    'volume_in_use',
    `The volume ${volume.key} in ${volume.region} is used by ${one ? 'instance' : 'instances'} ${ids.join(', ')}.`,
    { nextStep: `Stop ${one ? 'it' : 'them'} first.`, field: 'volume' },
  );
}
