import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Reason } from '../../../base/reason.ts';
import type { Live } from '../api/kinds.ts';

export interface Trouble extends Reason {
  /** Waiting does not help. */
  final: boolean;
}

/** What keeps a pod from running, from its own conditions and statuses; undefined where nothing does. Pure. */
export function troubleOf(pod: Live<V1Pod>): Trouble | undefined {
  return notPlaced(pod) ?? notStarted(pod) ?? ended(pod) ?? notReady(pod) ?? thrownOut(pod);
}

/** From so many ends in a row on it is a loop. */
export const crashLoop = 3;
/** More than it takes to end an engine that did not start in time. */
const graceSeconds = 30;

/**
 * How often the engine ended in a row without having served in between. The count that Kubernetes keeps never goes back:
 * a run that was longer than a start may take was one of service.
 */
export function crashesOf(pod: Live<V1Pod>): number {
  const counts = (pod.status?.containerStatuses ?? []).map((status) => {
    const last = status.state?.terminated ?? status.lastState?.terminated;
    if (hasStarted(status)) return 0;
    if (!last?.startedAt || !last.finishedAt) return status.restartCount;
    const ranMs = Date.parse(String(last.finishedAt)) - Date.parse(String(last.startedAt));
    return ranMs > startMs(pod, status.name) ? Math.min(status.restartCount, 1) : status.restartCount;
  });
  return Math.max(0, ...counts);
}

function hasStarted({ state, started }: V1ContainerStatus): boolean {
  return state?.running !== undefined && started === true;
}

function startMs(pod: Live<V1Pod>, container: string): number {
  const probe = pod.spec?.containers.find((each) => each.name === container)?.startupProbe;
  return ((probe?.failureThreshold ?? 0) * (probe?.periodSeconds ?? 0) + graceSeconds) * 1000;
}

function statusesOf(pod: Live<V1Pod>): V1ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** A reason, never a failure: nodes may be on their way. The sentence is the scheduler's own. */
function notPlaced(pod: Live<V1Pod>): Trouble | undefined {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const message = scheduled.message ?? 'no node fits';
  if (/unbound immediate PersistentVolumeClaims|persistentvolumeclaim "[^"]*" not found/.test(message))
    return { code: 'volume_not_bound', message: `The volume is not there yet: ${message}.`, final: false };
  return { code: 'unschedulable', message: `No node takes it: ${message.replace(/\.$/, '')}.`, final: false };
}

const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
]);
const configReasons = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

function notStarted(pod: Live<V1Pod>): Trouble | undefined {
  for (const { image, state } of statusesOf(pod)) {
    const waiting = state?.waiting;
    if (waiting?.reason === undefined) continue;
    const said = waiting.message ?? waiting.reason;
    if (imageReasons.has(waiting.reason))
      return { code: 'image_pull_failed', message: `The image ${image} cannot be pulled: ${said}`, final: true };
    if (configReasons.has(waiting.reason))
      return { code: 'container_not_started', message: `The container cannot be started: ${said}`, final: true };
  }
  return undefined;
}

/** Engines say why they end in their last lines, which the termination message holds. */
function ended(pod: Live<V1Pod>): Trouble | undefined {
  for (const status of statusesOf(pod)) {
    const last = status.state?.terminated ?? (hasStarted(status) ? undefined : status.lastState?.terminated);
    if (!last || last.exitCode === 0) continue;
    if (last.reason === 'OOMKilled') {
      const limit = limitOf(pod, status.name);
      return {
        code: 'out_of_memory',
        message: `It was killed for memory${limit === undefined ? '' : `: its limit is ${limit}`}.`,
        final: false,
      };
    }
    if (status.name === 'check') return { code: 'volume_incomplete', message: lastLines(last.message), final: false };
    const lines = lastLines(last.message);
    const said = `with status ${last.exitCode}${lines === '' ? '' : `: ${lines}`}`;
    const crashes = crashesOf(pod);
    if (crashes < crashLoop) return { code: 'crashed', message: `It ended ${said}`, final: false };
    return { code: 'crash_loop', message: `It ended ${crashes} times in a row, the last time ${said}`, final: false };
  }
  return undefined;
}

/** It got as far as serving, and its check fails now: overloaded, or stuck. */
function notReady(pod: Live<V1Pod>): Trouble | undefined {
  const status = pod.status?.containerStatuses?.find((each) => hasStarted(each) && !each.ready);
  if (!status) return undefined;
  return { code: 'not_ready', message: 'It runs, but does not answer its readiness check.', final: false };
}

function limitOf(pod: Live<V1Pod>, container: string): string | undefined {
  return pod.spec?.containers.find((each) => each.name === container)?.resources?.limits?.['memory'];
}

function lastLines(message: string | undefined): string {
  return (message ?? '').trim().split('\n').slice(-5).join('\n').slice(-600);
}

function thrownOut(pod: Live<V1Pod>): Trouble | undefined {
  const { phase, reason, message } = pod.status ?? {};
  if (phase !== 'Failed' || reason === undefined) return undefined;
  return {
    code: 'pod_evicted',
    message: `The node ended it (${reason}): ${message ?? 'without a word'}`,
    final: false,
  };
}

/** Longer than this after its end was asked for, a pod hangs on a node that is lost, in milliseconds. */
const lostAfterMs = 30_000;

export function isLost(pod: Live<V1Pod>, now: number): boolean {
  const { deletionTimestamp } = pod.metadata;
  // The timestamp is when its grace period ends.
  return deletionTimestamp !== undefined && now > Date.parse(deletionTimestamp) + lostAfterMs;
}

/**
 * Its node does not report: the node controller takes back `Ready` then and leaves `ContainersReady`, of which a kubelet
 * makes both (kubernetes/kubernetes, pkg/controller/util/node: MarkPodsNotReady).
 */
export function isSilent(pod: Live<V1Pod>): boolean {
  const conditions = pod.status?.conditions ?? [];
  const met = (type: string): boolean => conditions.some((each) => each.type === type && each.status === 'True');
  return !met('Ready') && met('ContainersReady') && (pod.spec?.readinessGates ?? []).length === 0;
}

export function isReady(pod: Live<V1Pod>): boolean {
  return pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
}
