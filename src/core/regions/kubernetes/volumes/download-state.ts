import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { pullEvent, pullFailures } from '../../../download/manifest.ts';
import type { PullEvent } from '../../../download/manifest.ts';
import type { Live } from '../api/kinds.ts';
import { annotations, labels } from '../api/names.ts';
import { troubleOf } from '../pods/pod-reasons.ts';

export type Failure = Extract<PullEvent, { type: 'failed' }>;

export function attemptOf(job: Live<V1Job>): number {
  return Number(job.metadata.labels?.[labels.attempt] ?? 0);
}

export function fills(job: Live<V1Job>, claim: string): boolean {
  return job.metadata.annotations?.[annotations.claim] === claim;
}

/** Why a download failed: what the pull said last, else how its container ended, else what the job says. Pure. */
export function failureOf(job: Live<V1Job>, pods: readonly Live<V1Pod>[]): Failure {
  const ended = newestLast(pods.filter((pod) => pod.status?.phase === 'Failed')).at(-1);
  const container = ended?.status?.containerStatuses?.find((each) => each.name === 'pull');
  const end = container?.state?.terminated ?? container?.lastState?.terminated;
  const said = lastEvent(end?.message ?? '');
  if (said?.type === 'failed') return said;
  const trouble = ended && troubleOf(ended);
  if (trouble?.code === 'out_of_memory')
    return failed('out_of_memory', `The download was killed for memory. ${trouble.message}`, false);
  const known = Object.entries(pullFailures).find(([, { status }]) => status === end?.exitCode);
  if (known)
    return failed(known[0], `The download ended with status ${end?.exitCode} (${known[0]}).`, known[1].retryable);
  if (end?.exitCode === 137) return failed('killed', 'The download was killed.', true);
  if (trouble) return failed(trouble.code, trouble.message, true);
  const condition = job.status?.conditions?.find((each) => each.type === 'Failed');
  return failed('interrupted', `The download did not finish: ${condition?.message ?? 'its pod is gone'}.`, true);
}

/** Pods of one job that the cluster may end before that counts as a failure. */
const mostDisruptions = 3;

/**
 * A job does not count pods that the cluster ended (an eviction, a drain), so one that is evicted for its own doing would be
 * begun anew for ever. Undefined while one runs, or there were few. Pure.
 */
export function endedByCluster(pods: readonly Live<V1Pod>[]): Failure | undefined {
  if (pods.some((pod) => pod.status?.phase === 'Running')) return undefined;
  const ended = pods.filter((pod) => pod.status?.phase === 'Failed' && isDisrupted(pod));
  if (ended.length < mostDisruptions) return undefined;
  const last = newestLast(ended).at(-1);
  const why = last?.status?.message ?? last?.status?.reason ?? 'without a word';
  return failed(
    'interrupted',
    `The cluster ended the download ${ended.length} times: ${why.replace(/\.$/, '')}.`,
    true,
  );
}

function isDisrupted(pod: Live<V1Pod>): boolean {
  return pod.status?.conditions?.some((each) => each.type === 'DisruptionTarget' && each.status === 'True') ?? false;
}

function newestLast(pods: readonly Live<V1Pod>[]): Live<V1Pod>[] {
  return pods.toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
}

export function failed(code: string, message: string, retryable: boolean): Failure {
  return { type: 'failed', code, message, retryable };
}

/** The last event among lines of a log, the last of which may be cut. */
export function lastEvent(log: string): PullEvent | undefined {
  for (const line of log.split('\n').toReversed()) {
    const event = parseEvent(line);
    if (event) return event;
  }
  return undefined;
}

function parseEvent(line: string): PullEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return pullEvent.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
