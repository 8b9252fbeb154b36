import type { V1ContainerStatus } from '@kubernetes/client-node';
import type { CodedReason } from '../api/events.ts';
import type { Pod } from '../api/kinds.ts';
import { folderCheckName } from '../manifests/workload.ts';
import { printedError } from './task-answers.ts';

export interface PodProblem extends CodedReason {
  /** True if waiting does not help. */
  final: boolean;
}

/** What keeps a pod from running, from its own conditions and statuses. Pure. */
export function problemOf(pod: Pod): PodProblem | undefined {
  return notScheduled(pod) ?? notStarted(pod) ?? ended(pod) ?? notReady(pod) ?? evicted(pod);
}

/** This many ends in a row are a crash loop. */
export const crashLoop = 3;
/** More than the time to end an engine that did not start in time, in seconds. */
const graceSeconds = 30;

/**
 * How often the engine ended in a row without serving in between. The count of Kubernetes never goes back. But a run
 * that was longer than a start may take did serve.
 */
export function crashesOf(pod: Pod): number {
  const counts = (pod.status?.containerStatuses ?? []).map((status) => {
    const last = status.state?.terminated ?? status.lastState?.terminated;
    if (hasStarted(status)) return 0;
    if (!last?.startedAt || !last.finishedAt) return status.restartCount;
    const runMs = Date.parse(String(last.finishedAt)) - Date.parse(String(last.startedAt));
    return runMs > startMs(pod, status.name) ? Math.min(status.restartCount, 1) : status.restartCount;
  });
  return Math.max(0, ...counts);
}

function hasStarted({ state, started }: V1ContainerStatus): boolean {
  return state?.running !== undefined && started === true;
}

function startMs(pod: Pod, container: string): number {
  const probe = pod.spec?.containers.find((each) => each.name === container)?.startupProbe;
  return ((probe?.failureThreshold ?? 0) * (probe?.periodSeconds ?? 0) + graceSeconds) * 1000;
}

function statusesOf(pod: Pod): V1ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** Never final: new nodes may be starting. The sentence is the scheduler's own. */
function notScheduled(pod: Pod): PodProblem | undefined {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const message = scheduled.message ?? 'no node fits';
  if (/unbound immediate PersistentVolumeClaims|persistentvolumeclaim "[^"]*" not found/.test(message))
    return { code: 'volume_not_bound', message: `The volume does not exist yet: ${message}.`, final: false };
  return { code: 'unschedulable', message: `No node can run it: ${message.replace(/\.$/, '')}.`, final: false };
}

const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
]);
const configReasons = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

function notStarted(pod: Pod): PodProblem | undefined {
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

/** An engine explains its end in its last lines. The termination message holds them. */
function ended(pod: Pod): PodProblem | undefined {
  for (const status of statusesOf(pod)) {
    const last = status.state?.terminated ?? (hasStarted(status) ? undefined : status.lastState?.terminated);
    // An engine never ends by itself in good order. vLLM ends with status 0 if a worker was killed.
    if (!last || (last.exitCode === 0 && status.name !== 'engine')) continue;
    if (last.reason === 'OOMKilled') return outOfMemory(pod, status.name);
    const lines = lastLines(last.message);
    if (status.name === folderCheckName) return folderRefused(last.message, lines);
    if (status.name === 'check')
      return { code: 'volume_incomplete', message: printedError(last.message ?? '')?.message ?? lines, final: false };
    const said = `with status ${last.exitCode}${lines === '' ? '' : `: ${lines}`}`;
    const crashes = crashesOf(pod);
    if (crashes < crashLoop) return { code: 'crashed', message: `It ended ${said}`, final: false };
    return { code: 'crash_loop', message: `It ended ${crashes} times in a row, the last time ${said}`, final: false };
  }
  return undefined;
}

/** Not final: somebody may correct the folder. An image of an older version does not know the command. */
function folderRefused(said: string | undefined, lines: string): PodProblem {
  const other = `It could not be checked: ${lines}. The image in ecolink_image must have the version of this EcoLink.`;
  return { code: 'folder_refused', message: printedError(said ?? '')?.message ?? other, final: false };
}

function outOfMemory(pod: Pod, container: string): PodProblem {
  const resources = pod.spec?.containers.find((each) => each.name === container)?.resources;
  const limit = resources?.limits?.['memory'];
  const message = limit === undefined ? 'It used too much memory.' : `It used more memory than its limit, ${limit}.`;
  return { code: 'out_of_memory', message, final: false };
}

/** It was ready before, and fails its check now: it is overloaded, or it hangs. */
function notReady(pod: Pod): PodProblem | undefined {
  const status = pod.status?.containerStatuses?.find((each) => hasStarted(each) && !each.ready);
  if (!status) return undefined;
  return { code: 'not_ready', message: 'It runs, but does not answer its readiness check.', final: false };
}

function lastLines(message: string | undefined): string {
  return (message ?? '').trim().split('\n').slice(-5).join('\n').slice(-600);
}

function evicted(pod: Pod): PodProblem | undefined {
  const { phase, reason, message } = pod.status ?? {};
  if (phase !== 'Failed' || reason === undefined) return undefined;
  const said = message === undefined ? '' : `: ${message}`;
  return { code: 'pod_evicted', message: `The node ended it (${reason})${said}`, final: false };
}

/** A pod that is still there this long after its end was due is on a lost node. In milliseconds. */
const lostAfterMs = 30_000;

/** `nowMs`: the wall clock. */
export function isLost(pod: Pod, nowMs: number): boolean {
  const { deletionTimestamp } = pod.metadata;
  // The timestamp is the end of its grace period.
  return deletionTimestamp !== undefined && nowMs > Date.parse(deletionTimestamp) + lostAfterMs;
}

/**
 * True if the pod's node does not report. The node controller then resets `Ready` but not `ContainersReady`; a kubelet
 * sets both (kubernetes/kubernetes, pkg/controller/util/node: MarkPodsNotReady).
 */
export function isSilent(pod: Pod): boolean {
  const conditions = pod.status?.conditions ?? [];
  const met = (type: string): boolean => conditions.some((each) => each.type === type && each.status === 'True');
  return !met('Ready') && met('ContainersReady') && (pod.spec?.readinessGates ?? []).length === 0;
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
}

/** True if the pod's containers have ended for good. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
