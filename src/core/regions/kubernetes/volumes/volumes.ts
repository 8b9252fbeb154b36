import { setTimeout as delay } from 'node:timers/promises';
import type { V1Job, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import { fail } from '../../../base/errors.ts';
import type { ObservedVolume } from '../../../region/region.ts';
import type { Progress, Reason } from '../../../base/reason.ts';
import type { KubernetesClient } from '../api/client.ts';
import { endOf } from '../pods/job-end.ts';
import { attemptOf, endedByCluster, failed, failureOf, fills, lastEvent } from './download-state.ts';
import type { Failure } from './download-state.ts';
import { lastWarning, whyNotCreated } from '../api/events.ts';
import type { Live } from '../api/kinds.ts';
import { downloadJob, manifestMap, tokenSecret } from '../manifests/download.ts';
import type { Download } from '../manifests/download.ts';
import { filledName } from '../manifests/share.ts';
import { volumeClaim } from '../manifests/volume.ts';
import { owners } from '../api/mirrors.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { annotations, labels } from '../api/names.ts';
import { outOfReach } from './out-of-reach.ts';
import { endSharing, shareVolume, unshare } from './sharing.ts';
import { KeptByClass, reclaimNote, reclaimOf } from './reclaim.ts';
import { isLost, troubleOf } from '../pods/pod-reasons.ts';

interface Deps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
}

type Claim = Live<V1PersistentVolumeClaim>;
type Job = Live<V1Job>;

/** A download that was made and never let run for so long was left by a server that died, in milliseconds. */
const abandonedMs = 30_000;
/** For so long nothing is asked about a pod that has not begun, in milliseconds. */
const patienceMs = 15_000;
const protectionTries = 20;
const protectionPauseMs = 250;

/** Volumes are PersistentVolumeClaims, filled by Jobs; what is complete is written on the claim, for its UID. */
export class KubernetesVolumes {
  readonly #deps: Deps;
  readonly #kept: KeptByClass;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#kept = new KeptByClass(deps.client);
  }

  async observe(key: string): Promise<ObservedVolume> {
    const { config, mirrors } = this.#deps;
    const served = await mirrors.claims.get(key);
    if (config.share === undefined) return this.#filling(key, served);
    const bytes = served && !isGoing(served) ? completedBytes(served) : undefined;
    if (bytes !== undefined) return { state: 'ready', bytes };
    const filled = await mirrors.claims.get(filledName(config, key));
    const filling = await this.#filling(key, filled);
    if (filled && filling.state === 'ready') return this.#sharing(key, filled, served, filling.bytes);
    return filling.state === 'absent' && served && isGoing(served) ? { state: 'deleting' } : filling;
  }

  /** How far the copy is that several nodes can read; the claim that was filled goes when it is done. */
  async #sharing(key: string, filled: Claim, shared: Claim | undefined, bytes: number): Promise<ObservedVolume> {
    const job = (await this.#jobs(key))[0];
    const attempt = job ? attemptOf(job) : 0;
    const sharing = await shareVolume(this.#deps, key, filled, shared);
    if (sharing.state === 'failed')
      return { state: 'failed', attempt, failure: failed('not_shared', sharing.message, true) };
    if (sharing.state === 'under_way') return { state: 'downloading', attempt, reason: sharing.reason };
    if (!shared || !(await this.#markComplete(shared, bytes))) return { state: 'absent' };
    await this.#deleteFilled(key, filled);
    return { state: 'ready', bytes };
  }

  /** What was copied is not needed any more: it would take the space a second time. */
  async #deleteFilled(key: string, filled: Claim): Promise<void> {
    await endSharing(this.#deps, key);
    for (const job of await this.#jobs(key)) await this.#remove(job);
    await this.#deps.client.delete('PersistentVolumeClaim', filled.metadata.name, filled.metadata.uid);
    this.#deps.mirrors.claims.forget(filled);
  }

  async #filling(key: string, claim: Claim | undefined): Promise<ObservedVolume> {
    if (!claim) return { state: 'absent' };
    if (isGoing(claim)) return { state: 'deleting' };
    const bytes = completedBytes(claim);
    if (bytes !== undefined) return { state: 'ready', bytes };
    const job = (await this.#jobs(key)).find((each) => fills(each, claim.metadata.uid));
    if (!job) return { state: 'partial', bytes: 0 };
    const end = endOf(job);
    if (end === undefined) return this.#underWay(claim, job);
    if (end === 'complete') return this.#recordComplete(claim, job);
    await this.#forgetToken(job);
    return { state: 'failed', attempt: attemptOf(job), failure: failureOf(job, await this.#podsOf(job)) };
  }

  async start(
    key: string,
    manifest: PullManifest,
    attempt: number,
    token: string | undefined,
    accelerators?: readonly string[],
  ): Promise<void> {
    const claim = await this.#ensureClaim(key, manifest);
    const withToken = token !== undefined;
    const download: Download = { key, attempt, claim: claim.metadata.uid, manifest, withToken, accelerators };
    for (const job of await this.#jobs(key)) {
      const running = endOf(job) === undefined && fills(job, claim.metadata.uid) && !(await this.#stuck(job));
      if (running || attemptOf(job) === attempt) return;
      await this.#remove(job);
    }
    const job = await this.#deps.client.create<V1Job>('Job', downloadJob(this.#deps.config, download));
    // Somebody else was first, and takes it from here.
    if (!job) return;
    this.#deps.mirrors.jobs.put(job);
    await this.#release(job, download, token);
  }

  async stop(key: string): Promise<void> {
    for (const job of await this.#jobs(key)) if (endOf(job) === undefined) await this.#remove(job);
  }

  async remains(key: string): Promise<string | undefined> {
    const { client, config, mirrors } = this.#deps;
    const claim = await mirrors.claims.get(key);
    return claim && reclaimNote(config.name, claim, await reclaimOf(client, claim));
  }

  outOfReach = (key: string, accelerator: { name: string; count: number }) => outOfReach(this.#deps, key, accelerator);

  keptOf = (keys: readonly string[]) => this.#kept.of(keys, (key) => this.#deps.mirrors.claims.get(key));

  /** Answers with the bytes that this freed; nobody can look into a volume that is not complete. Throws while it is held back. */
  async delete(key: string): Promise<number | undefined> {
    const { config } = this.#deps;
    for (const job of await this.#jobs(key)) await this.#remove(job);
    if (config.share === undefined) return this.#deleteClaim(key, key);
    await endSharing(this.#deps, key);
    const filled = await this.#deleteClaim(key, filledName(config, key));
    return (await this.#deleteClaim(key, key)) ?? filled;
  }

  async #deleteClaim(key: string, name: string): Promise<number | undefined> {
    const { client, mirrors } = this.#deps;
    // Read anew: one that is on its way out is hidden from the mirror's readers.
    const claim = await client.read<V1PersistentVolumeClaim>('PersistentVolumeClaim', name);
    if (!claim || claim.metadata.labels?.[labels.volume] !== key) return undefined;
    // The volume goes with its claim, or stays.
    const reclaim = await reclaimOf(client, claim);
    if (claim.metadata.deletionTimestamp === undefined)
      await client.delete('PersistentVolumeClaim', name, claim.metadata.uid);
    mirrors.claims.forget(claim);
    await this.#awaitGone(claim);
    return reclaim === 'kept' ? 0 : completedBytes(claim);
  }

  /** Takes back what was said of a volume, so that the next download looks at every file again. */
  async markDamaged(key: string): Promise<void> {
    const claim = await this.#deps.mirrors.claims.get(key);
    if (!claim) return;
    // A copy that nobody can write to is made anew.
    if (this.#deps.config.share !== undefined) return unshare(this.#deps, key, claim);
    const change = { metadata: { annotations: { [annotations.complete]: null } } };
    const changed = await this.#deps.client.patch<V1PersistentVolumeClaim>('PersistentVolumeClaim', claim, change);
    if (changed) this.#deps.mirrors.claims.put(changed);
    for (const job of await this.#jobs(key)) await this.#remove(job);
  }

  /** Newest attempt first. Those that are on their way out do not count. */
  async #jobs(key: string): Promise<Job[]> {
    return (await this.#deps.mirrors.jobs.of(owners.volume(key)))
      .filter((job) => job.metadata.labels?.[labels.name] === 'ecolink-download')
      .filter((job) => job.metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => attemptOf(b) - attemptOf(a));
  }

  #podsOf(job: Job): Promise<Live<V1Pod>[]> {
    return this.#deps.mirrors.pods.of(owners.job(job.metadata.uid));
  }

  async #recordComplete(claim: Claim, job: Job): Promise<ObservedVolume> {
    const bytes = Number(job.metadata.annotations?.[annotations.bytes] ?? 0);
    if (!(await this.#markComplete(claim, bytes))) return { state: 'absent' };
    await this.#forgetToken(job);
    return { state: 'ready', bytes };
  }

  /** False where the claim is gone, or another. */
  async #markComplete(claim: Claim, bytes: number): Promise<boolean> {
    const value = JSON.stringify({ uid: claim.metadata.uid, bytes });
    const change = { metadata: { annotations: { [annotations.complete]: value } } };
    const changed = await this.#deps.client.patch<V1PersistentVolumeClaim>('PersistentVolumeClaim', claim, change);
    if (changed) this.#deps.mirrors.claims.put(changed);
    return changed !== undefined;
  }

  async #underWay(claim: Claim, job: Job): Promise<ObservedVolume> {
    const attempt = attemptOf(job);
    const pods = await this.#podsOf(job);
    const failure = disruption(pods);
    // Not over for the cluster, but for us: nobody may ever want the next attempt, which would take the token away.
    if (failure || isAbandoned(job)) await this.#forgetToken(job);
    if (isAbandoned(job)) return { state: 'partial', bytes: 0 };
    if (failure) return { state: 'failed', attempt, failure };
    const running = pods.find((pod) => pod.status?.phase === 'Running');
    const progress = running && (await this.#progress(running));
    const reason = running ? undefined : await this.#reason(claim, job, pods);
    return { state: 'downloading', attempt, ...(progress ? { progress } : {}), ...(reason ? { reason } : {}) };
  }

  /** Neither over nor going on. */
  async #stuck(job: Job): Promise<boolean> {
    return isAbandoned(job) || disruption(await this.#podsOf(job)) !== undefined;
  }

  async #progress(pod: Live<V1Pod>): Promise<Progress | undefined> {
    const event = lastEvent(await this.#deps.client.log(pod.metadata.name, { lines: 2, container: 'pull' }));
    if (event?.type !== 'progress') return undefined;
    const { type: _type, ...progress } = event;
    return progress;
  }

  async #reason(claim: Claim, job: Job, pods: readonly Live<V1Pod>[]): Promise<Reason | undefined> {
    const { client } = this.#deps;
    const pod = pods.toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1))[0];
    if (!pod) {
      const warning = ageOf(job) > patienceMs / 3 ? await lastWarning(client, job) : undefined;
      return warning === undefined ? undefined : whyNotCreated(warning);
    }
    const trouble = troubleOf(pod);
    if (trouble?.code === 'volume_not_bound') {
      const warning = await lastWarning(client, claim);
      return { code: trouble.code, message: warning ? `The volume is not there yet: ${warning}` : trouble.message };
    }
    if (trouble) return { code: trouble.code, message: trouble.message };
    const warning = ageOf(pod) > patienceMs ? await lastWarning(client, pod) : undefined;
    return warning === undefined ? undefined : { code: 'pod_not_started', message: warning };
  }

  async #ensureClaim(key: string, manifest: PullManifest): Promise<Claim> {
    const { client, config, mirrors } = this.#deps;
    const name = filledName(config, key);
    const known = await mirrors.claims.get(name);
    if (known && !isGoing(known)) return known;
    const made =
      (await client.create<V1PersistentVolumeClaim>('PersistentVolumeClaim', volumeClaim(config, key, manifest))) ??
      (await client.read<V1PersistentVolumeClaim>('PersistentVolumeClaim', name));
    if (!made) throw this.#deleting(key);
    if (made.metadata.deletionTimestamp !== undefined) {
      // Pods hold it back for as long as they are there, those that have ended too.
      for (const job of await this.#jobs(key)) await this.#remove(job);
      throw this.#deleting(key);
    }
    if (made.metadata.labels?.[labels.volume] !== key) {
      throw fail('name_taken', `A claim named ${name} is there that EcoLink did not make.`, {
        nextStep: `Rename or remove it in the namespace ${config.namespace}.`,
      });
    }
    mirrors.claims.put(made);
    return made;
  }

  #deleting(key: string): Error {
    return fail('volume_deleting', `The volume ${key} is still being deleted.`, {
      nextStep: 'Pods that still mount it hold it back: stop what runs on it. Whatever needs it then gets it anew.',
    });
  }

  async #release(job: Job, download: Download, token: string | undefined): Promise<void> {
    const { client, config, mirrors } = this.#deps;
    const { name, uid } = job.metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: false, blockOwnerDeletion: false };
    try {
      const list = await this.#createAnew('ConfigMap', name, manifestMap(config, download, owner));
      const secret =
        token === undefined
          ? undefined
          : await this.#createAnew('Secret', name, tokenSecret(config, download, owner, token));
      const told = {
        [annotations.bytes]: String(download.manifest.files.reduce((sum, file) => sum + file.size, 0)),
        [annotations.list]: list,
        ...(secret === undefined ? {} : { [annotations.token]: secret }),
      };
      const change = { metadata: { annotations: told }, spec: { suspend: false } };
      const released = await client.patch<V1Job>('Job', job, change);
      if (released) mirrors.jobs.put(released);
    } catch (thrown) {
      await this.#remove(job).catch(() => {});
      throw thrown;
    }
  }

  /** Answers with its UID. What has the name already is of an attempt of the same number that went. */
  async #createAnew(kind: 'ConfigMap' | 'Secret', name: string, manifest: object): Promise<string> {
    const made = await this.#deps.client.create(kind, manifest);
    if (made) return made.metadata.uid;
    await this.#deps.client.delete(kind, name);
    const again = await this.#deps.client.create(kind, manifest);
    if (again) return again.metadata.uid;
    throw fail('region_conflict', `The ${kind} ${name} is made by somebody else at the same time.`, {
      nextStep: 'EcoLink tries again by itself.',
      retryable: true,
    });
  }

  /** The token goes as soon as its attempt is over, whatever the end. */
  async #forgetToken(job: Job): Promise<void> {
    if (job.metadata.annotations?.[annotations.token] === undefined) return;
    await this.#deleteBeside(job, 'Secret', annotations.token);
    const change = { metadata: { annotations: { [annotations.token]: null } } };
    const changed = await this.#deps.client.patch<V1Job>('Job', job, change);
    if (changed) this.#deps.mirrors.jobs.put(changed);
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

  /** Neither can be read, so the Job says which is its own. One that was never let run did not get as far. */
  async #deleteBeside(job: Job, kind: 'ConfigMap' | 'Secret', mark: string): Promise<void> {
    const uid = job.metadata.annotations?.[mark];
    await this.#deps.client.delete(kind, job.metadata.name, uid === 'held' ? undefined : uid);
  }

  /** Throws where a pod that mounts it holds it back for longer than a moment. */
  async #awaitGone(claim: Claim): Promise<void> {
    for (let tries = 0; tries < protectionTries; tries++) {
      const now = await this.#deps.client.read('PersistentVolumeClaim', claim.metadata.name);
      if (now?.metadata.uid !== claim.metadata.uid) return;
      await delay(protectionPauseMs);
    }
    throw this.#deleting(claim.metadata.name);
  }
}

/** Nobody let it run. */
function isAbandoned(job: Job): boolean {
  return job.spec?.suspend === true && ageOf(job) > abandonedMs;
}

/** Its pod hangs on a lost node, which gets no successor, or its pods are ended one after the other. */
function disruption(pods: readonly Live<V1Pod>[]): Failure | undefined {
  const open = pods.filter((pod) => !['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''));
  if (open.length > 0 && open.every((pod) => isLost(pod, Date.now())))
    return failed('interrupted', 'The node that the download ran on is lost.', true);
  return endedByCluster(pods);
}

function completedBytes(claim: Claim): number | undefined {
  const text = claim.metadata.annotations?.[annotations.complete];
  if (text === undefined) return undefined;
  try {
    const { uid, bytes } = JSON.parse(text) as { uid?: string; bytes?: number };
    return uid === claim.metadata.uid ? (bytes ?? 0) : undefined;
  } catch {
    return undefined;
  }
}

/** Deleted, and held back by the pods that mount it, those that have ended too. */
function isGoing(claim: Claim): boolean {
  return claim.metadata.deletionTimestamp !== undefined;
}

function ageOf(object: { metadata: { creationTimestamp: string } }): number {
  return Date.now() - Date.parse(object.metadata.creationTimestamp);
}
