import { fail } from '../../../base/errors.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import type { ObservedVolume } from '../../../region/region.ts';
import type { Claim, Job } from '../api/kinds.ts';
import { annotations, labels } from '../api/names.ts';
import { downloadClaimName } from '../manifests/clone.ts';
import { volumeClaim } from '../manifests/volume.ts';
import { endOf } from '../pods/job-end.ts';
import { cloneVolume, deleteClone, endCloneCheck } from './clone-volume.ts';
import { completedBytes, isDeleting } from './claim-state.ts';
import { attemptOf, failed, isForClaim } from './download-state.ts';
import { Downloads } from './downloads.ts';
import type { DownloadsDeps } from './downloads.ts';
import { cloneDonor, mountableDonors } from './donors.ts';
import { whyOutOfReach } from './out-of-reach.ts';
import { describeReclaim, KeptVolumes, reclaimOf } from './reclaim.ts';

/** How often, and with which pause, EcoLink looks whether a deleted claim is gone. */
const goneTries = 20;
const gonePauseMs = 250;

/**
 * Volumes are PersistentVolumeClaims that Jobs fill. The claim's annotation says that it is complete, and names the
 * claim's UID.
 */
export class KubernetesVolumes {
  readonly #deps: DownloadsDeps;
  readonly #downloads: Downloads;
  readonly #kept: KeptVolumes;

  constructor(deps: DownloadsDeps) {
    this.#deps = deps;
    this.#downloads = new Downloads(deps);
    this.#kept = new KeptVolumes(deps.client, deps.clock);
  }

  async observe(key: string): Promise<ObservedVolume> {
    const { config, mirrors } = this.#deps;
    const served = await mirrors.claims.get(key);
    if (config.share === undefined) return this.#observeDownload(key, served);
    const bytes = served && !isDeleting(served) ? completedBytes(served) : undefined;
    if (bytes !== undefined) return { state: 'ready', bytes };
    const source = await mirrors.claims.get(downloadClaimName(config, key));
    const download = await this.#observeDownload(key, source);
    if (source && download.state === 'ready') return this.#observeClone(key, source, served, download.bytes);
    return download.state === 'absent' && served && isDeleting(served) ? { state: 'deleting' } : download;
  }

  async #observeDownload(key: string, claim: Claim | undefined): Promise<ObservedVolume> {
    if (!claim) return { state: 'absent' };
    if (isDeleting(claim)) return { state: 'deleting' };
    const bytes = completedBytes(claim);
    if (bytes !== undefined) return { state: 'ready', bytes };
    const job = (await this.#downloads.of(key)).find((each) => isForClaim(each, claim.metadata.uid));
    if (!job) return { state: 'partial', bytes: 0 };
    return endOf(job) === 'complete' ? this.#recordComplete(claim, job) : this.#downloads.observe(claim, job);
  }

  /** Continues the clone. When it is done, the claim that was downloaded goes. */
  async #observeClone(key: string, source: Claim, clone: Claim | undefined, bytes: number): Promise<ObservedVolume> {
    const job = (await this.#downloads.of(key))[0];
    const attempt = job ? attemptOf(job) : 0;
    const progress = await cloneVolume(this.#deps, key, source, clone);
    if (progress.state === 'failed')
      return { state: 'failed', attempt, failure: failed('not_shared', progress.message, true) };
    if (progress.state === 'under_way') return { state: 'downloading', attempt, reason: progress.reason };
    if (!clone || !(await this.#markComplete(clone, bytes))) return { state: 'absent' };
    await this.#deleteSource(key, source);
    return { state: 'ready', bytes };
  }

  /** After the clone nobody needs the source, and it would take the space twice. */
  async #deleteSource(key: string, source: Claim): Promise<void> {
    await endCloneCheck(this.#deps, key);
    await this.#downloads.removeAll(key);
    await this.#deps.client.delete('PersistentVolumeClaim', source.metadata.name, source.metadata.uid);
    this.#deps.mirrors.claims.forget(source);
  }

  async start(
    key: string,
    manifest: PullManifest,
    attempt: number,
    token: string | undefined,
    accelerators?: readonly string[],
    donors: readonly string[] = [],
  ): Promise<void> {
    const donor = (await this.#endsClone(key, attempt)) ? undefined : await cloneDonor(this.#deps, donors);
    const target = await this.#ensureClaim(key, manifest, donor);
    const mounted = await mountableDonors(this.#deps, target, donors);
    const withToken = token !== undefined;
    const claim = target.metadata.uid;
    const cloned = target.spec?.dataSource?.name;
    const download = { key, attempt, claim, manifest, withToken, accelerators, donors: mounted, cloned };
    await this.#downloads.start(download, token);
  }

  /**
   * True if the attempt before had a clone that never became usable. The claim is then deleted, so that this attempt gets
   * an empty one and fetches everything.
   */
  async #endsClone(key: string, attempt: number): Promise<boolean> {
    const last = (await this.#downloads.of(key))[0];
    if (!last || attemptOf(last) >= attempt || !(await this.#downloads.neverCloned(last))) return false;
    await this.#downloads.removeAll(key);
    await this.#deleteClaim(key, downloadClaimName(this.#deps.config, key));
    return true;
  }

  async stop(key: string): Promise<void> {
    await this.#downloads.stop(key);
  }

  async remains(key: string): Promise<string | undefined> {
    const { client, config, mirrors } = this.#deps;
    const claim = await mirrors.claims.get(key);
    return claim && describeReclaim(config.name, claim, await reclaimOf(client, claim));
  }

  outOfReach = (key: string, accelerator: { name: string; count: number }) =>
    whyOutOfReach(this.#deps, key, accelerator);

  keptOf = (keys: readonly string[]) => this.#kept.of(keys, (key) => this.#deps.mirrors.claims.get(key));

  /**
   * Returns the freed bytes. Undefined if the volume was never complete: nobody can look into it. Throws
   * `volume_deleting` while pods that mount the claim keep it.
   */
  async delete(key: string): Promise<number | undefined> {
    const { config } = this.#deps;
    await this.#downloads.removeAll(key);
    await this.#downloads.releaseDonor(key);
    if (config.share === undefined) return this.#deleteClaim(key, key);
    await endCloneCheck(this.#deps, key);
    const source = await this.#deleteClaim(key, downloadClaimName(config, key));
    return (await this.#deleteClaim(key, key)) ?? source;
  }

  async #deleteClaim(key: string, name: string): Promise<number | undefined> {
    const { client, mirrors } = this.#deps;
    // The mirror hides a claim that is being deleted, so it is read from the server.
    const claim = await client.read('PersistentVolumeClaim', name);
    if (!claim || claim.metadata.labels?.[labels.volume] !== key) return undefined;
    // Read first: the volume may go with its claim.
    const reclaim = await reclaimOf(client, claim);
    if (claim.metadata.deletionTimestamp === undefined)
      await client.delete('PersistentVolumeClaim', name, claim.metadata.uid);
    mirrors.claims.forget(claim);
    await this.#awaitGone(claim);
    return reclaim === 'kept' ? 0 : completedBytes(claim);
  }

  /** Marks a volume as incomplete, so that the next download checks every file. */
  async markDamaged(key: string): Promise<void> {
    const claim = await this.#deps.mirrors.claims.get(key);
    if (!claim) return;
    // A clone is read-only: another one is made.
    if (this.#deps.config.share !== undefined) return deleteClone(this.#deps, key, claim);
    const change = { metadata: { annotations: { [annotations.complete]: null } } };
    const changed = await this.#deps.client.patch('PersistentVolumeClaim', claim, change);
    if (changed) this.#deps.mirrors.claims.put(changed);
    await this.#downloads.removeAll(key);
  }

  async #recordComplete(claim: Claim, job: Job): Promise<ObservedVolume> {
    const bytes = Number(job.metadata.annotations?.[annotations.bytes] ?? 0);
    if (!(await this.#markComplete(claim, bytes))) return { state: 'absent' };
    await this.#downloads.forgetToken(job);
    return { state: 'ready', bytes };
  }

  /** Returns false if the claim is gone, or if another one has its name. */
  async #markComplete(claim: Claim, bytes: number): Promise<boolean> {
    const value = JSON.stringify({ uid: claim.metadata.uid, bytes });
    const change = { metadata: { annotations: { [annotations.complete]: value } } };
    const changed = await this.#deps.client.patch('PersistentVolumeClaim', claim, change);
    if (changed) this.#deps.mirrors.claims.put(changed);
    return changed !== undefined;
  }

  async #ensureClaim(key: string, manifest: PullManifest, donor: Claim | undefined): Promise<Claim> {
    const { client, config, mirrors } = this.#deps;
    const name = downloadClaimName(config, key);
    const known = await mirrors.claims.get(name);
    if (known && !isDeleting(known)) return known;
    const claim =
      (await client.create('PersistentVolumeClaim', volumeClaim(config, key, manifest, donor))) ??
      (await client.read('PersistentVolumeClaim', name));
    if (!claim) throw deletingError(key);
    if (isDeleting(claim)) {
      // The pods of old downloads keep the claim, even after they ended.
      await this.#downloads.removeAll(key);
      throw deletingError(key);
    }
    if (claim.metadata.labels?.[labels.volume] !== key) {
      throw fail('name_taken', `A claim named ${name} exists in ${config.name} that EcoLink did not make.`, {
        nextStep: `Rename or delete it in the namespace ${config.namespace}.`,
      });
    }
    mirrors.claims.put(claim);
    return claim;
  }

  /** Throws `volume_deleting` if the claim is still there after 5 s: a pod mounts it. */
  async #awaitGone(claim: Claim): Promise<void> {
    const { client, clock } = this.#deps;
    for (let tries = 0; tries < goneTries; tries++) {
      const current = await client.read('PersistentVolumeClaim', claim.metadata.name);
      if (current?.metadata.uid !== claim.metadata.uid) return;
      await clock.sleep(gonePauseMs);
    }
    throw deletingError(claim.metadata.name);
  }
}

function deletingError(key: string): Error {
  return fail('volume_deleting', `The volume ${key} is still being deleted.`, {
    nextStep:
      'Pods still mount it. Stop the instances that use it. It is then downloaded again when something needs it.',
  });
}
