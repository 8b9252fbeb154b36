import type { Clock } from '../../../base/clock.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { lastWarning } from '../api/events.ts';
import type { Claim } from '../api/kinds.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { completedBytes, isDeleting } from './claim-state.ts';

interface CloneDonorDeps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
  clock: Clock;
}

/** A storage reports failures while it still clones, and tries again. A clone of 140 GB may take minutes. */
const patienceMs = 10 * 60_000;

/** The first claim of the list that the storage can clone for a download. Undefined if files must be fetched. */
export async function claimToClone(
  { config, mirrors }: Pick<CloneDonorDeps, 'config' | 'mirrors'>,
  keys: readonly string[],
): Promise<Claim | undefined> {
  if (config.share === undefined) return undefined;
  for (const key of keys) {
    // The mirror has only the region's namespace. A clone cannot come from another one.
    const claim = await mirrors.claims.get(key);
    if (claim && canBeCloned(config, claim)) return claim;
  }
  return undefined;
}

function canBeCloned(config: KubernetesRegionConfig, claim: Claim): boolean {
  const isReady = !isDeleting(claim) && completedBytes(claim) !== undefined && claim.status?.phase === 'Bound';
  const ofClass = config.storage_class === undefined || claim.spec?.storageClassName === config.storage_class;
  return isReady && ofClass;
}

/** True if the claim is made from another one. */
export function isClone({ spec }: Claim): boolean {
  return spec?.dataSource?.kind === 'PersistentVolumeClaim';
}

/** True if the storage has not made the clone yet. */
export function isUnboundClone(claim: Claim): boolean {
  return isClone(claim) && claim.status?.phase !== 'Bound' && claim.spec?.volumeName === undefined;
}

/**
 * Why the storage will not make this clone, in words. Undefined if it is made, or may still be made. A claim that is
 * being deleted may be cloned to its end: the storage protects it then.
 */
export async function whyNotCloned(
  { client, clock }: Pick<CloneDonorDeps, 'client' | 'clock'>,
  claim: Claim,
): Promise<string | undefined> {
  if (!isUnboundClone(claim)) return undefined;
  const source = await client.read('PersistentVolumeClaim', claim.spec?.dataSource?.name ?? '');
  if (!source) return 'The volume to clone was deleted.';
  const ageMs = clock.now().getTime() - Date.parse(claim.metadata.creationTimestamp);
  if (!isDeleting(source) && ageMs < patienceMs) return undefined;
  const warning = await lastWarning(client, claim);
  return warning === undefined ? undefined : `The storage did not clone the volume: ${warning}`;
}
