import type { Caller } from '../base/caller.ts';
import type { Clock } from '../base/clock.ts';
import { run, say } from '../base/prose.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { fail } from '../base/errors.ts';
import type { Changes } from '../base/changes.ts';
import type { Region } from '../region/region.ts';
import type { Store } from '../store/store.ts';
import { listWithHidden, visibleTo } from '../access/visibility.ts';
import { findVolume, updateVolume, usersOfVolume } from './table.ts';
import type { Volume, VolumeUse } from './table.ts';

export interface EvictDeps {
  store: Store;
  changes: Changes;
  nudge: (key: { volume: string }) => void;
  clock: Clock;
}

/** A volume whose eviction is committed. */
export interface EvictedVolume {
  volume: string;
  /** Its size before. Undefined if the region could not tell. */
  held_bytes?: number;
}

const patienceMs = 60_000;
const pollMs = 50;

/**
 * Marks a volume for eviction, for the caller if there is one. Throws `volume_in_use` if an instance uses it. The reconciler deletes it. A launch that
 * needs it meanwhile waits, and then downloads it again.
 */
export async function requestEviction(
  deps: Pick<EvictDeps, 'nudge'>,
  volume: Volume,
  unit: UnitOfWork,
  caller?: Caller,
): Promise<void> {
  const users = await usersOfVolume(unit.db, volume.key);
  if (users.length > 0) throw volumeInUse(volume, users, caller);
  await updateVolume(unit.db, volume.key, {
    state: 'evicting',
    prefetch: false,
    pinned: false,
    progress: null,
    reason: null,
    freedBytes: null,
  });
  unit.afterCommit(() => deps.nudge({ volume: volume.key }));
}

/** Waits until the volume is gone. Returns the freed bytes, or undefined if unknown. Throws `eviction_pending` after a minute. */
export async function awaitEviction(
  { store, clock }: Pick<EvictDeps, 'store' | 'clock'>,
  { volume, held_bytes: bytesBefore }: EvictedVolume,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const deadline = clock.elapsedMs() + patienceMs;
  for (;;) {
    const now = await findVolume(store.db, volume);
    if (now?.state !== 'evicting') return now?.freedBytes ?? bytesBefore;
    if (clock.elapsedMs() > deadline || signal?.aborted === true) throw stillGoing(now);
    await clock.sleep(pollMs, signal);
  }
}

/** Deletes the volume from its region. For the reconciler only. */
export async function finishEviction(deps: EvictDeps, volume: Volume, region: Region): Promise<void> {
  const freed = await region.deleteVolume(volume.key);
  await updateVolume(deps.store.db, volume.key, {
    state: 'absent',
    progress: null,
    reason: null,
    reached: 0,
    freedBytes: freed ?? null,
  });
  deps.nudge({ volume: volume.key });
  deps.changes.publish({ kind: 'volume', id: volume.key });
}

/** Bytes in a volume. Undefined if the region cannot tell: ask before the eviction, because later it may not know. */
export async function bytesIn(region: Region, key: string): Promise<number | undefined> {
  const observed = await region.observeVolume(key);
  if (observed.state === 'absent') return 0;
  return observed.state === 'ready' ? observed.bytes : undefined;
}

function stillGoing({ key, reason }: Volume): Error {
  const why = reason === undefined ? '' : ` ${reason.message}`;
  return fail('eviction_pending', `The deletion of the volume ${key} takes longer than a minute.${why}`, {
    nextStep: say`It continues by itself. ${run('list_cache')} shows when the volume is gone.`,
  });
}

/** Names the instances that the caller may see, and counts the others. */
export function volumeInUse(volume: Volume, users: readonly VolumeUse[], caller: Caller | undefined): Error {
  const instances = [...new Map(users.map((user) => [user.id, user])).values()];
  const { shown, hidden } = visibleTo(instances, caller);
  const one = instances.length === 1;
  const named = listWithHidden(
    shown.map(({ id }) => String(id)),
    hidden,
  );
  return fail(
    'volume_in_use',
    `The volume ${volume.key} in ${volume.region} is used by ${shown.length === 0 ? '' : one ? 'instance ' : 'instances '}${named}.`,
    { nextStep: `Stop ${one ? 'it' : 'them'} first.`, field: 'volume' },
  );
}
