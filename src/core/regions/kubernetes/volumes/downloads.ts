import type { Clock } from '../../../base/clock.ts';
import { fail } from '../../../base/errors.ts';
import type { Progress, Reason } from '../../../base/reason.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { ObservedVolume } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { lastWarning, whyNotCreated } from '../api/events.ts';
import type { ApiObject, Claim, Job, ManifestOf, Pod } from '../api/kinds.ts';
import { owners } from '../api/mirrors.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { annotations, labels } from '../api/names.ts';
import { downloadClaimName } from '../manifests/clone.ts';
import { downloadJob, manifestMap, tokenSecret } from '../manifests/download.ts';
import type { Download } from '../manifests/download.ts';
import { endOf } from '../pods/job-end.ts';
import { hasEnded, isLost, problemOf } from '../pods/pod-problems.ts';
import { isDeleting } from './claim-state.ts';
import { attemptOf, endedByCluster, failed, failureOf, isForClaim, lastEvent, newestLast } from './download-state.ts';
import type { Failure } from './download-state.ts';
import { donorsOf, lostDonor } from './donors.ts';

export interface DownloadsDeps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
  clock: Clock;
}

/** A Job that stays suspended for this time was left by a server that died, in milliseconds. */
const abandonedMs = 30_000;
/** The events of a Job without a pod are read after this time, in milliseconds. */
const jobPatienceMs = 5000;
/** The events of a pod that has not started are read after this time, in milliseconds. */
const podPatienceMs = 15_000;

/** A clone of an older volume may take this time before the download starts, in milliseconds. Large ones take minutes. */
const clonePatienceMs = 30 * 60_000;

/** The Jobs that fill volumes, with the file list and the token beside each. */
export class Downloads {
  readonly #deps: DownloadsDeps;

  constructor(deps: DownloadsDeps) {
    this.#deps = deps;
  }

  /** The downloads of a volume, newest attempt first. Those that are being deleted do not count. */
  async of(key: string): Promise<Job[]> {
    return (await this.#deps.mirrors.jobs.of(owners.volume(key)))
      .filter((job) => job.metadata.labels?.[labels.name] === 'ecolink-download')
      .filter((job) => job.metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => attemptOf(b) - attemptOf(a));
  }

  /** Starts an attempt, unless it was started before or another one runs. */
  async start(download: Download, token: string | undefined): Promise<void> {
    const { client, config, mirrors } = this.#deps;
    for (const job of await this.of(download.key)) {
      const isRunning = endOf(job) === undefined && isForClaim(job, download.claim) && !(await this.#isStuck(job));
      if (isRunning || attemptOf(job) === download.attempt) return;
      await this.#remove(job);
    }
    const job = await client.create('Job', downloadJob(config, download));
    // Another server was first, and continues.
    if (!job) return;
    mirrors.jobs.put(job);
    await this.#release(job, download, token);
  }

  /** Removes the downloads that have not ended. */
  async stop(key: string): Promise<void> {
    for (const job of await this.of(key)) if (endOf(job) === undefined) await this.#remove(job);
  }

  async removeAll(key: string): Promise<void> {
    for (const job of await this.of(key)) await this.#remove(job);
  }

  /** Removes ended downloads of other volumes that took files from this one. Their pods would keep its claim for a day. */
  async releaseDonor(key: string): Promise<void> {
    const ended = (await this.#deps.mirrors.jobs.all()).filter((job) => endOf(job) !== undefined);
    for (const job of ended) if (donorsOf(job).includes(key)) await this.#remove(job);
  }

  /** What a download that is not complete says about its volume. */
  async observe(claim: Claim, job: Job): Promise<ObservedVolume> {
    const attempt = attemptOf(job);
    const pods = await this.#podsOf(job);
    if (endOf(job) === 'failed') {
      await this.forgetToken(job);
      return { state: 'failed', attempt, failure: failureOf(job, pods) };
    }
    const failure = await this.#disruptionOf(job, pods);
    // The cluster would go on, but we do not. Nobody may ever want the next attempt, which would remove the token.
    if (failure || this.#isAbandoned(job)) await this.forgetToken(job);
    if (this.#isAbandoned(job)) return { state: 'partial', bytes: 0 };
    if (failure) return { state: 'failed', attempt, failure };
    const running = pods.find((pod) => pod.status?.phase === 'Running');
    if (running) return { state: 'downloading', attempt, progress: await this.#progressOf(running) };
    return { state: 'downloading', attempt, reason: await this.#whyWaiting(claim, job, pods) };
  }

  /** Removes the token as soon as its attempt is over, however it ended. */
  async forgetToken(job: Job): Promise<void> {
    if (job.metadata.annotations?.[annotations.token] === undefined) return;
    await this.#deleteBeside(job, 'Secret', annotations.token);
    const change = { metadata: { annotations: { [annotations.token]: null } } };
    const changed = await this.#deps.client.patch('Job', job, change);
    if (changed) this.#deps.mirrors.jobs.put(changed);
  }

  /** True if the download's claim is a clone, and no pod could ever start with it. */
  async neverCloned(job: Job): Promise<boolean> {
    if (job.metadata.annotations?.[annotations.cloned] === undefined) return false;
    return (await this.#podsOf(job)).every((pod) => pod.status?.phase === 'Pending');
  }

  #podsOf(job: Job): Promise<Pod[]> {
    return this.#deps.mirrors.pods.of(owners.job(job.metadata.uid));
  }

  /** True if the Job is not over, but will not continue. */
  async #isStuck(job: Job): Promise<boolean> {
    return this.#isAbandoned(job) || (await this.#disruptionOf(job, await this.#podsOf(job))) !== undefined;
  }

  #isAbandoned(job: Job): boolean {
    return job.spec?.suspend === true && this.#ageMs(job) > abandonedMs;
  }

  /** Its pod is on a lost node and gets no successor, or the cluster ends its pods again and again. */
  async #disruptionOf(job: Job, pods: readonly Pod[]): Promise<Failure | undefined> {
    if (pods.every((pod) => pod.status?.phase === 'Pending') && (await lostDonor(this.#deps.mirrors, job)))
      return failed('interrupted', 'A volume that the download takes files from was deleted.', true);
    const broken = await this.#brokenClone(job, pods);
    if (broken) return broken;
    const open = pods.filter((pod) => !hasEnded(pod));
    if (open.length > 0 && open.every((pod) => isLost(pod, this.#deps.clock.now().getTime())))
      return failed('interrupted', 'The node that the download ran on is lost.', true);
    return endedByCluster(pods);
  }

  /** Why the clone of an older volume cannot be had, or cannot be read here. The next attempt fetches everything. */
  async #brokenClone(job: Job, pods: readonly Pod[]): Promise<Failure | undefined> {
    const { client, config, mirrors } = this.#deps;
    const source = job.metadata.annotations?.[annotations.cloned];
    if (source === undefined || pods.some((pod) => pod.status?.phase !== 'Pending')) return undefined;
    const claim = await mirrors.claims.get(downloadClaimName(config, job.metadata.labels?.[labels.volume] ?? ''));
    if (claim?.status?.phase === 'Bound') {
      const elsewhere = pods.some((pod) => problemOf(pod)?.message.includes('volume node affinity'));
      return elsewhere ? failed('not_shared', 'The copy of an older volume is out of reach here.', true) : undefined;
    }
    const donor = await mirrors.claims.get(source);
    if (!donor || isDeleting(donor))
      return failed('not_shared', 'The volume that the storage was to copy was deleted.', true);
    if (this.#ageMs(job) < clonePatienceMs) return undefined;
    const warning = claim && (await lastWarning(client, claim));
    return failed('not_shared', `The storage did not copy an older volume: ${warning ?? 'it gave no reason.'}`, true);
  }

  async #progressOf(pod: Pod): Promise<Progress | undefined> {
    const event = lastEvent(await this.#deps.client.log(pod.metadata.name, { lines: 2, container: 'pull' }));
    if (event?.type !== 'progress') return undefined;
    const { type: _type, ...progress } = event;
    return progress;
  }

  async #whyWaiting(claim: Claim, job: Job, pods: readonly Pod[]): Promise<Reason | undefined> {
    const { client } = this.#deps;
    const pod = newestLast(pods).at(-1);
    if (!pod) {
      const warning = this.#ageMs(job) > jobPatienceMs ? await lastWarning(client, job) : undefined;
      return warning === undefined ? undefined : whyNotCreated(warning);
    }
    const problem = problemOf(pod);
    if (problem?.code === 'volume_not_bound') {
      const warning = await lastWarning(client, claim);
      const message = warning === undefined ? problem.message : `The volume does not exist yet: ${warning}`;
      return { code: problem.code, message };
    }
    if (problem) return { code: problem.code, message: problem.message };
    const warning = this.#ageMs(pod) > podPatienceMs ? await lastWarning(client, pod) : undefined;
    return warning === undefined ? undefined : { code: 'pod_not_started', message: warning };
  }

  #ageMs(object: ApiObject): number {
    return this.#deps.clock.now().getTime() - Date.parse(object.metadata.creationTimestamp);
  }

  /** Adds the file list and the token, and lets the Job run. */
  async #release(job: Job, download: Download, token: string | undefined): Promise<void> {
    const { client, config, mirrors } = this.#deps;
    const { name, uid } = job.metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: false, blockOwnerDeletion: false };
    try {
      const list = await this.#createAgain('ConfigMap', manifestMap(config, download, owner));
      const secret =
        token === undefined
          ? undefined
          : await this.#createAgain('Secret', tokenSecret(config, download, owner, token));
      const noted = {
        [annotations.bytes]: String(download.manifest.files.reduce((sum, file) => sum + file.size, 0)),
        [annotations.list]: list,
        [annotations.token]: secret,
      };
      const released = await client.patch('Job', job, { metadata: { annotations: noted }, spec: { suspend: false } });
      if (released) mirrors.jobs.put(released);
    } catch (thrown) {
      await this.#remove(job).catch(() => {});
      throw thrown;
    }
  }

  /** Returns the new object's UID. An object of the same name is left from an earlier attempt of the same number. */
  async #createAgain<K extends 'ConfigMap' | 'Secret'>(kind: K, manifest: ManifestOf<K>): Promise<string> {
    const { client, config } = this.#deps;
    const { name } = manifest.metadata;
    const created = await client.create(kind, manifest);
    if (created) return created.metadata.uid;
    await client.delete(kind, name);
    const again = await client.create(kind, manifest);
    if (again) return again.metadata.uid;
    throw fail('region_conflict', `Something else creates the ${kind} ${name} in ${config.name} at the same time.`, {
      nextStep: 'EcoLink tries again by itself.',
      retryable: true,
    });
  }

  async #remove(job: Job): Promise<void> {
    const { client, mirrors } = this.#deps;
    const { name, uid } = job.metadata;
    if (job.metadata.annotations?.[annotations.token] !== undefined)
      await this.#deleteBeside(job, 'Secret', annotations.token);
    await this.#deleteBeside(job, 'ConfigMap', annotations.list);
    await client.delete('Job', name, uid);
    mirrors.jobs.forget(job);
  }

  /** EcoLink may not read either kind, so the Job notes their UIDs. A Job that was never released has none. */
  async #deleteBeside(job: Job, kind: 'ConfigMap' | 'Secret', annotation: string): Promise<void> {
    const uid = job.metadata.annotations?.[annotation];
    await this.#deps.client.delete(kind, job.metadata.name, uid === 'held' ? undefined : uid);
  }
}
