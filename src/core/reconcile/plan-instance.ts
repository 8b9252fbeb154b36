import type { ObservedReplica } from '../region/region.ts';
import type { Reason } from '../base/reason.ts';
import type { VolumeState } from '../volumes/states.ts';
import type { InstanceState } from '../instances/states.ts';

/** One instance in one region: what is wanted, and what is there. */
export interface RegionView {
  desired: 'running' | 'stopped' | 'deleted';
  replicas: number;
  /** Undefined for a filesystem, which is read in place. */
  volume: { state: VolumeState; reason?: Reason } | undefined;
  observed: readonly ObservedReplica[];
}

export type RegionStep = 'apply' | 'remove' | 'erase' | 'want_volume' | 'none';

export interface RegionPlan {
  step: RegionStep;
  state: InstanceState;
  ready: number;
  restarts: number;
  reason?: Reason;
}

/** In a row. From here on an engine that keeps ending is called failed, though its restarts go on. */
const crashLoopRestarts = 3;

/** What to do for one instance in one region, and what to say of it. Pure. */
export function planRegion(view: RegionView): RegionPlan {
  const ready = view.observed.filter((replica) => replica.state === 'ready').length;
  const restarts = view.observed.reduce((sum, replica) => sum + replica.restarts, 0);
  const counts = { ready, restarts };
  if (view.desired !== 'running') return { ...planGone(view), ...counts };
  if (view.volume && view.volume.state !== 'ready')
    return { ...counts, step: 'want_volume', ...waitingFor(view.volume, ready) };
  return { ...counts, step: 'apply', ...serving(view, ready) };
}

function planGone(view: RegionView): Pick<RegionPlan, 'step' | 'state'> {
  if (view.observed.length > 0) return { step: 'remove', state: 'stopping' };
  return { step: view.desired === 'deleted' ? 'erase' : 'none', state: 'stopped' };
}

function waitingFor(
  volume: { state: VolumeState; reason?: Reason },
  ready: number,
): Pick<RegionPlan, 'state' | 'reason'> {
  const reason = volume.reason === undefined ? {} : { reason: volume.reason };
  if (volume.state === 'failed') return { state: 'failed', ...reason };
  // Deleted under replicas that run: they serve from it to their end, and none can be added.
  if (volume.state === 'evicting' && ready > 0) return { state: 'degraded', ...reason };
  return { state: volume.state === 'downloading' ? 'downloading' : 'pending', ...reason };
}

/** The tag of an image was moved between the starts of two replicas: they serve, and not the same. */
function mixed(observed: readonly ObservedReplica[]): Pick<RegionPlan, 'reason'> {
  const digests = new Map<string, string>();
  for (const { state, image } of observed) {
    if (state !== 'ready' || image === undefined) continue;
    const other = digests.get(image.of);
    if (other !== undefined && other !== image.digest) return { reason: movedTag(image.of, other, image.digest) };
    digests.set(image.of, image.digest);
  }
  return {};
}

function movedTag(image: string, one: string, other: string): Reason {
  const message = `The image ${image} was another when the last replica started: some run ${one}, some ${other}. A restart puts all on the one that it first ran.`;
  return { code: 'image_moved', message };
}

function serving(view: RegionView, ready: number): Pick<RegionPlan, 'state' | 'reason'> {
  const troubled = view.observed.find((replica) => replica.reason !== undefined);
  const reason = troubled?.reason === undefined ? {} : { reason: troubled.reason };
  if (ready >= view.replicas) return { state: 'running', ...mixed(view.observed) };
  if (ready > 0) return { state: 'degraded', ...reason };
  const stuck = view.observed.length > 0 && view.observed.every((replica) => replica.failed);
  if (stuck || view.observed.some(({ crashes, restarts }) => (crashes ?? restarts) >= crashLoopRestarts))
    return { state: 'failed', ...reason };
  return { state: 'starting', ...reason };
}
