import type { ObservedReplica } from '../../../region/region.ts';
import { whyNotCreated } from '../api/events.ts';
import type { LiveOf, Pod } from '../api/kinds.ts';
import { annotations } from '../api/names.ts';
import { crashesOf, hasEnded, isLost, isReady, isSilent, problemOf } from '../pods/pod-problems.ts';

type Deployment = LiveOf<'Deployment'>;

/** False for a pod that ended for good or is on a lost node: its Deployment has made another. */
export function isActive(pod: Pod, nowMs: number): boolean {
  return !hasEnded(pod) && !isLost(pod, nowMs);
}

interface ReplicaContext {
  deployment: Deployment | undefined;
  /** The addresses of pods that the cluster counts as ready, by pod name. */
  urls: ReadonlyMap<string, string>;
  /** The pod's address, ready or not. */
  address: string | undefined;
}

export function replicaOf(pod: Pod, { deployment, urls, address }: ReplicaContext): ObservedReplica {
  const id = pod.metadata.name;
  const base = {
    id,
    address,
    silent: isSilent(pod) ? (true as const) : undefined,
    restarts: (pod.status?.containerStatuses ?? []).reduce((sum, each) => sum + each.restartCount, 0),
    crashes: crashesOf(pod),
    image: imageOf(pod),
  };
  const url = isReady(pod) ? urls.get(id) : undefined;
  if (!deployment || pod.metadata.deletionTimestamp !== undefined) return { ...base, state: 'stopping' };
  // A pod from before a restart takes calls until its successor is ready. Nobody waits for it.
  if (generationOf(pod) !== generationOf(deployment.spec?.template)) return { ...base, url, state: 'stopping' };
  if (url !== undefined) return { ...base, url, state: 'ready' };
  const problem = problemOf(pod);
  if (!problem) return { ...base, state: 'starting' };
  const { code, message, final } = problem;
  return { ...base, state: 'waiting', reason: { code, message }, failed: final ? true : undefined };
}

function generationOf(object: { metadata?: { annotations?: Record<string, string> } } | undefined): string | undefined {
  return object?.metadata?.annotations?.[annotations.generation];
}

/** A node reports the digest under which it pulled an image. It knows none for an image that was loaded by hand. */
function imageOf(pod: Pod): ObservedReplica['image'] {
  const name = pod.spec?.containers.find((each) => each.name === 'engine')?.image;
  const id = pod.status?.containerStatuses?.find((each) => each.name === 'engine')?.imageID;
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(id ?? '')?.[1];
  return name === undefined || digest === undefined ? undefined : { of: name, digest };
}

/** If a pod that has a node starts no container within this time, something is wrong. In milliseconds. */
const startedAfterMs = 10_000;

/** True if the pod has had a node for a while and no container has started. `nowMs`: the wall clock. */
export function isStuckBeforeStart(pod: Pod, nowMs: number): boolean {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const hasStarted = statuses.some(
    ({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated,
  );
  const ageMs = nowMs - Date.parse(pod.metadata.creationTimestamp);
  return pod.spec?.nodeName !== undefined && !hasStarted && ageMs > startedAfterMs;
}

/** Stands for the pods that a Deployment still lacks: they are not created yet, or the cluster refuses them. */
export function missingReplica(deployment: Deployment): ObservedReplica {
  const { name: id, generation } = deployment.metadata;
  const isCurrent = deployment.status?.observedGeneration === generation;
  const failure = deployment.status?.conditions?.find(
    (each) => each.type === 'ReplicaFailure' && each.status === 'True',
  );
  if (!isCurrent || failure?.message === undefined) return { id, state: 'starting', restarts: 0 };
  return { id, state: 'waiting', restarts: 0, reason: whyNotCreated(failure.message), failed: true };
}
