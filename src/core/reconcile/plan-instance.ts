import type { ObservedReplica } from '../region/region.ts';
import type { Reason } from '../base/reason.ts';
import type { VolumeState } from '../volumes/states.ts';
import type { InstanceState } from '../instances/states.ts';

/** One instance in one region: the desired and the observed state. */
export interface RegionView {
  desired: 'running' | 'stopped' | 'deleted';
  replicas: number;
  /** Undefined for a model on a filesystem, which engines read in place. */
  volume: { state: VolumeState; reason?: Reason } | undefined;
  observed: readonly ObservedReplica[];
}

export type RegionStep = 'apply' | 'remove' | 'erase' | 'request_volume' | 'none';

export interface RegionPlan {
  step: RegionStep;
  state: InstanceState;
  ready: number;
  restarts: number;
  reason?: Reason;
}

/** Restarts in a row after which the state is failed. The restarts go on. */
const crashLoopRestarts = 3;

/** The next step for one instance in one region, and its state. Pure. */
export function planRegion(view: RegionView): RegionPlan {
  const ready = view.observed.filter((replica) => replica.state === 'ready').length;
  const restarts = view.observed.reduce((sum, replica) => sum + replica.restarts, 0);
  const counts = { ready, restarts };
  if (view.desired !== 'running') return { ...planEnd(view), ...counts };
  if (view.volume && view.volume.state !== 'ready')
    return { ...counts, step: 'request_volume', ...waitingFor(view.volume, ready) };
  return { ...counts, step: 'apply', ...serving(view, ready) };
}

function planEnd(view: RegionView): Pick<RegionPlan, 'step' | 'state'> {
  if (view.observed.length > 0) return { step: 'remove', state: 'stopping' };
  return { step: view.desired === 'deleted' ? 'erase' : 'none', state: 'stopped' };
}

function waitingFor(
  volume: { state: VolumeState; reason?: Reason },
  ready: number,
): Pick<RegionPlan, 'state' | 'reason'> {
  const { reason } = volume;
  if (volume.state === 'failed') return { state: 'failed', reason };
  // Replicas that run go on with a volume that is being evicted. New ones cannot start.
  if (volume.state === 'evicting' && ready > 0) return { state: 'degraded', reason };
  return { state: volume.state === 'downloading' ? 'downloading' : 'pending', reason };
}

/** A reason if replicas run different images, because the tag was moved between their starts. */
function differentImages(observed: readonly ObservedReplica[]): Reason | undefined {
  const digests = new Map<string, string>();
  for (const { state, image } of observed) {
    if (state !== 'ready' || image === undefined) continue;
    const other = digests.get(image.of);
    if (other !== undefined && other !== image.digest) return movedTag(image.of, other, image.digest);
    digests.set(image.of, image.digest);
  }
  return undefined;
}

function movedTag(image: string, one: string, other: string): Reason {
  const message = `The tag of the image ${image} was moved: some replicas run ${one}, others ${other}. After a restart all run the image that the instance first ran.`;
  return { code: 'image_moved', message };
}

function serving(view: RegionView, ready: number): Pick<RegionPlan, 'state' | 'reason'> {
  const reason = view.observed.find((replica) => replica.reason !== undefined)?.reason;
  if (ready >= view.replicas) return { state: 'running', reason: differentImages(view.observed) };
  if (ready > 0) return { state: 'degraded', reason };
  const stuck = view.observed.length > 0 && view.observed.every((replica) => replica.failed);
  if (stuck || view.observed.some(({ crashes, restarts }) => (crashes ?? restarts) >= crashLoopRestarts))
    return { state: 'failed', reason };
  return { state: 'starting', reason };
}
