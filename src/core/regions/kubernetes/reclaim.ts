import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesClient } from './client.ts';
import type { Live } from './kinds.ts';
import { persistentVolume, storageClasses } from './outside.ts';

/** What becomes of the storage behind a claim that is deleted; unknown where EcoLink may not look. */
type Reclaim = 'freed' | 'kept' | 'unknown';

/** The volume's own policy counts, and its class's where that cannot be read. */
export async function reclaimOf(client: KubernetesClient, claim: Live<V1PersistentVolumeClaim>): Promise<Reclaim> {
  const { volumeName, storageClassName } = claim.spec ?? {};
  if (volumeName === undefined) return 'freed';
  const volume = await persistentVolume(client, volumeName);
  const policy = volume?.spec?.persistentVolumeReclaimPolicy ?? (await policyOfClass(client, storageClassName));
  if (policy === undefined) return 'unknown';
  return policy === 'Delete' ? 'freed' : 'kept';
}

async function policyOfClass(client: KubernetesClient, name: string | undefined): Promise<string | undefined> {
  return (await storageClasses(client))?.find((each) => each.metadata?.name === name)?.reclaimPolicy;
}

/** In words, for whoever evicts; nothing where all is freed. */
export function reclaimNote(
  region: string,
  claim: Live<V1PersistentVolumeClaim>,
  reclaim: Reclaim,
): string | undefined {
  const volume = claim.spec?.volumeName;
  if (reclaim === 'kept')
    return `The storage of ${region} keeps the bytes: the PersistentVolume ${volume} stays (reclaimPolicy Retain) until somebody deletes it.`;
  if (reclaim === 'unknown')
    return `Whether the storage of ${region} frees the bytes is not known: EcoLink may not read PersistentVolumes there.`;
  return undefined;
}
