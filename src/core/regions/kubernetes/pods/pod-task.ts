import { setTimeout as delay } from 'node:timers/promises';
import type { V1Job, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import type { ErrorBody } from '../../../base/errors.ts';
import type { ErrorKind } from '../../../base/error-kinds.ts';
import { randomId } from '../../../base/ids.ts';
import type { KubernetesClient } from '../api/client.ts';
import { lastWarning, whyNotBegun, whyNotCreated } from '../api/events.ts';
import type { Live } from '../api/kinds.ts';
import { errandJob } from '../manifests/pod-task.ts';
import type { Errand } from '../manifests/pod-task.ts';
import { nameFor } from '../api/names.ts';
import { endOf } from './job-end.ts';
import { troubleOf } from './pod-reasons.ts';
import type { Trouble } from './pod-reasons.ts';

const pauseMs = 250;
/** What takes longer than this is looked at less often. */
const quickMs = 10_000;
const slowPauseMs = 1000;
/** For so long a pod may wait for a node, an image or a volume, in milliseconds. */
const startMs = 120_000;
/** Claims bind in less, most of the time. */
const claimMs = 3000;

/** Sends a pod to look into a claim, and answers with the JSON that it printed. Throws what it found wrong. */
export async function runErrand(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
  errand: Omit<Errand, 'name'>,
): Promise<Record<string, unknown>> {
  const name = nameFor('errand', randomId('e').slice(2, 14));
  const job = await client.create<V1Job>('Job', errandJob(config, { ...errand, name }));
  if (!job) throw fail('region_conflict', 'The name of a pod was taken.', { nextStep: 'Try again.' });
  try {
    return readAnswer(await outcome(client, job, errand.claim), config.name);
  } finally {
    await client.delete('Job', name, job.metadata.uid).catch(() => {});
  }
}

async function outcome(client: KubernetesClient, job: Live<V1Job>, claim: string): Promise<string> {
  const { name } = job.metadata;
  for (const began = Date.now(); ; await delay(Date.now() - began < quickMs ? pauseMs : slowPauseMs)) {
    const now = await client.read<V1Job>('Job', name);
    const pod = (await client.list<V1Pod>('Pod', `batch.kubernetes.io/job-name=${name}`)).items[0];
    if (pod && ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) {
      const log = await client.log(pod.metadata.name, { container: 'errand' });
      if (log.trim() !== '') return log;
      throw noAnswer(troubleOf(pod)?.message ?? 'it ended without a word');
    }
    if (!now || endOf(now) !== undefined) throw noAnswer('it was ended before it had looked');
    await refuseStuck(client, now, pod, Date.now() - began, claim);
  }
}

async function refuseStuck(
  client: KubernetesClient,
  job: Live<V1Job>,
  pod: Live<V1Pod> | undefined,
  waitedMs: number,
  claim: string,
): Promise<void> {
  const trouble = pod && (await withClaim(client, claim, troubleOf(pod), waitedMs));
  if (trouble && (trouble.final || waitedMs > startMs)) throw noAnswer(trouble.message, trouble.code);
  if (!pod && waitedMs > 3000) {
    const warning = await lastWarning(client, job);
    if (warning !== undefined) throw noAnswer(whyNotCreated(warning).message, whyNotCreated(warning).code);
  }
  if (pod?.status?.phase === 'Running' || waitedMs < quickMs) return;
  // Its node waits for ever for a ConfigMap or a Secret that is not there.
  const reason = pod?.spec?.nodeName === undefined ? undefined : await whyNotBegun(client, pod);
  if (reason && (waitedMs > startMs || /(configmap|secret)s? "[^"]*" not found/.test(reason.message)))
    throw noAnswer(reason.message, reason.code);
  if (waitedMs > startMs) throw noAnswer('it did not start in time');
}

/** The scheduler says that a volume is not bound; why it is not, the claim says. A class that is not there is no matter of time. */
async function withClaim(
  client: KubernetesClient,
  name: string,
  trouble: Trouble | undefined,
  waitedMs: number,
): Promise<Trouble | undefined> {
  if (trouble?.code !== 'volume_not_bound' || waitedMs < claimMs) return trouble;
  const claim = await client.read<V1PersistentVolumeClaim>('PersistentVolumeClaim', name);
  const warning = claim && (await lastWarning(client, claim));
  if (warning === undefined) return trouble;
  const final = /storageclass\S* "[^"]*" not found/.test(warning);
  return { ...trouble, message: `The volume is not there yet: ${warning}`, final };
}

function noAnswer(why: string, code = 'errand_failed'): Error {
  return new EcolinkError('unavailable', code, `The pod that looks into the volume could not do so: ${why}`, {
    nextStep: "Correct what it names; ecolink doctor checks the region's image and storage.",
  });
}

function readAnswer(log: string, region: string): Record<string, unknown> {
  const line = log.trim().split('\n').at(-1) ?? '';
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(line) as Record<string, unknown>;
  } catch {
    const why = `it said "${line.slice(0, 200)}"; is ecolink_image of the region ${region} EcoLink's own?`;
    throw noAnswer(why, 'not_ecolink_image');
  }
  const error = answer['error'] as (ErrorBody & { kind: ErrorKind }) | undefined;
  if (!error) return answer;
  throw new EcolinkError(error.kind, error.code, error.message, {
    nextStep: error.next_step,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.valid_values === undefined ? {} : { validValues: error.valid_values }),
  });
}
