import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Reason } from '../region.ts';
import type { Live } from './kinds.ts';

export interface Trouble extends Reason {
  /** Waiting does not help. */
  final: boolean;
}

/** What keeps a pod from running, from its own conditions and statuses; undefined where nothing does. Pure. */
export function troubleOf(pod: Live<V1Pod>): Trouble | undefined {
  return notPlaced(pod) ?? notStarted(pod) ?? ended(pod) ?? thrownOut(pod);
}

function statusesOf(pod: Live<V1Pod>): V1ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** A reason, never a failure: nodes may be on their way. The sentence is the scheduler's own. */
function notPlaced(pod: Live<V1Pod>): Trouble | undefined {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const message = scheduled.message ?? 'no node fits';
  if (/unbound immediate PersistentVolumeClaims/.test(message))
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
    const last = status.state?.terminated ?? (status.ready ? undefined : status.lastState?.terminated);
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
    return {
      code: 'crashed',
      message: `It ended with status ${last.exitCode}${lines === '' ? '' : `: ${lines}`}`,
      final: false,
    };
  }
  return undefined;
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

export function isReady(pod: Live<V1Pod>): boolean {
  return pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
}
