import { setTimeout as delay } from 'node:timers/promises';
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesClient } from '../api/client.ts';
import type { Live } from '../api/kinds.ts';
import { persistentVolume, storageClasses } from '../api/cluster-scoped.ts';

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

type ClaimOf = (key: string) => Promise<Live<V1PersistentVolumeClaim> | undefined>;

/** A class cannot change its policy; it can be deleted and made again. In milliseconds. */
const classesMs = 60_000;
/** Forms and completions wait for a list of volumes, and a region may hang. In milliseconds. */
const patienceMs = 1000;

/**
 * Which volumes stay behind their claims, as their classes say: one request for all of a region, where `reclaimOf` asks for each
 * volume what it says of itself.
 */
export class KeptByClass {
  readonly #client: KubernetesClient;
  #classes: { names: Promise<ReadonlySet<string>>; until: number } | undefined;

  constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /** What is not known soon, or not at all, is left out. */
  async of(keys: readonly string[], claimOf: ClaimOf): Promise<ReadonlySet<string>> {
    const nothing = new Set<string>();
    const late = delay(patienceMs, nothing, { ref: false });
    return Promise.race([this.#find(keys, claimOf).catch(() => nothing), late]);
  }

  async #find(keys: readonly string[], claimOf: ClaimOf): Promise<ReadonlySet<string>> {
    const names = await this.#keeping();
    // The claims are in memory, unless nobody has asked for them yet.
    const claims = names.size === 0 ? [] : await Promise.all(keys.map(claimOf));
    return new Set(keys.filter((_, index) => names.has(claims[index]?.spec?.storageClassName ?? '')));
  }

  #keeping(): Promise<ReadonlySet<string>> {
    if (this.#classes && this.#classes.until > Date.now()) return this.#classes.names;
    const names = storageClasses(this.#client).then(
      (classes) =>
        new Set(
          (classes ?? []).flatMap((each) => (each.reclaimPolicy === 'Retain' ? [each.metadata?.name ?? ''] : [])),
        ),
    );
    this.#classes = { names, until: Date.now() + classesMs };
    return names;
  }
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
