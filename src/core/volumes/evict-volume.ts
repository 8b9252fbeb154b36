import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../base/errors.ts';
import type { Changes } from '../base/changes.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Region } from '../region/region.ts';
import type { Store } from '../store/store.ts';
import { findVolume, updateVolume, usersOfVolume } from './table.ts';
import type { Volume } from './table.ts';

export interface EvictDeps {
  store: Store;
  fleet: Fleet;
  changes: Changes;
  nudge: (key: { volume: string }) => void;
}

const patienceMs = 60_000;
const pollMs = 50;

/**
 * Frees a volume that nothing uses and answers with the bytes it held, as far as the region can tell. The decision is written
 * first and the reconciler, which alone works on the volume, carries it out: what wants the bytes meanwhile waits until they
 * are gone.
 */
export async function evictVolume(deps: EvictDeps, volume: Volume): Promise<number | undefined> {
  const held = await bytesOf(deps.fleet.region(volume.region), volume);
  await deps.store.transaction(async (transaction) => {
    const users = await usersOfVolume(transaction, volume.key);
    if (users.length > 0) throw volumeInUse(volume, users);
    const asked = { state: 'evicting', prefetch: false, pinned: false } as const;
    await updateVolume(transaction, volume.key, { ...asked, progress: null, reason: null, freedBytes: null });
  });
  deps.nudge({ volume: volume.key });
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const now = await findVolume(deps.store.db, volume.key);
    if (now?.state !== 'evicting') return now?.freedBytes ?? held;
    if (Date.now() > deadline) throw stillGoing(now);
    await delay(pollMs);
  }
}

/** The reconciler's half. */
export async function finishEviction(deps: Omit<EvictDeps, 'places'>, volume: Volume, region: Region): Promise<void> {
  const freed = await region.deleteVolume(volume.key);
  const gone = { state: 'absent', progress: null, reason: null, reached: 0, freedBytes: freed ?? null } as const;
  await updateVolume(deps.store.db, volume.key, gone);
  deps.nudge({ volume: volume.key });
  deps.changes.publish({ kind: 'volume', id: volume.key });
}

/** Before it goes: a region may not be able to say it any more when it is gone. */
async function bytesOf(region: Region, volume: Volume): Promise<number | undefined> {
  const observed = await region.observeVolume(volume.key);
  if (observed.state === 'absent') return 0;
  return observed.state === 'ready' ? observed.bytes : undefined;
}

function stillGoing({ key, reason }: Volume): Error {
  const why = reason === undefined ? '' : ` ${reason.message}`;
  return fail('eviction_pending', `The volume ${key} is being deleted and takes longer than a minute.${why}`, {
    nextStep: 'It goes on by itself: list_cache shows when it is gone.',
  });
}

export function volumeInUse(volume: Volume, users: readonly { id: number }[]): Error {
  const ids = [...new Set(users.map((user) => user.id))];
  const one = ids.length === 1;
  return fail(
    'volume_in_use',
    `The volume ${volume.key} in ${volume.region} is used by ${one ? 'instance' : 'instances'} ${ids.join(', ')}.`,
    { nextStep: `Stop ${one ? 'it' : 'them'} first.`, field: 'volume' },
  );
}
