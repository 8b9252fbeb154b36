import { pullEvent, pullFailures } from '../../../download/manifest.ts';
import type { PullEvent } from '../../../download/manifest.ts';
import { parseJson } from '../api/answers.ts';
import type { Job, Pod } from '../api/kinds.ts';
import { annotations, labels } from '../api/names.ts';
import { problemOf } from '../pods/pod-problems.ts';

export type Failure = Extract<PullEvent, { type: 'failed' }>;

export function attemptOf(job: Job): number {
  return Number(job.metadata.labels?.[labels.attempt] ?? 0);
}

/** True if the Job works on the claim with this UID. */
export function isForClaim(job: Job, claimUid: string): boolean {
  return job.metadata.annotations?.[annotations.claim] === claimUid;
}

/** Why a download failed: its last event, otherwise how its container ended, otherwise what its Job says. Pure. */
export function failureOf(job: Job, pods: readonly Pod[]): Failure {
  const ended = newestLast(pods.filter((pod) => pod.status?.phase === 'Failed')).at(-1);
  const container = ended?.status?.containerStatuses?.find((each) => each.name === 'pull');
  const end = container?.state?.terminated ?? container?.lastState?.terminated;
  const event = lastEvent(end?.message ?? '');
  if (event?.type === 'failed') return event;
  const problem = ended && problemOf(ended);
  if (problem?.code === 'out_of_memory')
    return failed('out_of_memory', `The download was killed: ${problem.message}`, false);
  const known = Object.entries(pullFailures).find(([, { status }]) => status === end?.exitCode);
  if (known)
    return failed(known[0], `The download ended with status ${end?.exitCode} (${known[0]}).`, known[1].retryable);
  if (end?.exitCode === 137) return failed('killed', 'The download was killed.', true);
  if (problem) return failed(problem.code, problem.message, true);
  const condition = job.status?.conditions?.find((each) => each.type === 'Failed');
  return failed('interrupted', `The download did not finish: ${condition?.message ?? 'its pod is gone'}.`, true);
}

/** An attempt has failed when the cluster has ended this many of its pods. */
const mostDisruptions = 3;

/**
 * A Job does not count pods that the cluster ended (by an eviction or a drain). A pod that causes its own eviction would
 * be started again for ever. Undefined while a pod runs, or if there were few evictions. Pure.
 */
export function endedByCluster(pods: readonly Pod[]): Failure | undefined {
  if (pods.some((pod) => pod.status?.phase === 'Running')) return undefined;
  const ended = pods.filter((pod) => pod.status?.phase === 'Failed' && isDisrupted(pod));
  if (ended.length < mostDisruptions) return undefined;
  const status = newestLast(ended).at(-1)?.status;
  const why = status?.message ?? status?.reason ?? 'it gave no reason';
  return failed(
    'interrupted',
    `The cluster ended the download ${ended.length} times: ${why.replace(/\.$/, '')}.`,
    true,
  );
}

function isDisrupted(pod: Pod): boolean {
  return pod.status?.conditions?.some((each) => each.type === 'DisruptionTarget' && each.status === 'True') ?? false;
}

export function newestLast(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
}

export function failed(code: string, message: string, retryable: boolean): Failure {
  return { type: 'failed', code, message, retryable };
}

/** The last event in a log. The log's last line may be cut off. */
export function lastEvent(log: string): PullEvent | undefined {
  for (const line of log.split('\n').toReversed()) {
    const event = line.startsWith('{') ? pullEvent.safeParse(parseJson(line)).data : undefined;
    if (event) return event;
  }
  return undefined;
}
