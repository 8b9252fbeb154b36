import { mountsTogether } from '../../../config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { readPersistentVolume } from '../api/cluster-scoped.ts';
import type { Claim, Job } from '../api/kinds.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { annotations } from '../api/names.ts';
import { completedBytes, isDeleting } from './claim-state.ts';

interface DonorDeps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
}

/**
 * The claims that the pod of a download can mount beside its own. A pod that mounts a claim of another zone would wait for
 * ever, so a volume that is bound to some nodes is no donor, unless the target is bound to the same ones.
 */
export async function mountableDonors(
  { config, client, mirrors }: DonorDeps,
  target: Claim,
  keys: readonly string[],
): Promise<string[]> {
  if (!mountsTogether(config)) return [];
  const own = keys.length === 0 ? undefined : await nodesOf(client, target);
  const mountable: string[] = [];
  for (const key of keys) {
    const claim = await mirrors.claims.get(key);
    if (!claim || isDeleting(claim) || completedBytes(claim) === undefined) continue;
    const nodes = await nodesOf(client, claim);
    if (nodes === undefined || nodes === own) mountable.push(claim.metadata.name);
  }
  return mountable;
}

/**
 * The claim that the storage can copy into a new one: of those with equal files, the first that is complete. Undefined
 * where the storage makes no clones.
 */
export async function cloneDonor(
  { config, mirrors }: Pick<DonorDeps, 'config' | 'mirrors'>,
  keys: readonly string[],
): Promise<Claim | undefined> {
  if (config.share !== 'clone') return undefined;
  for (const key of keys) {
    const claim = await mirrors.claims.get(key);
    if (claim && !isDeleting(claim) && completedBytes(claim) !== undefined) return claim;
  }
  return undefined;
}

/** The nodes that reach the claim, as text. Undefined if all do, or if EcoLink may not read volumes. */
async function nodesOf(client: KubernetesClient, { spec }: Claim): Promise<string | undefined> {
  if (spec?.volumeName === undefined) return undefined;
  const required = (await readPersistentVolume(client, spec.volumeName))?.spec.nodeAffinity?.required;
  return required && JSON.stringify(required);
}

/** Whether a claim is gone, or goes, that the download mounts. A pod that has not started will never start. */
export async function lostDonor(mirrors: Mirrors, job: Job): Promise<boolean> {
  const claims = await Promise.all(donorsOf(job).map((name) => mirrors.claims.get(name)));
  return claims.some((claim) => claim === undefined || isDeleting(claim));
}

/** The claims that a download mounts beside its own. */
export function donorsOf(job: Job): string[] {
  return job.metadata.annotations?.[annotations.donors]?.split(',') ?? [];
}
