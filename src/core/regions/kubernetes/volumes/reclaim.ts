import type { Clock } from '../../../base/clock.ts';
import type { KubernetesClient } from '../api/client.ts';
import { listStorageClasses, readPersistentVolume } from '../api/cluster-scoped.ts';
import type { Claim } from '../api/kinds.ts';

/** What happens to the bytes of a deleted claim. Unknown if EcoLink may not read volumes and classes. */
type Reclaim = 'freed' | 'kept' | 'unknown';

/** The volume's own policy decides. If EcoLink cannot read it, the class's policy decides. */
export async function reclaimOf(client: KubernetesClient, claim: Claim): Promise<Reclaim> {
  const { volumeName, storageClassName } = claim.spec ?? {};
  if (volumeName === undefined) return 'freed';
  const volume = await readPersistentVolume(client, volumeName);
  const policy = volume?.spec.persistentVolumeReclaimPolicy ?? (await policyOfClass(client, storageClassName));
  if (policy === undefined) return 'unknown';
  return policy === 'Delete' ? 'freed' : 'kept';
}

async function policyOfClass(client: KubernetesClient, name: string | undefined): Promise<string | undefined> {
  return (await listStorageClasses(client))?.find((each) => each.metadata.name === name)?.reclaimPolicy;
}

/** A class cannot change its policy, but it can be deleted and created again. In milliseconds. */
const classesMs = 60_000;
/** People wait for a list of volumes, and a region may hang. In milliseconds. */
const patienceMs = 1000;

/**
 * Which volumes stay after their claims, by the policy of their class. This takes one request for all volumes of a
 * region. `reclaimOf` asks for each volume.
 */
export class KeptVolumes {
  readonly #client: KubernetesClient;
  readonly #clock: Clock;
  #retaining: { names: Promise<ReadonlySet<string>>; untilMs: number } | undefined;

  constructor(client: KubernetesClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Leaves out volumes that are not known within a second. Never throws. */
  async of(
    keys: readonly string[],
    claimOf: (key: string) => Promise<Claim | undefined>,
  ): Promise<ReadonlySet<string>> {
    const nothing = new Set<string>();
    const found = new AbortController();
    const late = this.#clock.sleep(patienceMs, found.signal).then(() => nothing);
    try {
      return await Promise.race([this.#find(keys, claimOf).catch(() => nothing), late]);
    } finally {
      found.abort();
    }
  }

  async #find(
    keys: readonly string[],
    claimOf: (key: string) => Promise<Claim | undefined>,
  ): Promise<ReadonlySet<string>> {
    const names = await this.#retainingClasses();
    // The claims are in memory once somebody has read them.
    const claims = names.size === 0 ? [] : await Promise.all(keys.map(claimOf));
    return new Set(keys.filter((_, index) => names.has(claims[index]?.spec?.storageClassName ?? '')));
  }

  #retainingClasses(): Promise<ReadonlySet<string>> {
    if (this.#retaining && this.#retaining.untilMs > this.#clock.elapsedMs()) return this.#retaining.names;
    const names = listStorageClasses(this.#client).then(
      (classes = []) =>
        new Set(classes.filter((each) => each.reclaimPolicy === 'Retain').map((each) => each.metadata.name)),
    );
    this.#retaining = { names, untilMs: this.#clock.elapsedMs() + classesMs };
    return names;
  }
}

/** What an eviction leaves behind, in words. Undefined if it frees all bytes. */
export function describeReclaim(region: string, claim: Claim, reclaim: Reclaim): string | undefined {
  const volume = claim.spec?.volumeName;
  if (reclaim === 'kept')
    return `The storage of ${region} keeps the bytes: the PersistentVolume ${volume} stays (reclaimPolicy Retain) until somebody deletes it.`;
  if (reclaim === 'unknown')
    return `It is not known whether the storage of ${region} frees the bytes: EcoLink may not read PersistentVolumes there.`;
  return undefined;
}
