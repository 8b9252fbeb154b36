import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '@kubernetes/client-node';
import { EcolinkError } from '../../errors.ts';
import type { KubernetesClient } from './client.ts';
import type { Live } from './kinds.ts';

/** What becomes of the storage behind a claim that is deleted; unknown where EcoLink may not look. */
export type Reclaim = 'freed' | 'kept' | 'unknown';

/** The volume's own policy counts, and its class's where that cannot be read: both lie outside the namespace. */
export async function reclaimOf(client: KubernetesClient, claim: Live<V1PersistentVolumeClaim>): Promise<Reclaim> {
  const { volumeName, storageClassName } = claim.spec ?? {};
  if (volumeName === undefined) return 'freed';
  const policy = (await policyOfVolume(client, volumeName)) ?? (await policyOfClass(client, storageClassName));
  if (policy === undefined) return 'unknown';
  return policy === 'Delete' ? 'freed' : 'kept';
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

export async function readVolume(client: KubernetesClient, name: string): Promise<V1PersistentVolume | undefined> {
  return (await unlessForbidden(client.raw('GET', `/api/v1/persistentvolumes/${name}`))) as
    | V1PersistentVolume
    | undefined;
}

async function policyOfVolume(client: KubernetesClient, name: string): Promise<string | undefined> {
  return (await readVolume(client, name))?.spec?.persistentVolumeReclaimPolicy;
}

async function policyOfClass(client: KubernetesClient, name: string | undefined): Promise<string | undefined> {
  const answer = await unlessForbidden(client.raw('GET', '/apis/storage.k8s.io/v1/storageclasses'));
  const { items = [] } = (answer ?? {}) as { items?: V1StorageClass[] };
  return items.find((each) => each.metadata?.name === name)?.reclaimPolicy;
}

/** Nothing is refused for what lies outside the namespace. */
async function unlessForbidden(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof EcolinkError) return undefined;
    throw thrown;
  }
}
