import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { ObservedReplica } from '../../../region/region.ts';
import type { Reason } from '../../../base/reason.ts';
import { whyNotCreated } from '../api/events.ts';
import type { Live } from '../api/kinds.ts';
import { annotations } from '../api/names.ts';
import { crashesOf, isLost, isReady, isSilent, troubleOf } from '../pods/pod-reasons.ts';

/** A pod that ended for good, or went down with its node, is only a trace: its Deployment has made another. */
export function counts(pod: Live<V1Pod>): boolean {
  return !['Succeeded', 'Failed'].includes(pod.status?.phase ?? '') && !isLost(pod, Date.now());
}

export function replicaOf(
  pod: Live<V1Pod>,
  deployed: Live<V1Deployment> | undefined,
  urls: ReadonlyMap<string, string>,
  address: string | undefined,
): ObservedReplica {
  const base = {
    id: pod.metadata.name,
    ...(address === undefined ? {} : { address }),
    ...(isSilent(pod) ? { silent: true as const } : {}),
    restarts: (pod.status?.containerStatuses ?? []).reduce((sum, each) => sum + each.restartCount, 0),
    crashes: crashesOf(pod),
    ...imageOf(pod),
  };
  const url = urls.get(base.id);
  const takesCalls = isReady(pod) && url !== undefined ? { url } : undefined;
  if (!deployed || pod.metadata.deletionTimestamp !== undefined) return { ...base, state: 'stopping' };
  // Of before a restart: it takes calls until its successor is there, and is not what is waited for.
  if (generationOf(pod) !== generationOf(deployed.spec?.template)) return { ...base, ...takesCalls, state: 'stopping' };
  if (takesCalls) return { ...base, ...takesCalls, state: 'ready' };
  const trouble = troubleOf(pod);
  if (!trouble) return { ...base, state: 'starting' };
  const reason: Reason = { code: trouble.code, message: trouble.message };
  return { ...base, state: 'waiting', reason, ...(trouble.final ? { failed: true as const } : {}) };
}

function generationOf(made: { metadata?: { annotations?: Record<string, string> } } | undefined): string | undefined {
  return made?.metadata?.annotations?.[annotations.generation];
}

/** Nodes tell the digest by which they found the image; of one that was put there by hand they know none. */
function imageOf(pod: Live<V1Pod>): Pick<ObservedReplica, 'image'> {
  const of = pod.spec?.containers.find(({ name }) => name === 'engine')?.image;
  const found = pod.status?.containerStatuses?.find(({ name }) => name === 'engine')?.imageID;
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(found ?? '')?.[1];
  return of === undefined || digest === undefined ? {} : { image: { of, digest } };
}

/** Longer than this a pod that has its node takes to its first container only where something is in its way. */
const begunAfterMs = 10_000;

export function hangs(pod: Live<V1Pod>, now: number): boolean {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const begun = statuses.some(({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated);
  return pod.spec?.nodeName !== undefined && !begun && now > Date.parse(pod.metadata.creationTimestamp) + begunAfterMs;
}

/** What stands for the pods of a Deployment that are not there yet, or are not let in. */
export function notMade(deployed: Live<V1Deployment>): ObservedReplica {
  const { name } = deployed.metadata;
  const current = deployed.status?.observedGeneration === deployed.metadata.generation;
  const refusal = deployed.status?.conditions?.find((each) => each.type === 'ReplicaFailure' && each.status === 'True');
  if (!current || refusal?.message === undefined) return { id: name, state: 'starting', restarts: 0 };
  return { id: name, state: 'waiting', restarts: 0, reason: whyNotCreated(refusal.message), failed: true };
}
