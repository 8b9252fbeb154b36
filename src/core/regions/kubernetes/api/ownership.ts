import type { V1Lease } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import type { KubernetesClient } from './client.ts';
import { labels, metadataFor, nameFor } from './names.ts';

interface Deps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  /** What tells the store behind this region from every other one. */
  store: string;
}

const taken = 'region_taken';
/** One that is refused is not asked about for each of its instances, in milliseconds. */
const refusedMs = 15_000;

/**
 * A namespace belongs, under a region's name, to one store: whatever carries our labels and is unknown there is removed.
 * A Lease that never ends says to which, since the objects are there whether or not a server runs.
 */
export class Ownership {
  readonly #deps: Deps;
  #known: { answer: Promise<void>; until: number } | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Takes a namespace that belongs to nobody. Throws `region_taken` for another's. */
  async check(options: { anew?: boolean } = {}): Promise<void> {
    if (!options.anew && this.#known && this.#known.until > Date.now()) return this.#known.answer;
    const known = { answer: this.#take(), until: Number.POSITIVE_INFINITY };
    this.#known = known;
    try {
      await known.answer;
    } catch (thrown) {
      // What another time may answer is asked again.
      known.until = thrown instanceof EcolinkError && thrown.code === taken ? Date.now() + refusedMs : 0;
      throw thrown;
    }
  }

  /** Why the region is not this store's; takes nothing. */
  async refusal(): Promise<EcolinkError | undefined> {
    return this.#refusal(await this.#holder());
  }

  async #take(): Promise<void> {
    const holder = await this.#holder();
    const { client, store } = this.#deps;
    const made = holder === undefined && (await client.create<V1Lease>('Lease', this.#lease()));
    // Who was first at the same time may be another server on the same store.
    const error = this.#refusal(made ? store : (holder ?? (await this.#holder())));
    if (error) throw error;
  }

  async #holder(): Promise<string | undefined> {
    return (await this.#deps.client.read<V1Lease>('Lease', this.#name()))?.spec?.holderIdentity;
  }

  #refusal(holder: string | undefined): EcolinkError | undefined {
    const { config, store } = this.#deps;
    if (holder === undefined || holder === store) return undefined;
    const { name, namespace } = config;
    return fail(taken, `The region ${name} in the namespace ${namespace} belongs to another EcoLink.`, {
      nextStep: `Give it another name or namespace in ecolink.yaml. If that EcoLink is gone for good, and what it made there may go too: kubectl -n ${namespace} delete lease ${this.#name()}`,
    });
  }

  #name(): string {
    return nameFor('ecolink', this.#deps.config.name);
  }

  #lease(): V1Lease {
    const { config, store } = this.#deps;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: metadataFor(config, { name: this.#name(), labels: { [labels.name]: 'ecolink-region' } }),
      spec: { holderIdentity: store },
    };
  }
}
