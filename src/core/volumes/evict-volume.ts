import type { Clock } from '../base/clock.ts';
import { run, say } from '../base/prose.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { fail } from '../base/errors.ts';
import type { Changes } from '../base/changes.ts';
import type { Region } from '../region/region.ts';
import type { Store } from '../store/store.ts';
import { findVolume, updateVolume, usersOfVolume } from './table.ts';
import type { Volume } from './table.ts';

export interface EvictDeps {
  store: Store;
  changes: Changes;
  nudge: (key: { volume: string }) => void;
  clock: Clock;
}

/** A volume whose eviction is committed. */
export interface EvictedVolume {
  volume: string;
  /** Bytes that it held before; undefined if the region could not tell. */
  held_bytes?: number | undefined;
}

const patienceMs = 60_000;
const pollMs = 50;

/**
 * Decides that a volume goes, unless an instance uses it. The reconciler alone works on volumes and carries it out. What
 * needs the bytes meanwhile waits until they are gone.
 */
export async function askEviction(deps: Pick<EvictDeps, 'nudge'>, volume: Volume, unit: UnitOfWork): Promise<void> {
  const users = await usersOfVolume(unit.db, volume.key);
  if (users.length > 0) throw volumeInUse(volume, users);
  const asked = { state: 'evicting', prefetch: false, pinned: false } as const;
  await updateVolume(unit.db, volume.key, { ...asked, progress: null, reason: null, freedBytes: null });
  unit.afterCommit(() => deps.nudge({ volume: volume.key }));
}

/** Waits until the volume is gone. Answers with the bytes it freed; undefined if the region cannot tell. Throws `eviction_pending` after a minute. */
export async function evictionOf(
  { store, clock }: Pick<EvictDeps, 'store' | 'clock'>,
  { volume, held_bytes: held }: EvictedVolume,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const deadline = clock.elapsedMs() + patienceMs;
  for (;;) {
    const now = await findVolume(store.db, volume);
    if (now?.state !== 'evicting') return now?.freedBytes ?? held;
    if (clock.elapsedMs() > deadline || signal?.aborted === true) throw stillGoing(now);
    await clock.sleep(pollMs, signal);
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

/** Bytes in a volume; undefined if the region cannot tell. Ask before the eviction: later the region may not know. */
export async function bytesIn(region: Region, key: string): Promise<number | undefined> {
  const observed = await region.observeVolume(key);
  if (observed.state === 'absent') return 0;
  return observed.state === 'ready' ? observed.bytes : undefined;
}

function stillGoing({ key, reason }: Volume): Error {
  const why = reason === undefined ? '' : ` ${reason.message}`;
  return fail('eviction_pending', `The volume ${key} is being deleted and takes longer than a minute.${why}`, {
    nextStep: say`It goes on by itself. ${run('list_cache')} shows when it is gone.`,
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
