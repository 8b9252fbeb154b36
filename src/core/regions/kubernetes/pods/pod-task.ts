import type { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import type { ReasonCode } from '../../../base/reason-codes.ts';
import { fail } from '../../../base/errors.ts';
import type { NewId } from '../../../base/ids.ts';
import { say, task as taskRef } from '../../../base/prose.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { lastWarning, whyNotCreated, whyNotStarted } from '../api/events.ts';
import type { Job, Pod } from '../api/kinds.ts';
import { nameFor } from '../api/names.ts';
import { podTaskContainer, podTaskJob } from '../manifests/pod-task.ts';
import type { PodTask } from '../manifests/pod-task.ts';
import { endOf } from './job-end.ts';
import { hasEnded, problemOf } from './pod-problems.ts';
import type { PodProblem } from './pod-problems.ts';
import { readAnswer } from './task-answers.ts';

export interface PodTaskDeps {
  client: KubernetesClient;
  config: KubernetesRegionConfig;
  clock: Clock;
  newId: NewId;
}

const pauseMs = 250;
/** A task that takes longer than this is polled less often. */
const quickMs = 10_000;
const slowPauseMs = 1000;
/** A pod may wait this long for a node, an image or a volume. */
const startMs = 120_000;
/** Most claims are bound within this time. */
const claimMs = 3000;
/** The Job's controller creates the pod within this time, unless something is wrong. */
const createMs = 3000;

/** Runs a pod that looks into a claim. Returns the JSON that it printed. Throws the error that it printed. */
export async function runPodTask<T>(deps: PodTaskDeps, task: Omit<PodTask, 'name'>, schema: z.ZodType<T>): Promise<T> {
  const { client, config, newId } = deps;
  const name = nameFor(podTaskContainer, newId('e').slice(2, 14));
  const job = await client.create('Job', podTaskJob(config, { ...task, name }));
  if (!job)
    throw fail('region_conflict', `A Job named ${name} exists already in the region ${config.name}.`, {
      nextStep: 'Try again.',
    });
  try {
    return readAnswer(await logOf(deps, job, task.claim), config.name, schema);
  } finally {
    await client.delete('Job', name, job.metadata.uid).catch(() => {});
  }
}

/** Waits until the task has ended. */
async function logOf({ client, clock }: PodTaskDeps, job: Job, claim: string): Promise<string> {
  const { name } = job.metadata;
  const startedMs = clock.elapsedMs();
  for (;;) {
    const current = await client.read('Job', name);
    const [pod] = (await client.list('Pod', `batch.kubernetes.io/job-name=${name}`)).items;
    if (pod && hasEnded(pod)) {
      const log = await client.log(pod.metadata.name, { container: podTaskContainer });
      if (log.trim() !== '') return log;
      throw taskFailed(problemOf(pod)?.message ?? 'it printed nothing');
    }
    if (!current || endOf(current) !== undefined) throw taskFailed('it was ended too early');
    await refuseStuck(client, { job: current, pod, claim, waitedMs: clock.elapsedMs() - startedMs });
    await clock.sleep(clock.elapsedMs() - startedMs < quickMs ? pauseMs : slowPauseMs);
  }
}

interface Waiting {
  job: Job;
  pod: Pod | undefined;
  claim: string;
  waitedMs: number;
}

/** Throws if the pod will not start. */
async function refuseStuck(client: KubernetesClient, waiting: Waiting): Promise<void> {
  const { job, pod, waitedMs } = waiting;
  const problem = pod && (await withClaimWarning(client, waiting, problemOf(pod)));
  if (problem && (problem.final || waitedMs > startMs)) throw taskFailed(problem.message, problem.code);
  if (!pod && waitedMs > createMs) {
    const warning = await lastWarning(client, job);
    if (warning !== undefined) throw taskFailed(whyNotCreated(warning).message, whyNotCreated(warning).code);
  }
  if (pod?.status?.phase === 'Running' || waitedMs < quickMs) return;
  const reason = pod?.spec?.nodeName === undefined ? undefined : await whyNotStarted(client, pod);
  // A node waits for ever for a ConfigMap or a Secret that does not exist.
  if (reason && (waitedMs > startMs || /(configmap|secret)s? "[^"]*" not found/.test(reason.message)))
    throw taskFailed(reason.message, reason.code);
  if (waitedMs > startMs) throw taskFailed('it did not start in time');
}

/** The pod says that its volume is not bound; the claim's events say why. A missing class is final. */
async function withClaimWarning(
  client: KubernetesClient,
  { claim: name, waitedMs }: Waiting,
  problem: PodProblem | undefined,
): Promise<PodProblem | undefined> {
  if (problem?.code !== 'volume_not_bound' || waitedMs < claimMs) return problem;
  const claim = await client.read('PersistentVolumeClaim', name);
  const warning = claim && (await lastWarning(client, claim));
  if (warning === undefined) return problem;
  const final = /storageclass\S* "[^"]*" not found/.test(warning);
  return { ...problem, message: `The volume does not exist yet: ${warning}`, final };
}

function taskFailed(why: string, code: ReasonCode = 'errand_failed'): Error {
  return fail(code, `The pod that looks into the volume failed: ${why}`, {
    nextStep: say`Correct what this names. To check the region's image and storage, ${taskRef('run_doctor')}.`,
  });
}
